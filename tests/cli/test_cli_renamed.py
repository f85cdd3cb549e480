"""A stream and its source get other names: what each command says before and after the next run."""

from __future__ import annotations

import json
from contextlib import closing, redirect_stderr
from io import StringIO
from typing import Any

import pytest

from kit.cli_home import Home, Invoke
from strongroom.cli.options import report_new_names
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine

OLD, SOURCE = "zavu-main", "account"
OLD_STREAM, STREAM = "zavu-main-records", "broker-messages"


def ask(invoke: Invoke, home: Home, *args: str) -> tuple[dict[str, list[dict[str, object]]], str]:
    result = invoke("--config", home.config, *args, "--json")
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout), " ".join(result.stderr.split())


def rename(home: Home, *pairs: tuple[str, str]) -> None:
    text = home.config.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    home.config.write_text(text)


def next_run(home: Home) -> None:
    with open_engine(load_config(home.config), "test"):
        pass


def archived(streams: list[dict[str, Any]]) -> list[list[dict[str, str]]]:
    """Return the windows of each stream that are archived."""
    return [[window for window in each["windows"] if window["cover"] == "proven"] for each in streams]


def test_every_list_tells_that_a_name_is_new_and_shows_it_after_the_next_run(invoke: Invoke, own_home: Home) -> None:
    home, config = own_home, own_home.config
    next_run(home)  # it notes by what the account is known
    (before, _) = ask(invoke, home, "archives")
    (covered, _) = ask(invoke, home, "coverage")
    ids = [each["id"] for each in before["archives"]]
    held = ("hold", "place", "--matter", "acme", "--reason", "a letter")
    assert invoke("--config", config, *held, "--source", OLD).exit_code == 0
    rename(home, (f'name = "{OLD_STREAM}"', f'name = "{STREAM}"'), (f'"{OLD}"', f'"{SOURCE}"'))
    for command in (
        ("status",),
        ("plan",),
        ("coverage",),
        ("archives",),
        ("jobs",),
        ("hold", "list"),
        ("retention", "plan"),
    ):
        words = ask(invoke, home, *command)[1]
        assert f"Stream {OLD_STREAM} was renamed to {STREAM}. Until the next run" in words, command
        assert f"Source {OLD} was renamed to {SOURCE}. Until the next run" in words, command
    assert "takes effect with the next run" in invoke("--config", config, "doctor", "--offline").output
    with closing(StringIO()) as said, redirect_stderr(said):
        report_new_names(load_config(config))
        assert f"Stream {OLD_STREAM} was renamed to {STREAM}." in said.getvalue()
    next_run(home)
    assert "not in the configuration" not in invoke("--config", config, "doctor", "--offline").output
    assert {each["stream"] for each in ask(invoke, home, "archives")[0]["archives"]} == {STREAM}
    found, words = ask(invoke, home, "archives", "--stream", OLD_STREAM)
    assert [each["id"] for each in found["archives"]] == ids
    assert f"Stream {OLD_STREAM} was renamed to {STREAM}." in words
    for sort in ("window", "size", "records"):
        listed = ask(invoke, home, "archives", "--stream", STREAM, "--sort", sort)[0]
        assert {each["id"] for each in listed["archives"]} == set(ids)
    judged = ask(invoke, home, "retention", "plan", "--all", "--stream", STREAM)[0]["archives"]
    assert {each["stream"] for each in judged} == {STREAM}
    assert {each["fate"] for each in judged} == {"held"}
    streams = ask(invoke, home, "coverage")[0]["streams"]
    assert archived(streams) == archived(covered["streams"])  # what is pending changes by the hour
    assert [each["stream"] for each in streams] == [STREAM]
    (by_old, words) = ask(invoke, home, "coverage", "--stream", OLD_STREAM)
    assert by_old["streams"] == streams
    assert f"Stream {OLD_STREAM} was renamed to {STREAM}." in words
    job = invoke("--config", config, "jobs", "show", str(found["archives"][0]["job"])).output
    assert f" {STREAM} " in job
    shown = invoke("--config", config, "archives", "show", str(ids[0])).output
    assert f"called {STREAM} now" in " ".join(shown.split())
    again = json.loads(invoke("--config", config, *held, "--stream", STREAM, "--json").stdout)
    assert again["archives"] == len(ids)  # they came under the old name
    assert [each["source"] for each in ask(invoke, home, "hold", "list")[0]["holds"]] == [OLD, SOURCE, None]
    assert invoke("--config", config, "audit", "verify").exit_code == 0


@pytest.mark.parametrize("key", ["api_key", "base_url"])
def test_a_new_name_beside_a_new_key_or_address_is_refused_with_the_next_step(
    key: str, invoke: Invoke, own_home: Home
) -> None:
    text = own_home.config.read_text()
    line = next(each for each in text.splitlines() if each.startswith(key))
    other = {"api_key": 'api_key = "env:OTHER"', "base_url": 'base_url = "http://127.0.0.1:1"'}[key]
    rename(own_home, (line, other), (OLD, SOURCE))
    ran = invoke("--config", own_home.config, "run", "--once")
    assert ran.exit_code == 2
    words = " ".join(ran.output.split())
    assert f'call the source "{OLD}" again' in words
    assert "give the stream another name" in words
    assert "will refuse" in " ".join(invoke("--config", own_home.config, "status").output.split())
