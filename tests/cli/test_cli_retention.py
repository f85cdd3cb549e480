from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke


def run(invoke: Invoke, home: Home, *args: str) -> str:
    result = invoke("--config", str(home.config), *args)
    assert result.exit_code == 0, result.output
    return str(result.output)


def told(invoke: Invoke, home: Home, *args: str) -> dict[str, object]:
    answer: dict[str, object] = json.loads(run(invoke, home, *args, "--json"))
    return answer


def test_every_archive_has_a_rule_from_its_arrival(invoke: Invoke, own_home: Home) -> None:
    plan = told(invoke, own_home, "retention", "plan", "--all")
    archives = plan["archives"]
    assert isinstance(archives, list) and len(archives) > len(own_home.archives()) > 0  # and one in quarantine
    assert {(each["fate"], each["class"], each["period"]) for each in archives} == {("keep", "standard", "7y")}
    later = told(invoke, own_home, "retention", "plan", "--at", "2099-01-01", "--fate", "due")
    assert later["fates"] == {"keep": 0, "held": 0, "due": len(archives), "unknown": 0, "destroyed": 0}


def test_a_hold_keeps_until_it_is_released(invoke: Invoke, own_home: Home) -> None:
    name = own_home.archives()[0]
    placed = told(
        invoke, own_home, "hold", "place", "--matter", "Smith v. Acme", "--archive", name, "--reason", "a letter"
    )
    hold = placed["hold"]
    assert isinstance(hold, dict) and placed["archives"] == 1
    text = run(invoke, own_home, "retention", "plan", "--at", "2099-01-01", "--all")
    assert "a legal hold of the matter" in " ".join(text.split()) and max(map(len, text.splitlines())) <= 80
    assert "on hold: a legal hold of the matter Smith v. Acme" in run(invoke, own_home, "archives", "show", name)
    assert "Smith v. Acme" in run(invoke, own_home, "hold", "list")
    assert "1 archive now" in run(invoke, own_home, "hold", "show", hold["id"])
    run(invoke, own_home, "hold", "release", hold["id"][-8:], "--reason", "settled")
    assert invoke("--config", str(own_home.config), "hold", "release", hold["id"], "--reason", "settled").exit_code == 2
    assert told(invoke, own_home, "hold", "list")["holds"] == []
    log = (own_home.vault / "log" / "log.jsonl").read_text()
    assert [log.count(f'"hold.{kind}"') for kind in ("placed", "released")] == [1, 1]
    assert "Smith" not in log and "letter" not in log


@pytest.mark.parametrize(
    "args",
    [
        ["--matter", "m", "--reason", "r"],
        ["--matter", "m", "--reason", "r", "--everything", "--stream", "zavu-main"],
        ["--matter", "m", "--reason", "r", "--stream", "misspelt"],
        ["--matter", "m", "--reason", "r", "--source", "misspelt"],
        ["--matter", "m", "--reason", "r", "--dataset", "misspelt"],
        ["--matter", "m", "--reason", "r", "--source", "zavu-main", "--dataset", "conversations"],
        ["--matter", "m", "--reason", " ", "--everything"],
        ["--matter", " ", "--reason", "r", "--everything"],
        ["--matter", "m\n     99  2026-01-01  archive.cleared", "--reason", "r", "--everything"],
        ["--matter", "m\x1b[2K", "--reason", "r", "--everything"],
        ["--matter", "m", "--reason", "r\u202e", "--everything"],
        ["--matter", "m" * 201, "--reason", "r", "--everything"],
        ["--matter", "m", "--reason", "r" * 100_000, "--everything"],
        ["--matter", "m", "--reason", "r", "--from", "2026-02-01", "--to", "2026-01-01"],
    ],
)
def test_a_hold_that_says_too_little_or_nonsense_is_refused(invoke: Invoke, own_home: Home, args: list[str]) -> None:
    assert invoke("--config", str(own_home.config), "hold", "place", *args).exit_code == 2
    assert told(invoke, own_home, "hold", "list", "--all")["holds"] == []


def test_retention_is_lengthened_and_never_shortened(invoke: Invoke, own_home: Home, tmp_path: Path) -> None:
    name = own_home.archives()[0]
    before = own_home.config.read_text()
    try:
        own_home.config.write_text(f'{before}\n[retention.long]\nperiod = "9y"\n[retention.brief]\nperiod = "1y"\n')
        done = told(invoke, own_home, "retention", "extend", name, "--class", "long", "--reason", "a letter")[
            "extended"
        ]
        assert isinstance(done, list) and done[0]["until"] > done[0]["before"]
        for shorter in ("brief", "standard", "long"):
            refused = invoke(
                "--config", str(own_home.config), "retention", "extend", name, "--class", shorter, "--reason", "r"
            )
            assert refused.exit_code == 2 and "only" in refused.output
        assert '"retention.extended"' in (own_home.vault / "log" / "log.jsonl").read_text()
        assert "9y" in run(invoke, own_home, "archives", "show", name)
    finally:
        own_home.config.write_text(before)


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("hold", "place", "--matter", "m", "--reason", "r", "--dataset", "mesages"), "did you mean 'messages'?"),
        (("hold", "place", "--matter", "m", "--reason", "r", "--source", "zavumain"), "did you mean 'zavu-main'?"),
        (
            (
                *("erase", "request", "--subject", "s", "--ground", "g", "--stream", "zavu-mesages"),
                *("--from", "2026-11-01", "--to", "2026-11-02"),
            ),
            "did you mean",
        ),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_the_nearest(
    invoke: Invoke, own_home: Home, args: tuple[str, ...], hint: str
) -> None:
    result = invoke("--config", str(own_home.config), *args)
    assert result.exit_code == 2
    assert hint in " ".join(result.output.split())


def test_a_name_is_taken_however_it_is_written_and_a_hold_on_what_is_gone_is_a_warning(
    invoke: Invoke, own_home: Home
) -> None:
    hold = told(invoke, own_home, "hold", "place", "--matter", "m", "--reason", "r", "--source", "ZAVU-Main")["hold"]
    assert isinstance(hold, dict) and hold["source"] == "zavu-main"
    before = own_home.config.read_text()
    try:
        own_home.config.write_text(before.replace("zavu-main", "zavu-other"))
        shown = invoke("--config", str(own_home.config), "doctor", "--offline").output
        assert "source zavu-main, which is not in the configuration any more" in " ".join(shown.split())
    finally:
        own_home.config.write_text(before)
        run(invoke, own_home, "hold", "release", hold["id"], "--reason", "over")
