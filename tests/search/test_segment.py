"""A segment has of each record exactly what the record itself has, and gives the same hits."""

from __future__ import annotations

import io
import json
import random
from datetime import UTC

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strongroom.formats.record_checks import read_time
from strongroom.search.chunk import Chunk, cell_texts, read_chunks
from strongroom.search.entry import Place, SearchEntry, SearchFields, make_entry, party_texts, searched_text
from strongroom.search.query import parse_query
from strongroom.search.scan import Scan
from strongroom.search.segment import ROWS, ChunkBuilder, SegmentDamaged, opening_line
from strongroom.search.table import OUTER
from strongroom.search.text import fold, fold_joined

ARCHIVE = "0" * 26
FIELDS = SearchFields(("from",), ("to",), ("contact", "from"), ("channels",), ("status",))
PLACE = Place("messages", "calls", "zavu", FIELDS)
PIECES = (
    "refund",
    "Straße",
    "退款",
    "👍",
    "مرحبا",
    "e\u0301",
    "\ud800",
    "\x1e",
    "\x1f",
    "\n",
    " ",
    "+1 (415) 555-1234",
    "A",
)
Record = dict[str, object]

texts = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
names = st.sampled_from(("id", "at", "from", "to", "contact", "channels", "status", "text", "\x1e", ""))
records = st.lists(st.dictionaries(names, values, max_size=6), max_size=8)


def name_of(record: Record) -> str:
    name = record.get("id")
    return str(name) if isinstance(name, str | int) and not isinstance(name, bool) else ""


def build(found: list[Record], *, time: str = "at") -> list[Chunk]:
    out = [opening_line(ARCHIVE)]
    builder = ChunkBuilder("messages", ("id", time), out.append)
    builder.take(found, [name_of(each) for each in found], [each.get("at") for each in found])
    builder.close()
    return list(read_chunks(io.BytesIO(b"".join(out)), ARCHIVE))


def entry_of(record: Record) -> SearchEntry:
    at = read_time(record.get("at"))
    return make_entry(party_texts(record, FIELDS), PLACE, name=fold(name_of(record)), at=at, text=searched_text(record))


def hits(query: str, chunks: list[Chunk]) -> list[tuple[int, SearchEntry]]:
    scan, found, before = Scan(parse_query(query, UTC), read_time), [], 0
    for chunk in chunks:
        found += [(before + row, entry) for row, entry in scan.find(chunk, PLACE)]
        before += chunk.rows
    return found


@settings(max_examples=150, deadline=None)
@given(records)
@example([{"id": "\x1e"}, {"id": 0.0}])
def test_every_record_comes_back_as_it_would_be_read(found: list[Record]) -> None:
    chunks = build(found)
    rebuilt = [
        make_entry(
            {field: cell_texts(cell) for field, cell in row.cells.items()},
            PLACE,
            name=row.id,
            at=read_time(row.time),
            text=row.text,
        )
        for chunk in chunks
        for row in map(chunk.row, range(chunk.rows))
    ]
    assert rebuilt == [entry_of(record) for record in found]


QUERIES = st.sampled_from(
    (
        *("refund", "款", "👍", '"é a"', "from:refund", "to:退款", "party:14155551234", "party:5551234", "status:a"),
        *(
            "channel:refund",
            "id:a",
            "-refund",
            "regex:s.e",
            "regex:AR",
            "regex:fu+nd?",
            r"regex:\+[0-9]",
            "regex:^.{9}",
            "on:2026",
            "refund OR 款",
            "(from:a to:a) OR -status:a",
        ),
        *(
            "refund after:2026",
            "stream:calls a",
            "stream:x a",
            "-(party:a OR 款)",
            'channel:"a refund"',
            "regex:a.refund",
        ),
    )
)


@settings(max_examples=250, deadline=None)
@given(records, QUERIES)
def test_a_scan_finds_what_comparing_every_record_finds(found: list[Record], query: str) -> None:
    parsed = parse_query(query, UTC)
    entries = [entry_of(record) for record in found]
    truth = [(place, entry) for place, entry in enumerate(entries) if parsed.accepts(entry)]
    assert hits(query, build(found)) == truth


def test_times_are_read_from_the_field_that_has_them_or_from_a_column_of_their_own() -> None:
    found: list[Record] = [{"id": str(n), "at": f"2026-03-01T00:00:0{n}Z"} for n in range(5)]
    assert [chunk.head.times for chunk in build(found)] == [0]
    assert len(hits("after:2026-03-01T00:00 before:2026-03-01T00:01", build(found))) == 5
    assert [chunk.head.times > 0 for chunk in build(found, time="")] == [True]
    assert len(hits("on:2026-03-01", build(found, time=""))) == 5


def test_chunks_are_bounded_and_keep_the_order() -> None:
    found: list[Record] = [{"id": f"m{n}", "text": "word"} for n in range(ROWS + 5)]
    chunks = build(found)
    assert [chunk.rows for chunk in chunks] == [ROWS, 5]
    assert [entry.id for _, entry in hits("word", chunks)] == [each["id"] for each in found]


def damaged() -> list[bytes]:
    out: list[bytes] = []
    builder = ChunkBuilder("messages", ("id", "at"), out.append)
    builder.take([{"id": "a", "text": "x"}, {"id": "b"}], ["a", "b"], [None, None])
    builder.close()
    head = json.loads(out[0])
    heads = [
        {**head, "rows": -1},
        {**head, "rows": 7},
        {**head, "groups": [[["id"], [1, 2]]]},
        {**head, "groups": 7},
        {**head, "numbers": 10**12},
    ]
    first = opening_line(ARCHIVE)
    whole = first + b"".join(out)
    return [
        b"",
        opening_line("1" * 26) + b"".join(out),
        whole[:-1],
        first + b"{\n",
        first + b"[" * 100_000 + b"\n",
        *(first + json.dumps(each).encode() + b"\n" + out[1] for each in heads),
    ]


@pytest.mark.parametrize("data", damaged())
def test_what_is_no_segment_of_this_archive_is_refused(data: bytes) -> None:
    with pytest.raises(SegmentDamaged):
        for chunk in read_chunks(io.BytesIO(data), ARCHIVE):
            assert chunk.ids
            assert [chunk.row(place) for place in range(chunk.rows)]


def test_bytes_changed_at_random_never_do_more_than_be_refused() -> None:
    draw = random.Random(5)
    out = [opening_line(ARCHIVE)]
    builder = ChunkBuilder("messages", ("id", "at"), out.append)
    builder.take([{"id": "a", "text": "x\x1ey"}, {"id": "b", "to": ["c", "d"]}], ["a", "b"], [None, None])
    builder.close()
    for _ in range(500):
        data = bytearray(b"".join(out))
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            hits("from:x OR y", list(read_chunks(io.BytesIO(bytes(data)), ARCHIVE)))
        except SegmentDamaged:
            continue


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=8) | texts, max_size=5))
def test_texts_that_are_folded_together_are_folded_as_each_alone(found: list[str]) -> None:
    plain = [text.replace(OUTER, "") for text in found]
    assert fold_joined(OUTER.join(plain), OUTER) == OUTER.join(map(fold, plain))


@settings(max_examples=100, deadline=None)
@given(records)
@example(
    [
        {"id": [], "text": [], "from": [], "status": "", "to": None},
        {"status": ""},
        {"id": [], "text": [], "from": [], "status": "refund", "to": []},
    ]
)
def test_how_many_records_come_at_once_changes_no_chunk(found: list[Record]) -> None:
    emitted: list[list[bytes]] = [[], []]
    for out, step in zip(emitted, (1, len(found) or 1), strict=True):
        builder = ChunkBuilder("messages", ("id", "at"), out.append)
        for at in range(0, len(found), step):
            part = found[at : at + step]
            builder.take(part, [name_of(each) for each in part], [each.get("at") for each in part])
        builder.close()
    assert emitted[0] == emitted[1]
