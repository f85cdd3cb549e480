"""Neighbouring windows that share records on purpose: counted, no fault, and taken once by whoever reads them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.sealed_vault import CSV_SHAPE, DAY, House, Record, as_csv
from strongroom.age.reader import SealedReader
from strongroom.engine.access.compare import compare
from strongroom.engine.access.content import check_content
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import open_clear
from strongroom.formats.records import read_records
from strongroom.model.archive import Archive
from strongroom.model.inspection import Caps
from strongroom.model.provider import Container
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive
from strongroom.vault.manifest import read_manifest, write_manifest

NEXT = Window(DAY.end, DAY.end + (DAY.end - DAY.start))
OVERLAP = timedelta(seconds=2)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.vault.close()


def record(name: str, seconds: float, text: str = "hello") -> Record:
    """Return a record so many seconds after the boundary between the two windows."""
    return {"id": name, "at": format_instant(DAY.end + timedelta(seconds=seconds)), "text": text}


SHARED = [record("last", -0.5), record("edge", 0), record("first", 0.5)]
BEFORE = [record("early", -3600), *SHARED]
AFTER = [*SHARED, record("late", 3600)]


def seal(house: House, records: list[Record], window: Window, overlap: timedelta = OVERLAP) -> Archive:
    return house.seal(as_csv(records), window=window, overlap=overlap)


def test_what_lies_in_the_overlap_is_counted_and_no_fault(house: House) -> None:
    archive = seal(house, BEFORE, DAY)
    found = archive.inspection
    assert (found.sound, found.records, found.in_window) == (True, 4, 2)
    assert {finding.code for finding in found.findings} == {"record-at-end", "record-in-overlap"}
    assert check_content(house.vault, archive, house.identities) == []
    assert get_archive(house.vault.catalogue, archive.id) == archive


def test_what_lies_beyond_it_is_told_as_a_surprise(house: House) -> None:
    found = seal(house, [*BEFORE, record("far", 2.5)], DAY).inspection
    assert "record-outside-window" in {finding.code for finding in found.findings}
    found = seal(house, BEFORE, DAY, timedelta(0)).inspection
    assert "record-outside-window" in {finding.code for finding in found.findings}


def test_the_manifest_keeps_the_overlap_so_that_it_is_read_alike_later(house: House) -> None:
    archive = seal(house, BEFORE, DAY)
    assert b'"overlap": 2\n' in write_manifest(archive).replace(b",\n", b"\n")
    assert read_manifest(write_manifest(archive)).expectation.overlap == OVERLAP
    assert b"overlap" not in write_manifest(seal(house, BEFORE, DAY, timedelta(0)))


def test_neighbours_hold_a_shared_record_once_between_them(house: House) -> None:
    older, newer = seal(house, BEFORE, DAY), seal(house, AFTER, NEXT)
    (told,) = compare(house.vault, older, newer, house.identities, os.urandom).datasets
    assert (told.older, told.newer, told.same) == (4, 4, 3)
    assert (told.vanished.ids, told.added.ids, told.changed.count) == (("early",), ("late",), 0)


def test_a_reader_of_both_takes_each_record_once(house: House) -> None:
    seen: set[str | int] = set()
    names = []
    for archive in (seal(house, BEFORE, DAY), seal(house, AFTER, NEXT)):
        key = unlock(house.vault, archive, house.identities)
        sealed = io.BytesIO(house.vault.payload_path(archive).read_bytes())
        clear = open_clear(SealedReader(sealed, [key.identity]), archive.seal)
        read = read_records(clear, CSV_SHAPE, Caps(), seen=seen, container=Container.CSV)
        names += [str(each["id"]) for each in read]
    assert names == ["early", "last", "edge", "first", "late"]
