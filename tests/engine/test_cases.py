"""Cases: what is added is there again for the holder of an identity, and for nobody else; holds cover what is found."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.sealed_vault import AT, DAY, JSON_SHAPE, House, as_zip
from strongroom.age.keys import X25519Identity
from strongroom.cli.main import cli
from strongroom.engine.access.cases import add_case, change_case, open_cases
from strongroom.engine.core.people import acting_person
from strongroom.evidence.line import Entry
from strongroom.model.archive import Archive
from strongroom.model.case import NoteAdded
from strongroom.model.errors import ExitCode
from strongroom.model.provider import Container
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.vault.holds import holds_on
from strongroom.vault.log import add_entry

NEXT = Window(DAY.end, DAY.end + timedelta(days=1))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.vault.close()


def seal(house: House, name: str, text: str, window: Window = DAY) -> Archive:
    record = {"id": name, "at": format_instant(window.start), "from": "canaryparty", "text": text}
    return house.seal(as_zip(messages=[record]), (JSON_SHAPE,), Container.ZIP_OF_JSON, window, alone=False)


def run(house: House, *words: str, code: int = ExitCode.OK, typed: str | None = None) -> Result:
    arguments = ["--config", str(house.base / "strongroom.toml"), "case", *words]
    result = CliRunner().invoke(cli, arguments, input=typed)
    assert result.exit_code == code, result.output
    return result


def test_a_case_keeps_queries_notes_and_marks_with_who_and_when(house: House) -> None:
    archive = seal(house, "m1", "a canaryrefund")
    run(house, "new", "Smith v. Canary")
    run(house, "add-query", "smith V. canary", "canaryrefund", "from:canaryparty", "--time-zone", "Europe/Berlin")
    run(house, "note", "Smith v. Canary", typed="ask canarywitness\n")
    run(house, "mark", "Smith v. Canary", f"{archive.id[-8:]}/m1", "privileged")
    run(house, "mark", "Smith v. Canary", f"{archive.id}/m1", "relevant")
    shown = json.loads(run(house, "show", "Smith v. Canary", "--json").stdout)["case"]
    assert [step["change"] for step in shown["steps"]] == ["opened", "query", "note", "mark", "mark"]
    assert all(step["by"].endswith(f"({acting_person().token})") and step["at"] for step in shown["steps"])
    assert shown["steps"][1]["zone"] == "Europe/Berlin"
    assert shown["steps"][2]["text"] == "ask canarywitness"
    (mark,) = shown["marks"]
    assert (mark["archive"], mark["record"], mark["mark"]) == (archive.id, "m1", "relevant")
    assert len(mark["sha256"]) == len(hashlib.sha256().hexdigest())
    assert "1 hit" in run(house, "search", "Smith v. Canary", "1").stderr
    text = run(house, "show", "Smith v. Canary").stdout
    assert "query 1: canaryrefund from:canaryparty" in text
    assert run(house, "list").stdout.splitlines()[1].split()[-4:] == ["1", "1", "1", "0"]
    everything = b"".join(path.read_bytes() for path in house.base.rglob("*") if path.is_file())
    assert b"canary" not in everything.lower()


def test_a_hold_covers_each_archive_with_a_hit_and_with_later_what_follows(house: House) -> None:
    with_hit, without = seal(house, "m1", "refund"), seal(house, "m2", "other")
    run(house, "new", "Smith")
    run(house, "add-query", "Smith", "refund", "after:2026-03-01", "before:2026-03-04")
    run(house, "add-query", "Smith", "nothingatall")
    assert "1 hold" in run(house, "hold", "Smith", "1", "--reason", "letter").stdout
    catalogue = house.vault.catalogue
    assert [hold.matter for hold in holds_on(catalogue, with_hit)] == ["Smith"]
    assert holds_on(catalogue, without) == []
    run(house, "hold", "Smith", "1", "--reason", "letter", "--later")
    assert holds_on(catalogue, seal(house, "m3", "refund again", NEXT))
    assert not holds_on(catalogue, seal(house, "m4", "refund", Window(DAY.end + timedelta(9), DAY.end + timedelta(10))))
    assert len(json.loads(run(house, "list", "--json").stdout)["cases"][0]["holds"]) == 3
    run(house, "hold", "Smith", "2", "--reason", "letter", code=ExitCode.USAGE)


def test_mistakes_are_named_and_add_nothing(house: House) -> None:
    archive = seal(house, "m1", "refund")
    run(house, "new", "Smith")
    before = house.vault.layout.log.read_bytes()
    for words in (
        ("new", "SMITH"),
        ("new", " "),
        ("note", "Smyth", "x"),
        ("note", "Smith", "x" * 4_001),
        ("add-query", "Smith", "regex:("),
        ("add-query", "Smith", "x", "--time-zone", "Nowhere"),
        ("mark", "Smith", f"{archive.id}/m9", "relevant"),
        ("mark", "Smith", archive.id, "relevant"),
        ("search", "Smith", "1"),
    ):
        assert run(house, *words, code=ExitCode.USAGE).stderr.strip()
    assert house.vault.layout.log.read_bytes() == before


def test_lines_that_another_key_sealed_or_of_another_case_are_counted_and_not_believed(house: House) -> None:
    person, identities = acting_person(), house.identities
    one = add_case(house.vault, [], "One", person, AT, os.urandom)
    two = add_case(house.vault, [one], "Two", person, AT, os.urandom)
    change_case(house.vault, two, NoteAdded("of the other"), person, AT, os.urandom)
    facts = json.loads(house.vault.layout.log.read_bytes().splitlines()[-1])["facts"]
    with house.vault.catalogue.transaction():
        for changed in ({"case": one.id}, {"sealed": "AAAA"}):
            add_entry(house.vault.catalogue, Entry("case.changed", AT, facts={**facts, **changed}))  # type: ignore[arg-type]
    found = {each.id: each for each in open_cases(house.vault, identities)}
    assert [len(found[each.id].steps) for each in (one, two)] == [1, 2]
    assert [found[each.id].sealed for each in (one, two)] == [1, 1]
    strangers = open_cases(house.vault, [X25519Identity.generate(os.urandom)])
    assert [(each.name, each.sealed) for each in strangers] == [("", 2), ("", 3)]
