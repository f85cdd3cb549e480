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
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from strongroom.search.entry import texts_in
from strongroom.search.text import fold

VERSION = 1
ROWS = 20_000  # records of a chunk, at most
LETTERS = 4 << 20  # characters of a chunk's values: the next record begins another one
LARGEST = 1 << 28  # bytes of a head or body that are believed
OUTER, INNER = "\x1e", "\x1f"

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

    def take(self, records: Sequence[Mapping[str, object]], ids: Sequence[str], times: Sequence[object]) -> None:
        """Take records with the id and the time that each has, as a reader of the archive finds them."""
        for record, name, time in zip(records, ids, times, strict=True):
            self._inner, self._strange = 0, False
            fields = tuple(record)
            values = [value if type(value) is str else self._text_of(value) for value in record.values()]
            if None in values:
                fields = tuple([field for field, value in zip(fields, values, strict=True) if value is not None])
            joined = OUTER.join([value for value in values if value is not None])
            text = time if type(time) is str and time.isascii() else ""
            if joined.count(OUTER) == len(fields) - 1 and joined.count(INNER) == self._inner and not self._strange:
                self._groups.setdefault(fields, []).append((len(self._ids), joined))
            else:
                self._odd.append(Odd(len(self._ids), fold(name), text, _folded_fields(record)))
            self._ids.append(name)
            self._times.append(text)
            self._letters += len(joined)
            if len(self._ids) >= ROWS or self._letters >= LETTERS:
                self._flush()

    def _text_of(self, value: object) -> str | None:
        """Return the texts of a value that is no text, None where it has none."""
        if value is None or value is True or value is False:
            return None
        if type(value) is int or type(value) is float:
            return str(value)
        texts = list(texts_in(value))
        joined = INNER.join(texts)
        self._inner += max(0, len(texts) - 1)
        self._strange = self._strange or joined.count(INNER) != max(0, len(texts) - 1)
        return joined if texts else None

    def close(self) -> None:
        """Emit what is left."""
        if self._ids:
            self._flush()

    def _begin(self) -> None:
        self._groups: dict[tuple[str, ...], list[tuple[int, str]]] = {}
        self._ids: list[str] = []
        self._times: list[str] = []
        self._odd: list[Odd] = []
        self._letters = 0
        self._inner, self._strange = 0, False

    def _flush(self) -> None:
        ids_given = times_given = True
        groups: list[Group] = []
        bodies: list[bytes] = []
        numbers = ["0"] * len(self._ids)
        for number, (fields, rows) in enumerate(self._groups.items()):
            columns = list(zip(*[joined.split(OUTER) for _, joined in rows], strict=True))
            found = dict(zip(fields, columns, strict=True))
            ids_given = ids_given and _gives(found.get(self._id_field), rows, self._ids)
            times_given = times_given and _gives(found.get(self._time_field), rows, self._times)
            folded = [encode_text(fold(OUTER.join(column))) for column in columns]
            groups.append(Group(fields, tuple(map(len, folded))))
            bodies += folded
            if number:
                for row, _ in rows:
                    numbers[row] = str(number)
        lists = (
            _column(numbers, len(groups) > 1),
            _column([fold(each) for each in self._ids], not ids_given),
            _column(self._times, not times_given),
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


def _gives(column: Sequence[str] | None, rows: Sequence[tuple[int, str]], wanted: Sequence[str]) -> bool:
    """Say whether a field has just what a list has of these rows."""
    if column is None:
        return not any(wanted[row] for row, _ in rows)
    return all(wanted[row] == value for (row, _), value in zip(rows, column, strict=True))


def _column(values: Sequence[str], needed: bool) -> bytes:
    """Return a column of its own; one more separator at its end tells it from one that is left out."""
    return encode_text(OUTER.join(values) + OUTER) if needed else b""


def _folded_fields(record: Mapping[str, object]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = ((field, tuple(fold(text) for text in texts_in(value))) for field, value in record.items())
    return tuple((field, texts) for field, texts in found if texts)


def encode_text(text: str) -> bytes:
    """Return text as a body has it: UTF-8, and half a surrogate pair as its three bytes."""
    return text.encode("utf-8", "surrogatepass")
