"""What a shell completes: names and ids of the vault, operators of a query; and nothing where nothing can be read."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from kit.cli_home import Home, Invoke
from strongroom.cli.completions import BY_METAVAR, KINDS
from strongroom.cli.main import SECTIONS, Text, cli


def completed(config: Path, *words: str) -> list[str]:
    *args, incomplete = words
    shell = ShellComplete(cli, {}, "strongroom", "_STRONGROOM_COMPLETE")
    return [each.value for each in shell.get_completions(["--config", str(config), *args], incomplete)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("archives", "--stream", ""), ["zavu-main-records"]),
        (("coverage", "--stream", "ZAVU"), ["zavu-main-records"]),
        (("plan", "pause", "zavu-main"), ["zavu-main-records", "zavu-main"]),
        (("export", "--source", "z"), ["zavu-main"]),
        (("archives", "--stream", "other"), []),
        (("export", "--dataset", "m"), ["messages"]),
        (("retention", "extend", "--class", ""), ["standard"]),
        (("search", "fr"), ["from:"]),
        (("search", "refund", "b"), ["before:"]),
        (("erase", "answer", "--ground", ""), []),
    ],
)
def test_names_and_operators_are_completed(words: tuple[str, ...], found: list[str], kept_home: Home) -> None:
    assert completed(kept_home.config, *words) == found


def test_ids_are_completed_the_newest_first(kept_home: Home) -> None:
    found = completed(kept_home.config, "archives", "show", "")
    assert found == sorted(found, reverse=True)
    assert set(kept_home.archives()) < set(found), "and the one in quarantine"
    first = found[0]
    assert completed(kept_home.config, "restore", first[:20]) == [each for each in found if each[:20] == first[:20]]
    assert completed(kept_home.config, "package", "--archives", f"{first},{first[:25]}") == [f"{first},{first}"]
    jobs = completed(kept_home.config, "jobs", "show", "")
    assert len(jobs) >= 2 and all(len(each) == 26 for each in jobs)


def test_matters_and_holds_are_completed(own_home: Home, invoke: Invoke) -> None:
    args = ("hold", "place", "--matter", "Smith v. Jones", "--reason", "a letter", "--stream", "zavu-main-records")
    assert invoke("--config", own_home.config, *args).exit_code == 0
    assert completed(own_home.config, "hold", "list", "--matter", "smi") == ["Smith v. Jones"]
    assert len(completed(own_home.config, "hold", "release", "")) == 1


def test_erasures_and_their_plans_are_completed(own_home: Home, invoke: Invoke) -> None:
    args = (
        "erase",
        "request",
        "--subject",
        "crm-1",
        "--ground",
        "GDPR 17",
        "--archive",
        own_home.archives()[0],
        "--json",
    )
    result = invoke("--config", own_home.config, *args)
    assert completed(own_home.config, "erase", "answer", "") == [json.loads(result.stdout)["erasure"]["id"]]
    plans = completed(own_home.config, "destroy", "approve", "")
    assert len(plans) == 1 and plans == completed(own_home.config, "destroy", "undo", "")


def test_copies_are_completed(tmp_path: Path, own_home: Home) -> None:
    names = "".join(f'\n[[copy]]\nname = "{name}"\npath = "{tmp_path / name}"\n' for name in ("disk", "other"))
    with own_home.config.open("a") as config:
        config.write(names)
    assert completed(own_home.config, "copy", "run", "") == ["disk", "other"]
    assert completed(own_home.config, "copy", "scrub", "d") == ["disk"]


def test_where_nothing_can_be_read_nothing_is_completed_and_nothing_made(tmp_path: Path) -> None:
    assert completed(tmp_path / "none.toml", "archives", "show", "") == []
    assert completed(tmp_path / "none.toml", "archives", "--stream", "") == []
    assert list(tmp_path.iterdir()) == []


def test_every_parameter_that_is_named_here_is_one_of_a_command() -> None:
    def parameters(command: click.Command) -> list[click.Parameter]:
        below = command.commands.values() if isinstance(command, click.Group) else ()
        return [*command.params, *(each for sub in below for each in parameters(sub))]

    loaded = [place.load() for places in SECTIONS.values() for place in places.values()]
    known = [each for command in loaded for each in parameters(command) if isinstance(each.type, Text)]
    assert set(KINDS) <= {each.name for each in known}
    assert set(BY_METAVAR) <= {each.metavar for each in known}
