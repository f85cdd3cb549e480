"""A search finds every record that matches, once, in order of time, and names what it could not read."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from kit.sealed_vault import AT, DAY, House, Record, as_csv, as_zip
from strongroom.engine.access.fixity import SEGMENT, check_fixity
from strongroom.engine.access.hits import Found, gather
from strongroom.engine.access.index import IndexProgress, build_segment, build_segments, without_segment
from strongroom.engine.access.search import (
    SearchProgress,
    choose_archives,
    note_search,
    open_found,
    search,
)
from strongroom.engine.core.identities import unlock
from strongroom.engine.core.people import acting_person
from strongroom.engine.worker.segment_file import SegmentFile
from strongroom.evidence.line import Entry
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.search.query import parse_query
from strongroom.search.text import fold
from strongroom.vault.log import add_entry
from strongroom.vault.segments import segment_facts

NEXT = Window(DAY.end, DAY.end + timedelta(days=1))
SHAPE = DatasetShape("messages", "messages.json", "id", "at")
WORDS = ("refund", "Order", "Straße", "退款", "👍", "مرحبا", "invoice", "ﬁnal", "naïve", "No. 4711", "über")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.vault.close()


def message(name: str, seconds: float, text: str = "x", sender: str = "+1 415 555 1234") -> Record:
    at = format_instant(DAY.start + timedelta(seconds=seconds))
    return {"id": name, "at": at, "from": sender, "to": "ada@example.org", "text": text}


def build(house: House) -> IndexProgress:
    """Make the segments that are missing."""
    archives = list(without_segment(house.vault))
    progress = IndexProgress(missing=len(archives))
    list(build_segments(house.vault, archives, house.identities, lambda: AT, progress))
    return progress


def seal(house: House, records: list[Record], window: Window = DAY, stream: str = "messages") -> str:
    data = as_zip(messages=records)
    overlap = timedelta(days=2)
    sealed = house.seal(data, (SHAPE,), Container.ZIP_OF_JSON, window, overlap, stream=stream, alone=False)
    return sealed.id


def find(house: House, text: str) -> tuple[list[Found], SearchProgress]:
    query = parse_query(text, UTC)
    archives = choose_archives(house.vault, query)
    progress = SearchProgress(archives=len(archives))
    found = gather(search(house.vault, archives, query, house.identities, progress))
    return open_found(house.vault, found, house.identities, progress), progress


@pytest.fixture(params=["read", "segments"])
def ready(request: pytest.FixtureRequest, house: House) -> Callable[[], None]:
    """Make segments in one of two runs: a search gives the same with and without them."""
    return (lambda: None) if request.param == "read" else (lambda: (build(house), None)[1])


def ids(found: list[Found]) -> list[str]:
    return [each.hit.entry.id for each in found]


def test_hits_come_in_the_order_of_time_over_all_archives(house: House, ready: Callable[[], None]) -> None:
    seal(house, [message("c", 90_000, "refund")], NEXT)
    seal(house, [message("b", 500, "a Refund"), message("a", 10, "REFUND"), message("z", 20)])
    ready()
    found, progress = find(house, "refund")
    assert ids(found) == ["a", "b", "c"]
    assert (progress.archives, progress.done, progress.records) == (2, 2, 4)


def test_a_record_of_several_archives_is_one_hit_that_knows_its_versions(
    house: House, ready: Callable[[], None]
) -> None:
    first = seal(house, [message("a", 10, "refund pending"), message("b", 20, "refund")])
    second = seal(house, [message("a", 10, "refund paid"), message("b", 20, "refund")])
    ready()
    found, _ = find(house, "refund")
    assert [(each.hit.entry.id, each.versions) for each in found] == [("a", 2), ("b", 1)]
    assert all(set(each.archives) == {first, second} for each in found)


def test_attempts_that_share_an_id_within_one_archive_are_hits_of_their_own(
    house: House, ready: Callable[[], None]
) -> None:
    seal(house, [message("a", 10, "refund one"), message("a", 10, "refund two")])
    ready()
    assert len(find(house, "refund")[0]) == 2


def test_only_archives_that_can_have_a_hit_are_opened(house: House) -> None:
    seal(house, [message("a", 10)])
    seal(house, [message("b", 90_000)], NEXT)
    seal(house, [message("c", 10)], stream="calls")
    assert find(house, "on:2026-03-02")[1].archives == 1
    assert find(house, "stream:calls")[1].archives == 1
    assert find(house, "source:elsewhere")[1].archives == 0
    assert find(house, "dataset:calls")[1].archives == 0
    assert ids(find(house, "before:2026-03-02 stream:messages")[0]) == ["a"]


def test_a_record_far_outside_of_its_window_is_found_by_its_own_time(house: House, ready: Callable[[], None]) -> None:
    seal(house, [message("late", 86_400 * 2 - 5, "refund")])
    ready()
    assert ids(find(house, "on:2026-03-02")[0]) == ["late"]


def test_an_archive_that_cannot_be_read_is_named_and_the_rest_is_searched(house: House) -> None:
    broken = seal(house, [message("a", 10, "refund")])
    seal(house, [message("b", 90_000, "refund")], NEXT)
    archive = next(each for each in choose_archives(house.vault, parse_query("x", UTC)) if each.id == broken)
    path = house.vault.payload_path(archive)
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(data[:-20] + bytes(20))
    found, progress = find(house, "refund")
    assert ids(found)[-1:] == ["b"]
    assert list(progress.unread) == [broken]


def test_rows_of_a_csv_are_found_by_any_column(house: House, ready: Callable[[], None]) -> None:
    house.seal(
        as_csv([{"id": "a", "at": format_instant(DAY.start), "text": "x", "undocumented": "needle"}]), alone=False
    )
    ready()
    assert ids(find(house, "needle")[0]) == ["a"]


def test_the_log_has_the_query_where_the_configuration_wants_it(house: House) -> None:
    query = parse_query("refund", UTC)
    note_search(house.vault, query, SearchProgress(), 0, acting_person(), AT, os.urandom, clear=True)
    facts = json.loads(house.vault.layout.log.read_bytes().splitlines()[-1])["facts"]
    assert facts["query"] == "refund"
    assert facts["query_sha256"] == hashlib.sha256(bytes.fromhex(facts["salt"]) + b"refund").hexdigest()


def test_the_log_has_who_and_how_much_but_not_what(house: House) -> None:
    seal(house, [message("a", 10, "refund")])
    query = parse_query("refund canarycanary", UTC)
    note_search(house.vault, query, SearchProgress(1, 1, 1), 0, acting_person(), AT, os.urandom)
    line = json.loads(house.vault.layout.log.read_bytes().splitlines()[-1])
    assert line["kind"] == "search.made"
    assert {"by", "salt", "query_sha256", "archives", "records", "hits"} == set(line["facts"])
    everything = b"".join(path.read_bytes() for path in house.base.rglob("*") if path.is_file())
    assert b"canarycanary" not in everything


def test_random_queries_find_what_a_plain_scan_finds(house: House, ready: Callable[[], None]) -> None:
    """The truth is a scan of folded JSON values, written without any part of the search but the folding."""
    draw = random.Random(7)
    people = ("+1 (415) 555-1234", "+39 333 000 111", "ada@example.org", "Müller GmbH")
    records = [
        message(f"m{n}", draw.uniform(0, 86_400), " ".join(draw.choices(WORDS, k=4)), draw.choice(people))
        for n in range(300)
    ]
    seal(house, records[:200])
    seal(house, records[100:])  # a second pass that has a hundred of them again
    ready()
    for _ in range(100):
        word = draw.choice(WORDS)
        start = draw.randrange(len(word))
        part = word[start : start + draw.randint(1, 4)]
        sender = draw.choice(people)
        texts = {each["id"]: [fold(str(value)) for value in each.values()] for each in records}
        truth = {
            each["id"]
            for each in records
            if each["from"] == sender and any(fold(part) in text for text in texts[each["id"]])
        }
        digits = "".join(char for char in sender if char.isdigit())
        asked = digits if len(digits) > 6 and draw.random() < 0.5 else sender
        found, _ = find(house, f'"{part}" from:"{asked}"')
        assert set(ids(found)) == truth, (part, asked)
        assert len(found) == len(truth)


def test_segments_say_so_and_read_nothing_else(house: House) -> None:
    seal(house, [message("a", 10, "refund")])
    assert find(house, "refund")[1].read == 1
    assert (build(house).made, build(house).missing) == (1, 0)
    found, progress = find(house, "refund")
    assert ids(found) == ["a"]
    assert (progress.read, progress.unusable, progress.records) == (0, {}, 1)


def path_of(house: House, archive: str) -> Path:
    return house.vault.layout.segment(archive)


def cut(house: House, one: str, other: str) -> None:
    path_of(house, one).write_bytes(path_of(house, one).read_bytes()[:-7])


def swapped(house: House, one: str, other: str) -> None:
    path_of(house, one).write_bytes(path_of(house, other).read_bytes())


def missing(house: House, one: str, other: str) -> None:
    path_of(house, one).unlink()


def linked(house: House, one: str, other: str) -> None:
    path_of(house, one).unlink()
    path_of(house, one).symlink_to(path_of(house, other))


@pytest.mark.parametrize("damage", [cut, swapped, missing, linked])
def test_a_segment_that_does_not_belong_is_named_and_the_archive_is_read(
    house: House, damage: Callable[[House, str, str], None]
) -> None:
    one = seal(house, [message("a", 10, "refund")])
    other = seal(house, [message("b", 20, "refund")])
    build(house)
    damage(house, one, other)
    found, progress = find(house, "refund")
    assert ids(found) == ["a", "b"]
    assert (list(progress.unusable), progress.read, progress.unread) == ([one], 1, {})
    archive = next(each for each in choose_archives(house.vault, parse_query("x", UTC)) if each.id == one)
    assert [fault.code for fault in check_fixity(house.vault, archive)] == [SEGMENT]
    if damage is not linked:
        assert build(house).made == 1
        assert check_fixity(house.vault, archive) == []


def test_a_logged_segment_of_another_archive_is_refused_by_what_it_says(house: House) -> None:
    """As somebody who holds the identity could make one, and the digest in the log to it."""
    one = seal(house, [message("a", 10, "refund")])
    archive = next(each for each in choose_archives(house.vault, parse_query("x", UTC)) if each.id == one)
    key = unlock(house.vault, archive, house.identities)
    folder = house.vault.layout.segment(one).parent
    folder.mkdir(parents=True, exist_ok=True)
    with SegmentFile(house.vault.layout.segment(one), "0" * 26, key.identity.recipient) as file:
        segment = file.finish(1)
    with house.vault.catalogue.transaction():
        add_entry(house.vault.catalogue, Entry("index.sealed", AT, archive=one, facts=segment_facts(segment)))
    found, progress = find(house, "refund")
    assert ids(found) == ["a"]
    assert list(progress.unusable) == [one]


def test_a_segment_made_while_its_archive_is_destroyed_does_not_remain(house: House) -> None:
    one = seal(house, [message("a", 10, "refund")])
    archive = next(each for each in choose_archives(house.vault, parse_query("x", UTC)) if each.id == one)
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("DELETE FROM retained")
        house.vault.catalogue.write("DELETE FROM archives")
    key = unlock(house.vault, archive, house.identities)
    assert build_segment(house.vault, archive, key, lambda: AT) is None
    assert not list(house.base.rglob("*.idx.age"))


def test_nothing_clear_is_written_while_segments_are_made_and_searched(house: House) -> None:
    seal(house, [message("canaryid", 10, "canarycanary", "canarysender")])
    build(house)
    assert len(find(house, "canarycanary from:canarysender")[0]) == 1
    everything = b"".join(path.read_bytes() for path in house.base.rglob("*") if path.is_file())
    assert b"canary" not in everything.lower()
