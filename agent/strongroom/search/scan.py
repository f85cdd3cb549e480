"""Find the records of a chunk that match a query, by taking apart only the columns that the query is about.

Which records can match is decided column by column; each of them is then compared whole, exactly as a record that was
read from its archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import compress

from strongroom.search.chunk import Cell, Chunk, Column, Row, cell_texts
from strongroom.search.entry import Place, SearchEntry, pick_entry, unique_texts
from strongroom.search.pattern import required_text
from strongroom.search.segment import encode_text
from strongroom.search.table import INNER, OUTER
from strongroom.search.terms import AllOf, AnyOf, Label, Operator, Party, Pattern, Period, Query, Term, Words

ReadTime = Callable[[str], datetime | None]

_MOST = 200_000  # values whose verdict is remembered
_MOST_PICKED = 20_000  # values that are remembered as they read


class Scan:
    """One query over many chunks. It remembers of each value of a party whether it matches, and how it reads."""

    def __init__(self, query: Query, read_time: ReadTime) -> None:
        self._query = query
        self._read_time = read_time
        self._verdicts: dict[Term, dict[bytes, bool]] = {}
        self._picked: dict[tuple[Cell, ...], tuple[str, ...]] = {}

    def find(self, chunk: Chunk, place: Place) -> Iterator[tuple[int, SearchEntry]]:
        """Yield the place within the chunk of each record that matches, and what is searched of it."""
        rows = self._candidates(self._query.term, chunk, place)
        for row in range(chunk.rows) if rows is None else sorted(rows):
            entry = self._entry(chunk.row(row), place)
            if self._query.accepts(entry):
                yield row, entry

    def _entry(self, row: Row, place: Place) -> SearchEntry:
        pick = partial(self._pick, row.cells)
        return pick_entry(pick, place, name=row.id, at=self._time(row.time), text=row.text)

    def _pick(self, row: Mapping[str, Cell], names: tuple[str, ...]) -> tuple[str, ...]:
        cells = tuple([row[name] for name in names if name in row])
        found = self._picked.get(cells)
        if found is None:
            if len(self._picked) >= _MOST_PICKED:
                self._picked.clear()
            found = unique_texts(text for cell in cells for text in cell_texts(cell))
            self._picked[cells] = found
        return found

    def _lies_in(self, term: Period, text: str) -> bool:
        at = self._time(text)
        return at is not None and term.has(at)

    def _time(self, text: str) -> datetime | None:
        return self._read_time(text) if text else None

    def _candidates(self, term: Term, chunk: Chunk, place: Place) -> set[int] | None:
        """Return the rows that may match a term, None for all of them."""
        match term:
            case AllOf():
                return self._all_of(term, chunk, place)
            case AnyOf():
                return self._any_of(term, chunk, place)
            case Words():
                return _with_word(term.folded, chunk)
            case Party():
                return self._with_party(term, chunk, place)
            case Period():
                return {row for row, text in enumerate(chunk.times) if self._lies_in(term, text)}
            case Pattern():
                return _with_pattern(term, chunk)
            case Label():
                return _with_label(term, chunk, place)
            case _:
                return None

    def _all_of(self, term: AllOf, chunk: Chunk, place: Place) -> set[int] | None:
        rows: set[int] | None = None
        for each in sorted(term.terms, key=_cost):
            if rows is not None and isinstance(each, Period | Pattern):
                continue  # the few that are left are compared whole
            found = self._candidates(each, chunk, place)
            if found is not None:
                rows = found if rows is None else rows & found
                if not rows:
                    return rows
        return rows

    def _any_of(self, term: AnyOf, chunk: Chunk, place: Place) -> set[int] | None:
        rows: set[int] = set()
        for each in term.terms:
            found = self._candidates(each, chunk, place)
            if found is None:
                return None
            rows |= found
        return rows

    def _with_party(self, term: Party, chunk: Chunk, place: Place) -> set[int]:
        fields = place.fields
        names = {
            Operator.FROM: fields.senders,
            Operator.TO: fields.recipients,
        }.get(term.role, fields.senders + fields.recipients + fields.parties)
        known = self._verdicts.setdefault(term, {})
        rows = set(chunk.odd)
        for column in _columns(chunk, names):
            cells = column.cells
            fresh = set(cells) - known.keys()
            if len(known) + len(fresh) > _MOST:
                known.clear()
                fresh = set(cells)
            for cell in fresh:
                known[cell] = any(term.fits(text) for text in unique_texts(cell_texts(cell)))
            rows.update(compress(column.rows, map(known.__getitem__, cells)))
        return rows


def _cost(term: Term) -> int:
    """Return which terms are looked at first: those that say soonest that a chunk has nothing."""
    costs: dict[type, int] = {Words: 0, Label: 1, Party: 2, AnyOf: 3, AllOf: 3, Period: 4, Pattern: 5}
    return costs.get(type(term), 6)


def _with_word(word: str, chunk: Chunk) -> set[int] | None:
    if not word or any(each in word for each in ("\n", OUTER, INNER)):
        return None  # it may begin in one text and end in the next
    data, rows = encode_text(word), set(chunk.odd)
    if not chunk.holds(data):
        return rows
    for columns in chunk.columns:
        for column in columns.values():
            rows.update(column.rows_with(data))
    return rows


def _with_pattern(term: Pattern, chunk: Chunk) -> set[int] | None:
    required = required_text(term.pattern.pattern)
    if required:
        return _with_word(required, chunk)
    return {row for row, text in chunk.texts() if term.pattern.search(text)}


def _with_label(term: Label, chunk: Chunk, place: Place) -> set[int] | None:
    if term.field is Operator.ID:
        return {row for row, name in enumerate(chunk.ids) if name == term.folded}
    fields = {Operator.CHANNEL: place.fields.channel, Operator.STATUS: place.fields.status}.get(term.field)
    constant = {Operator.STREAM: place.stream, Operator.SOURCE: place.source, Operator.DATASET: place.dataset}
    if term.field in constant:
        return None if constant[term.field] == term.folded else set()
    if fields is None or len(fields) != 1 or not term.folded:  # nothing is also said by a record without the field
        return None
    rows = set(chunk.odd)
    for column in _columns(chunk, fields):
        fits = {cell: _joined(cell) == term.folded for cell in set(column.cells)}
        rows.update(compress(column.rows, map(fits.__getitem__, column.cells)))
    return rows


def _columns(chunk: Chunk, names: Iterable[str]) -> Iterator[Column]:
    for columns in chunk.columns:
        for name in names:
            if name in columns:
                yield columns[name]


def _joined(cell: bytes) -> str:
    return " ".join(unique_texts(cell_texts(cell)))
