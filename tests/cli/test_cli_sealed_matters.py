"""The name of a legal matter is sealed in the log, and comes back with an identity when the catalogue is made again."""

from __future__ import annotations

import json

from kit.cli_home import Home, Invoke

MATTER, REASON = "Jones against Acme", "the court asked for it"
PLACE = ("hold", "place", "--matter", MATTER, "--everything", "--reason", REASON)


def matters(home: Home, invoke: Invoke) -> list[tuple[str, str]]:
    found = json.loads(invoke("--config", home.config, "hold", "list", "--json").output)["holds"]
    return [(each["matter"], each["reason"]) for each in found]


def test_a_matter_keeps_its_name_over_a_rebuild(own_home: Home, invoke: Invoke) -> None:
    assert invoke("--config", own_home.config, *PLACE).exit_code == 0
    log = own_home.vault / "log" / "log.jsonl"
    for words in (MATTER, "Acme", REASON):
        assert words.encode() not in log.read_bytes()
    made = invoke("--config", own_home.config, "rebuild", "--json")
    assert json.loads(made.output)["sealed"] == 1
    assert matters(own_home, invoke) == [("(name sealed)", "(name sealed)")]
    assert "rebuild --identity" in " ".join(invoke("--config", own_home.config, "hold", "list").output.split())
    assert invoke("--config", own_home.config, "audit", "verify").exit_code == 0
    made = invoke("--config", own_home.config, "rebuild", "--identity", own_home.identity, "--json")
    assert (made.exit_code, json.loads(made.output)["sealed"]) == (0, 0)
    assert matters(own_home, invoke) == [(MATTER, REASON)]
    assert MATTER in invoke("--config", own_home.config, "log").output
    assert invoke("--config", own_home.config, "audit", "verify").exit_code == 0


def test_an_identity_that_opens_nothing_leaves_the_hold_as_it_is(own_home: Home, invoke: Invoke) -> None:
    assert invoke("--config", own_home.config, *PLACE).exit_code == 0
    other = own_home.folder / "other.age"
    other.touch(mode=0o600)
    other.write_text("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")
    made = invoke("--config", own_home.config, "rebuild", "--identity", other, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["sealed"] == 1
    assert matters(own_home, invoke) == [("(name sealed)", "(name sealed)")]
