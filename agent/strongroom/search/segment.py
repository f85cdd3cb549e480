"""The search segment of an archive: the folded text of every record, in columns, without what a search does not need.

A segment is a line that names its archive, then chunks. A chunk is a line of JSON (`Head`) and a body of UTF-8: the
values of each column one after the other. Records with the same fields form a group with a column for each field;
values are separated by U+001E, the texts of a list or object by U+001F. The few records that have one of these two
characters themselves are in the head. The place of a record is its number within its dataset, in the order of the
archive.

docs/format.md describes it. Nothing here compresses, seals or reads a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from strongroom.search.entry import texts_in
from strongroom.search.table import OUTER, Record, Table, cut_tables
from strongroom.search.text import fold, fold_joined

VERSION = 1
ROWS = 20_000  # records of a chunk, at most
LETTERS = 4 << 20  # characters of a chunk's values: the next record begins another one
LARGEST = 1 << 28  # bytes of a head or body that are believed

Emit = Callable[[bytes], None]


class SegmentDamaged(ValueError):
    """The bytes are no segment, or not one of this archive."""


class Group(Struct, frozen=True):
    """Records with the same fields, in the order of the archive."""

    fields: tuple[str, ...]
    sizes: tuple[int, ...]  # bytes of each field's column


class Odd(Struct, frozen=True):
    """A record that holds one of the separators itself."""

    row: int
    id: str
    time: str
    fields: tuple[tuple[str, tuple[str, ...]], ...]  # each with its folded texts


class Head(Struct, frozen=True, kw_only=True):
    """What a chunk holds and where in its body. A size of 0 is a column that is left out, since others give it."""

    dataset: str
    rows: int
    id_field: str  # whose values are the ids of the records, unless `ids` has them
    time_field: str  # whose values are their times, unless `times` has them
    groups: tuple[Group, ...]
    numbers: int = 0  # bytes of the column that says which group each record is of, where there are several
    ids: int = 0
    times: int = 0
    odd: tuple[Odd, ...] = ()


def opening_line(archive: str) -> bytes:
    """Return the first line of an archive's segment."""
    return json.dumps({"archive": archive, "search-segment": VERSION}, sort_keys=True).encode() + b"\n"


class ChunkBuilder:
    """Takes the records of one dataset, in order, and emits chunks. Call `close` after the last one."""

    def __init__(self, dataset: str, fields: tuple[str, str], emit: Emit) -> None:
        """`fields` are the names of the id and of the time, empty where there is none."""
        self._dataset = dataset
        self._id_field, self._time_field = fields
        self._emit = emit
        self._begin()

    def take(self, records: Sequence[Record], ids: Sequence[str], times: Sequence[object]) -> None:
        """Take records with the id and the time that each has, as a reader of the archive finds them.

        A chunk ends after the records of one call, or within them where it has all the records that it may have.
        """
        at = 0
        while at < len(records):
            end = at + ROWS - len(self._ids)
            self._take(records[at:end], ids[at:end], _time_texts(times[at:end]))
            at = end
            if len(self._ids) >= ROWS or self._letters >= LETTERS:
                self._flush()

    def _take(self, records: Sequence[Record], ids: Sequence[str], times: Sequence[str]) -> None:
        first = len(self._ids)
        self._ids += ids
        self._times += times
        tables, odd = cut_tables(records)
        for table in tables:
            whole = len(table.rows) == len(records)
            group = self._groups.get(table.fields)
            if group is None:
                group = self._groups[table.fields] = _Group(len(table.fields))
            group.rows += [first + row for row in table.rows]
            for pieces, column in zip(group.pieces, table.columns, strict=True):
                text = OUTER.join(column)
                pieces.append(encode_text(fold_joined(text, OUTER)))
                self._letters += len(text)
            self._ids_given &= _gives(table, self._id_field, ids if whole else [ids[row] for row in table.rows])
            self._times_given &= _gives(table, self._time_field, times if whole else [times[row] for row in table.rows])
        for row in odd:
            fields = _folded_fields(records[row])
            self._odd.append(Odd(first + row, fold(ids[row]), times[row], fields))
            self._ids[first + row] = self._times[first + row] = ""  # they may have a separator, and stand with the odd
            self._letters += sum(len(text) for _, texts in fields for text in texts)

    def close(self) -> None:
        """Emit what is left."""
        if self._ids:
            self._flush()

    def _begin(self) -> None:
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._ids: list[str] = []
        self._times: list[str] = []
        self._odd: list[Odd] = []
        self._letters = 0
        self._ids_given = self._times_given = True  # by a field of the records

    def _flush(self) -> None:
        groups: list[Group] = []
        bodies: list[bytes] = []
        for fields, group in self._groups.items():
            folded = [OUTER.encode().join(pieces) for pieces in group.pieces]
            groups.append(Group(fields, tuple(map(len, folded))))
            bodies += folded
        lists = (
            _column(self._numbers(), len(groups) > 1),
            _column([fold(each) for each in self._ids], not self._ids_given),
            _column(self._times, not self._times_given),
        )
        head = Head(
            dataset=self._dataset,
            rows=len(self._ids),
            id_field=self._id_field,
            time_field=self._time_field,
            groups=tuple(groups),
            numbers=len(lists[0]),
            ids=len(lists[1]),
            times=len(lists[2]),
            odd=tuple(self._odd),
        )
        self._emit(json.dumps(msgspec.to_builtins(head), separators=(",", ":")).encode() + b"\n")
        self._emit(b"".join((*lists, *bodies)))
        self._begin()

    def _numbers(self) -> list[str]:
        """Return the number of the group that each record is of."""
        numbers = ["0"] * len(self._ids)
        for number, group in enumerate(self._groups.values()):
            for row in group.rows if number else ():
                numbers[row] = str(number)
        return numbers


class _Group:
    """The records of a chunk that have the same fields: their places, and each field's column, folded, in pieces."""

    def __init__(self, fields: int) -> None:
        self.rows: list[int] = []
        self.pieces: list[list[bytes]] = [[] for _ in range(fields)]


def _time_texts(times: Sequence[object]) -> list[str]:
    return [time if type(time) is str and time.isascii() else "" for time in times]


def _gives(table: Table, field: str, wanted: Sequence[str]) -> bool:
    """Say whether a field has just what a list has of these rows."""
    if field not in table.fields:
        return not any(wanted)
    return list(table.columns[table.fields.index(field)]) == list(wanted)


def _column(values: Sequence[str], needed: bool) -> bytes:
    """Return a column of its own; one more separator at its end tells it from one that is left out."""
    return encode_text(OUTER.join(values) + OUTER) if needed else b""


def _folded_fields(record: Record) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = ((field, tuple(fold(text) for text in texts_in(value))) for field, value in record.items())
    return tuple((field, texts) for field, texts in found if texts)


def encode_text(text: str) -> bytes:
    """Return text as a body has it: UTF-8, and half a surrogate pair as its three bytes."""
    return text.encode("utf-8", "surrogatepass")
