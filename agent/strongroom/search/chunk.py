"""Read a search segment: chunk by chunk, and of each chunk only the columns that a query asks for."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import msgspec
from msgspec import Struct

from strongroom.search.segment import LARGEST, Head, Odd, SegmentDamaged, opening_line
from strongroom.search.table import INNER, OUTER

_OUTER, _INNER = OUTER.encode(), INNER.encode()


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _wrong_count() -> SegmentDamaged:
    return SegmentDamaged("a column has more or fewer values than records")


class Source(Protocol):
    """The clear bytes of a segment."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes: fewer only at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or so many bytes of it."""
        ...


def read_chunks(source: Source, archive: str) -> Iterator[Chunk]:
    """Yield the chunks of an archive's segment. Raises SegmentDamaged where it is none, or another archive's."""
    if source.readline(1_000) != opening_line(archive):
        raise SegmentDamaged("it does not name the archive")
    while line := source.readline(LARGEST):
        head = _read_head(line)
        size = head.numbers + head.ids + head.times + sum(sum(group.sizes) for group in head.groups)
        body = source.read(size) if size <= LARGEST else b""
        if len(body) < size:
            raise SegmentDamaged("a chunk ends early")
        yield Chunk(head, body)


def _read_head(line: bytes) -> Head:
    try:
        head = msgspec.convert(json.loads(line), Head)
    except (ValueError, RecursionError) as error:
        raise SegmentDamaged("a chunk does not begin with its head") from error
    sizes = [size for group in head.groups for size in group.sizes]
    if min([head.rows, head.numbers, head.ids, head.times, *sizes]) < 0:
        raise SegmentDamaged("a chunk has a negative size")
    if any(len(group.fields) != len(group.sizes) or not group.fields for group in head.groups):
        raise SegmentDamaged("a chunk has columns without a name")
    return head


Cell = bytes | tuple[str, ...]
"""The folded texts of one field of a record: as a column has them, or one by one where they hold a separator."""


def cell_texts(cell: Cell) -> Sequence[str]:
    """Return the texts of a cell."""
    return cell if isinstance(cell, tuple) else _decode(cell).split(INNER)


class Row(Struct, frozen=True, gc=False):
    """One record of a chunk."""

    place: int  # within the chunk
    id: str
    time: str  # as it was delivered, or empty
    cells: Mapping[str, Cell]  # of each field
    text: str  # that words are searched in: the folded texts of all fields, one a line


class Column:
    """The values of one field, for the rows of one group."""

    def __init__(self, body: bytes, start: int, size: int, rows: Sequence[int]) -> None:
        self._body, self._start, self._end = body, start, start + size
        self.rows = rows

    def rows_with(self, word: bytes) -> Iterator[int]:
        """Yield the rows whose value has the word, which has no separator. Most values are never looked at alone."""
        body, end, at, number = self._body, self._end, self._start, 0
        while (hit := body.find(word, at, end)) >= 0:
            number += body.count(_OUTER, at, hit)
            if number >= len(self.rows):
                raise _wrong_count()
            yield self.rows[number]
            at = body.find(_OUTER, hit, end) + 1
            if not at:
                return
            number += 1

    @cached_property
    def cells(self) -> list[bytes]:
        """Return the values as they are in the body."""
        found = self._body[self._start : self._end].split(_OUTER)
        if len(found) != len(self.rows):
            raise _wrong_count()
        return found

    @cached_property
    def texts(self) -> list[str]:
        """Return the values, with the separator between the texts of each."""
        found = _decode(self._body[self._start : self._end]).split(OUTER)
        if len(found) != len(self.rows):
            raise _wrong_count()
        return found

    @cached_property
    def lines(self) -> list[str]:
        """Return the values with each text on a line of its own."""
        data = self._body[self._start : self._end].replace(_INNER, b"\n")
        return _decode(data).split(OUTER)


class Chunk:
    """Some records of one dataset, read from a segment. Columns are taken apart once something asks for them."""

    def __init__(self, head: Head, body: bytes) -> None:
        self.head = head
        self._body = body
        self.odd = {each.row: each for each in head.odd}

    @property
    def rows(self) -> int:
        """Return how many records it has."""
        return self.head.rows

    @property
    def size(self) -> int:
        """Return how many bytes its columns have."""
        return len(self._body)

    def fresh(self) -> Chunk:
        """Return it as it was read: without what was taken apart, which is larger than the columns."""
        return Chunk(self.head, self._body)

    def holds(self, word: bytes) -> bool:
        """Say whether one of the columns may have the word."""
        return word in self._body

    @cached_property
    def columns(self) -> list[dict[str, Column]]:
        """Return the columns of each group, by the name of the field."""
        head = self.head
        at, found = head.numbers + head.ids + head.times, []
        for group, rows in zip(head.groups, self._members, strict=True):
            columns = {}
            for field, size in zip(group.fields, group.sizes, strict=True):
                columns[field] = Column(self._body, at, size, rows)
                at += size
            found.append(columns)
        return found

    @cached_property
    def _members(self) -> list[Sequence[int]]:
        """Return the rows of each group."""
        head, odd = self.head, self.odd
        if not head.numbers:
            whole = range(head.rows)
            return [[row for row in whole if row not in odd] if odd else whole] * len(head.groups)
        members: list[list[int]] = [[] for _ in head.groups]
        for row, number in enumerate(self._list(0, head.numbers)):
            if row not in odd:
                members[int(number)].append(row)
        return [*members]

    @cached_property
    def _homes(self) -> dict[int, tuple[int, int]]:
        """Return of each record the number of its group and its place in that, where there are several groups."""
        return {row: (number, at) for number, rows in enumerate(self._members) for at, row in enumerate(rows)}

    def _home(self, place: int) -> tuple[int, int]:
        if self.head.numbers:
            return self._homes[place]
        return 0, bisect_left(self._members[0], place) if self.odd else place

    @cached_property
    def _cells(self) -> list[tuple[tuple[str, ...], list[list[bytes]]]]:
        """Return the fields of each group, and the values of each of them."""
        return [(tuple(each), [column.cells for column in each.values()]) for each in self.columns]

    @cached_property
    def ids(self) -> list[str]:
        """Return the folded id of each record; empty for none."""
        head = self.head
        found = self._list(head.numbers, head.ids) if head.ids else self._field(head.id_field)
        return self._with_odd(found, lambda odd: odd.id)

    @cached_property
    def times(self) -> list[str]:
        """Return the time of each record, in the case that it was folded to; empty for none."""
        head = self.head
        found = self._list(head.numbers + head.ids, head.times) if head.times else self._field(head.time_field)
        return self._with_odd(found, lambda odd: odd.time)

    def texts(self) -> Iterator[tuple[int, str]]:
        """Yield each record's place and the text that words are searched in."""
        for row in self.odd:
            yield row, self.row(row).text
        for rows, columns in zip(self._members, self.columns, strict=True):
            lines = [column.lines for column in columns.values()]
            yield from zip(rows, map("\n".join, zip(*lines, strict=True)), strict=True)

    def row(self, place: int) -> Row:
        """Return one record."""
        if place in self.odd:
            fields = dict(self.odd[place].fields)
            text = "\n".join([text for texts in fields.values() for text in texts])
            return Row(place, self.ids[place], self.times[place], fields, text)
        number, at = self._home(place)
        names, columns = self._cells[number]
        values = [column[at] for column in columns]
        cells, head = dict(zip(names, values, strict=True)), self.head
        return Row(
            place,
            self.ids[place] if head.ids else _decode(cells.get(head.id_field, b"")),
            self.times[place] if head.times else _decode(cells.get(head.time_field, b"")),
            cells,
            _decode(b"\n".join(values)).replace(INNER, "\n"),
        )

    @property
    def ids_differ(self) -> bool:
        """Say whether each record has an id of its own."""
        column = self.columns[0].get(self.head.id_field) if self.columns else None
        whole = column is not None and len(column.rows) == self.rows and not self.head.ids
        return len(set(column.cells if whole and column is not None else self.ids)) == self.rows

    def _list(self, start: int, size: int) -> list[str]:
        found = _decode(self._body[start : start + size]).split(OUTER)[:-1]
        if len(found) != self.head.rows:
            raise _wrong_count()
        return found

    def _field(self, name: str) -> list[str]:
        found = [""] * self.head.rows
        for columns in self.columns:
            column = columns.get(name)
            if column is not None and len(column.rows) == len(found):
                return column.texts
            if column is not None:
                for row, text in zip(column.rows, column.texts, strict=True):
                    found[row] = text
        return found

    def _with_odd(self, found: list[str], take: Callable[[Odd], str]) -> list[str]:
        for row, each in self.odd.items():
            found[row] = take(each)
        return found


class IdCounter:
    """Counts the records of each id in an archive, chunk by chunk: not before a hit or another chunk needs it."""

    def __init__(self) -> None:
        self._numbers = Counter[str]()
        self._last: Chunk | None = None  # not counted yet

    def count(self, chunk: Chunk, rows: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield each of these rows of the next chunk and how many records of its id came up to it."""
        if self._last is not None:
            self._numbers.update(self._last.ids)
        self._last = chunk
        if not rows:
            return
        if not self._numbers and chunk.ids_differ:
            yield from ((row, 1) for row in rows)
            return
        here = Counter[str]()
        for row, name in enumerate(chunk.ids):
            here[name] += 1
            if row in rows:
                yield row, self._numbers[name] + here[name]
