from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.vault_objects import day, make_archive, make_job
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.errors import VaultError
from strongroom.model.inspection import Bundled, Expectation, Finding, Inspection, MemberReport, Severity
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import Container
from strongroom.model.window import Window
from strongroom.vault.manifest import FORMAT_CODED, read_manifest, write_manifest

WORDS = st.text(max_size=8)
COUNTS = st.integers(0, 2**60)  # what several of them come to fits into 63 bits, too
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
LISTS = st.lists(WORDS, max_size=3).map(tuple)
WINDOWS = st.builds(
    lambda start, length: Window(start, start + length),
    INSTANTS,
    st.timedeltas(timedelta(microseconds=1), timedelta(days=400)),
)
REPORTS = st.builds(
    MemberReport, WORDS, WORDS, COUNTS, COUNTS, COUNTS, COUNTS, st.none() | INSTANTS, st.none() | INSTANTS, LISTS, LISTS
)
FINDINGS = st.builds(Finding, st.sampled_from(Severity), WORDS, WORDS, WORDS)
FILES = st.builds(Bundled, WORDS, WORDS, st.sampled_from(Container), st.none() | COUNTS)
SHAPES = st.builds(DatasetShape, WORDS, WORDS, WORDS, WORDS)


@st.composite
def archives(draw: st.DrawFn) -> Archive:
    window = draw(WINDOWS)
    shapes = tuple(draw(st.lists(SHAPES, max_size=2)))
    pairs = tuple(draw(st.lists(st.tuples(WORDS, WORDS), max_size=2)))
    return make_archive(
        make_job(),
        holding=draw(st.sampled_from([Holding.HELD, Holding.QUARANTINED])),
        stream=draw(WORDS),
        spec=ExportSpec(draw(LISTS), window, pairs),
        ref=draw(WORDS),
        seal=draw(st.builds(Seal, COUNTS, COUNTS, WORDS, WORDS, WORDS)),
        expectation=Expectation(
            window,
            shapes,
            draw(st.booleans()),
            draw(LISTS),
            rows=draw(st.none() | COUNTS),
            overlap=draw(st.sampled_from([timedelta(0), timedelta(seconds=2), timedelta(milliseconds=1500)])),
            files=tuple(draw(st.lists(FILES, max_size=2))),
        ),
        inspection=Inspection(tuple(draw(st.lists(REPORTS, max_size=2))), tuple(draw(st.lists(FINDINGS, max_size=2)))),
        recipients=draw(LISTS),
        durable_at=draw(INSTANTS),
        verified_at=draw(INSTANTS),
    )


ARCHIVE = make_archive(make_job())


@settings(deadline=None, max_examples=60)
@given(archives())
def test_a_manifest_comes_back_as_it_was(archive: Archive) -> None:
    data = write_manifest(archive)
    assert read_manifest(data) == archive
    assert read_manifest(data.decode()) == archive
    assert write_manifest(read_manifest(data)) == data


def test_a_manifest_is_for_people_too() -> None:
    text = write_manifest(ARCHIVE).decode()
    assert text.endswith("}\n")
    assert '"start": "2026-01-02T00:00:00Z"' in text
    assert json.loads(text)["counts"] == {"records": 3, "in_window": 2}


def without(name: str) -> bytes:
    body = json.loads(write_manifest(ARCHIVE))
    del body[name]
    return json.dumps(body).encode()


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(write_manifest(ARCHIVE)), **changes}).encode()


@pytest.mark.parametrize("newer", [FORMAT_CODED + 1, 10**9])
def test_a_newer_format_is_refused_in_words(newer: int) -> None:
    with pytest.raises(VaultError, match=f"has format {newer}, this program knows up to {FORMAT_CODED}") as told:
        read_manifest(changed(format=newer, id=None))
    assert told.value.hint == "install a newer strongroom"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"null",
        b"[]",
        b"{}",
        b"7",
        b'"text"',
        b"\xff\xfe\x00",
        pytest.param(b"[" * 100_000, id="nested"),
        write_manifest(ARCHIVE)[:-20],
        *(without(name) for name in json.loads(write_manifest(ARCHIVE)) if name != "counts"),
        changed(format="one"),
        changed(format=None),
        changed(holding="lost"),
        changed(window={"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}),
        changed(window={"start": "2026-01-01", "end": "2026-01-02"}),
        changed(window={"start": "0001-01-01T00:00:00+14:00", "end": "2026-01-02T00:00:00Z"}),
        changed(window="always"),
        changed(members=7),
        changed(members=[{}]),
        changed(findings=[{"severity": "joke", "code": "", "message": ""}]),
        changed(filters=["abc"]),
        changed(sealed=None),
        changed(durable_at=7),
        changed(verified_at=None),
    ],
)
def test_what_is_no_manifest_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(VaultError, match="a manifest cannot be read") as told:
        read_manifest(data)
    assert told.value.hint


def test_an_empty_window_is_told_by_its_counts() -> None:
    report = MemberReport("messages.json", "messages", 2, 0, 0, 0, None, None)
    assert make_archive(make_job(), inspection=Inspection((report,))).empty
    assert not ARCHIVE.empty
    assert ARCHIVE.spec.window == day(1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"end_inclusive"', '"overlap": 1e999, "end_inclusive"'),
        ('"end_inclusive"', '"overlap": NaN, "end_inclusive"'),
        ('"end_inclusive"', '"overlap": 1e300, "end_inclusive"'),
        ('"job": "', '"job": "\\ud800'),
        ('"stream": "', '"stream": "\\udfff'),
        ('"records": ', '"records": 9223372036854775808'),
    ],
)
def test_what_no_row_or_file_could_hold_is_refused_in_words(before: str, after: str) -> None:
    text = write_manifest(make_archive(make_job())).decode()
    assert before in text
    with pytest.raises(VaultError, match="cannot be read"):
        read_manifest(text.replace(before, after, 1))
