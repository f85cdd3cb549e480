"""Two archives of one window, compared record by record."""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.sealed_vault import JSON_SHAPE, House, Record, as_zip, message
from strongroom.cli.main import cli
from strongroom.engine.access.compare import Tally, compare
from strongroom.formats.exact_json import Delivered
from strongroom.model.archive import Archive, DatasetDifference, Difference
from strongroom.model.errors import ContentRefused, SealError, UsageError
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container

KINDS = [Container.CSV, Container.ZIP_OF_JSON]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.vault.close()


def diff(house: House, older: Archive, newer: Archive, **more: Any) -> Difference:
    return compare(house.vault, older, newer, house.identities, os.urandom, **more)


def counts(told: DatasetDifference) -> tuple[int, int, int, int]:
    return told.same, told.added.count, told.changed.count, told.vanished.count


@pytest.mark.parametrize("container", KINDS)
def test_added_changed_and_vanished_are_told(house: House, container: Container) -> None:
    old = [message(n) for n in range(10)]
    new = [message(n) for n in range(2, 12)]
    new[0]["text"], new[1]["text"], new[1]["at"] = "other", "other", "2026-03-01T11:00:00Z"
    random.Random(7).shuffle(new)
    older, newer = house.seal_records(old, container), house.seal_records(new, container)
    told = diff(house, older, newer)
    (messages,) = told.datasets
    assert (told.older, told.newer, told.alike) == (older.id, newer.id, False)
    assert counts(messages) == (6, 2, 2, 2)
    assert (messages.older, messages.newer, messages.nameless) == (10, 10, 0)
    assert set(messages.added.ids) == {"m10", "m11"}
    assert set(messages.changed.ids) == {"m2", "m3"}
    assert messages.vanished.ids == ("m0", "m1")
    assert [(each.name, each.records) for each in messages.fields] == [("text", 2), ("at", 1)]
    assert messages.fields_compared == 2
    back = diff(house, newer, older).datasets[0]
    assert counts(back) == (6, 2, 2, 2)
    assert set(back.added.ids) == {"m0", "m1"}


@pytest.mark.parametrize("container", KINDS)
def test_the_same_records_in_another_order_are_alike(house: House, container: Container) -> None:
    old = [message(n) for n in range(50)]
    older, newer = house.seal_records(old, container), house.seal_records(old[::-1], container)
    read: list[int] = []
    told = diff(house, older, newer, watch=read.append)
    assert told.alike
    assert counts(told.datasets[0]) == (50, 0, 0, 0)
    assert sum(read) == 100


def test_a_new_column_changes_every_record_and_is_named(house: House) -> None:
    old = [message(n) for n in range(5)]
    older = house.seal_records(old, Container.CSV)
    newer = house.seal_records([{**each, "channel": "sms"} for each in old], Container.CSV)
    (messages,) = diff(house, older, newer, most=2).datasets
    assert counts(messages) == (0, 0, 5, 0)
    assert messages.changed.ids == ("m0", "m1")
    assert [(each.name, each.records) for each in messages.fields] == [("channel", 5)]


def test_the_order_of_fields_is_no_content(house: House) -> None:
    old = [message(n) for n in range(5)]
    turned = [dict(reversed(each.items())) for each in old]
    for container in KINDS:
        older, newer = house.seal_records(old, container), house.seal_records(turned, container)
        assert diff(house, older, newer).alike


def test_datasets_that_only_one_holds_are_named(house: House) -> None:
    other = DatasetShape("contacts", "contacts.json", "id", "at")
    third = DatasetShape("lists", "lists.json", "id", "at")
    shared = [message(1)]
    older = house.seal(as_zip(messages=shared, contacts=[]), (JSON_SHAPE, other), Container.ZIP_OF_JSON)
    newer = house.seal(as_zip(lists=[], messages=shared), (third, JSON_SHAPE), Container.ZIP_OF_JSON)
    told = diff(house, older, newer)
    assert (told.only_older, told.only_newer) == (("contacts",), ("lists",))
    assert [each.alike for each in told.datasets] == [True]
    assert not told.alike


def test_what_cannot_be_compared_is_refused_in_words(house: House) -> None:
    sound = house.seal_records([message(1)], Container.CSV)
    unsound = house.seal(b"id,at,text\nm1,x\n")
    other = DatasetShape("contacts", "contacts.json", "id", "at")
    foreign = house.seal(as_zip(contacts=[]), (other,), Container.ZIP_OF_JSON)
    cases = [(sound, sound, "itself"), (sound, unsound, "quarantine"), (unsound, sound, "quarantine")]
    for older, newer, words in [*cases, (sound, foreign, "different datasets")]:
        with pytest.raises(UsageError, match=words):
            diff(house, older, newer)


def test_a_damaged_archive_is_no_answer(house: House) -> None:
    older, newer = (house.seal_records([message(n) for n in range(9)], Container.CSV) for _ in range(2))
    path = house.vault.payload_path(newer)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(SealError):
        diff(house, older, newer)


def test_a_strange_identity_opens_nothing(house: House, tmp_path: Path) -> None:
    older, newer = (house.seal_records([message(1)], Container.CSV) for _ in range(2))
    (tmp_path / "other").mkdir()
    stranger = House(tmp_path / "other")
    with pytest.raises(SealError):
        compare(house.vault, older, newer, stranger.identities, os.urandom)
    stranger.vault.close()


def test_what_was_read_as_sound_and_is_not_raises(house: House) -> None:
    older, newer = (house.seal_records([message(1)], Container.CSV) for _ in range(2))
    wrong = replace(newer, expectation=replace(newer.expectation, container=Container.ZIP_OF_JSON))
    with pytest.raises((ContentRefused, OSError)):
        diff(house, older, wrong)


SHAPE = DatasetShape("messages", "", "id", "at")
PLAIN_IDS = st.sampled_from(["a", "b", "c", "d", 7, "7"])
RECORDS = st.lists(st.fixed_dictionaries({"id": PLAIN_IDS, "text": st.sampled_from(["x", "y"])}), max_size=8)


def tally(old: list[Record], new: list[Record], shape: DatasetShape = SHAPE) -> DatasetDifference:
    held = Tally(shape, b"k" * 32)
    for record in old:
        held.add_older(Delivered(record))
    for record in new:
        held.add_newer(Delivered(record))
    return held.result(10)


@settings(deadline=None)
@given(RECORDS, RECORDS)
def test_counts_agree_with_comparing_by_hand(old: list[Record], new: list[Record]) -> None:
    def grouped(records: list[Record]) -> dict[str, list[str]]:
        held: dict[str, list[str]] = {}
        for each in records:
            held.setdefault(str(each["id"]), []).append(json.dumps(each, sort_keys=True))
        return {name: sorted(texts) for name, texts in held.items()}

    before, after = grouped(old), grouped(new)
    told = tally(old, new)
    assert {*told.vanished.ids} == before.keys() - after.keys()
    assert {*told.added.ids} == after.keys() - before.keys()
    both = before.keys() & after.keys()
    assert {*told.changed.ids} == {name for name in both if before[name] != after[name]}
    assert told.same == sum(before[name] == after[name] for name in both)
    assert told.alike == (before == after)


@pytest.mark.parametrize(("old", "new", "expected"), [
    ([{"x": 1}, {"x": 1}, {"x": 2}], [{"x": 1}, {"x": 3}], (0, 1, 0, 2)),
    ([{"id": None}], [{"id": None}], (0, 0, 0, 0)),
    ([{"id": ""}, {"id": True}], [], (0, 0, 0, 2)),
    ([{"id": 7}], [{"id": "7"}], (0, 0, 1, 0)),
    ([{"id": "a", "t": "\ud800"}], [{"id": "a", "t": "\ud801"}], (0, 0, 1, 0)),
    ([{"id": "a", "t": 10**30}], [{"id": "a", "t": 10**30}], (1, 0, 0, 0)),
    ([{"id": "a", "t": 10**30}], [{"id": "a", "t": 10**30 + 1}], (0, 0, 1, 0)),
    ([], [], (0, 0, 0, 0)),
])  # fmt: skip
def test_odd_records_are_counted_too(old: list[Record], new: list[Record], expected: tuple[int, ...]) -> None:
    told = tally(old, new)
    assert counts(told) == expected
    assert (told.older, told.newer) == (len(old), len(new))


def test_without_an_id_field_every_record_is_its_content() -> None:
    told = tally([{"id": "a"}, {"id": "b"}], [{"id": "b"}, {"id": "c"}], DatasetShape("messages", "", "", ""))
    assert counts(told) == (0, 1, 0, 1)
    assert told.nameless == 4


def test_a_record_too_deep_to_compare_is_refused() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(ContentRefused, match="too deeply"):
        tally([{"id": "a", "x": deep}], [])


def test_the_memory_is_that_of_the_ids() -> None:
    held = Tally(SHAPE, b"k" * 32)
    tracemalloc.start()
    try:
        for number in range(20_000):
            held.add_older(Delivered({"id": f"{number:024}", "text": "x" * 500}))
        for number in range(20_000):
            held.add_newer(Delivered({"id": f"{number:024}", "text": "y" * 500}))
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown / 20_000 < 240


def test_ids_stay_out_of_a_representation() -> None:
    told = tally([{"id": "SECRET"}], [{"id": "ALSO"}])
    assert told.vanished.ids == ("SECRET",)
    assert "SECRET" not in repr(told)
    assert "ALSO" not in repr(told)


def run(house: House, *arguments: object) -> tuple[int, str, str]:
    config = house.base / "strongroom.toml"
    told = CliRunner().invoke(cli, ["--config", str(config), "diff", *(str(argument) for argument in arguments)])
    return told.exit_code, told.stdout, told.stderr


def test_the_command_tells_a_person_and_a_program(house: House) -> None:
    older = house.seal_records([message(n) for n in range(10)], Container.CSV)
    newer = house.seal_records([message(n, text="\u202eother") for n in range(1, 40)], Container.CSV)
    code, out, err = run(house, older.id, newer.id, "--limit", "3")
    assert code == 1
    assert "messages" in out
    assert "30" in out
    assert "m10, m11, m12 and 27 more" in out
    assert "text (9) in 9 changed records" in out
    assert "The records differ." in err
    code, out, _ = run(house, older.id, newer.id, "--json")
    told = json.loads(out)
    assert code == 1
    assert told["datasets"][0]["vanished"] == {"count": 1, "ids": ["m0"]}
    assert not told["alike"]
    again = house.seal_records([message(n) for n in range(10)], Container.CSV)
    code, out, err = run(house, older.id, again.id)
    assert (code, "The records are the same." in err) == (0, True)
    code, out, err = run(house, older.id, "nonsense")
    assert code == 2


def test_nothing_of_a_comparison_is_logged(house: House) -> None:
    older = house.seal_records([message(1, text="CANARYOLD")], Container.CSV)
    newer = house.seal_records([message(1, text="CANARYNEW"), message(987654)], Container.CSV)

    def everything() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (house.base / "vault").rglob("*") if path.is_file()}

    before = {path for path in everything() if not path.name.startswith("catalogue")}
    assert run(house, older.id, newer.id)[0] == 1
    after = everything()
    assert {path for path in after if not path.name.startswith("catalogue")} == before
    assert not [path for path, data in after.items() if b"CANARY" in data or b"m987654" in data]
