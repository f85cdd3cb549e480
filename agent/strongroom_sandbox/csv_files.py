"""CSVs that are not what they should be. Rows are damaged in place: an announced count stays true unless it is bent.

Each fault that damages a row takes the next one from the top; a file with fewer rows leaves the rest undamaged.

Export files as CSVs: rows in, bytes out, spoilt on request.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Self

from msgspec import Struct
from msgspec.structs import replace

from strongroom_sandbox.csv_style import CsvColumn, CsvHabits, Sheet
from strongroom_sandbox.faults import FaultKind, InjectedFault, first
from strongroom_sandbox.files import FileStore
from strongroom_sandbox.records import DAY, SlotSpan
from strongroom_sandbox.rows import SandboxRow, Wanted

_CUT_AT = 30
"""Characters kept of a row that is cut where nothing else is said: some cells, none of the longer texts."""

_Damage = Callable[[Sheet, SandboxRow], str | bytes]


def spoil_columns(columns: Sequence[CsvColumn], faults: tuple[InjectedFault, ...]) -> tuple[CsvColumn, ...]:
    """Return the columns with those added, lost or moved that the faults say."""
    made = tuple(columns)
    for fault in faults:
        if fault.kind is FaultKind.UNKNOWN_FIELD:
            made = (*made, CsvColumn(fault.name or "risk_score", constant="0.5"))
        elif fault.kind is FaultKind.VANISHED_FIELD:
            name = fault.name or "status"
            made = tuple(column for column in made if column.title != name)
        elif fault.kind is FaultKind.REORDERED_FIELDS:
            made = made[::-1]
    return made


def spoil_rows(rows: Iterator[SandboxRow], span: SlotSpan, faults: tuple[InjectedFault, ...]) -> Iterator[SandboxRow]:
    """Yield the rows, and behind the first the one that should not be there; nothing comes behind no rows."""
    if first(faults, FaultKind.NO_RECORDS):
        return
    if first(faults, FaultKind.OUTSIDE_WINDOW):
        head = next(rows, None)
        if head is None:
            return
        yield head
        yield SandboxRow(span.first - DAY, head.draw ^ 1, head.record)
    yield from rows


def spoil_lines(rows: Iterator[SandboxRow], sheet: Sheet, faults: tuple[InjectedFault, ...]) -> Iterator[str | bytes]:
    """Yield one line for each row, damaged ones among them."""
    damages = iter([damage for fault in faults for damage in _DAMAGES.get(fault.kind, ())])
    held: str | bytes | None = None
    for row in rows:
        if held is not None:
            yield held
        damage = next(damages, None)
        held = damage(sheet, row) if damage else sheet.line(row)
    if held is not None:
        cut = first(faults, FaultKind.CUT_ROW)
        yield held[: cut.at or _CUT_AT] if cut else held


def spoil_last_line(lines: Iterable[str | bytes], faults: tuple[InjectedFault, ...]) -> Iterator[str | bytes]:
    """Yield the lines, the last one without its line end where that is to be missing."""
    bare = first(faults, FaultKind.UNTERMINATED) is not None
    held: str | bytes | None = None
    for line in lines:
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield _bare(held) if bare else held


def _bare(line: str | bytes) -> str | bytes:
    return line.rstrip(b"\r\n") if isinstance(line, bytes) else line.rstrip("\r\n")


def spoil_end(faults: tuple[InjectedFault, ...]) -> bytes:
    """Return what follows the last row."""
    trailing = first(faults, FaultKind.TRAILING_BYTES)
    return b"\0" * trailing.by if trailing else b""


def _swap_last(sheet: Sheet, row: SandboxRow, mark: str) -> str:
    """Return the row's line with a mark in place of its last cell, nothing around it quoted or escaped."""
    line = sheet.join([*sheet.cells(row)[:-1], "\0"])
    return line.replace(sheet.quote("\0"), mark)


def _unescaped(sheet: Sheet, row: SandboxRow) -> str:
    return _swap_last(sheet, row, '"they said "no" twice"')


def _unclosed(sheet: Sheet, row: SandboxRow) -> str:
    return _swap_last(sheet, row, '"never closed')


def _short(sheet: Sheet, row: SandboxRow) -> str:
    return sheet.join(sheet.cells(row)[:-1])


def _long(sheet: Sheet, row: SandboxRow) -> str:
    return sheet.join([*sheet.cells(row), "surplus"])


def _not_utf8(sheet: Sheet, row: SandboxRow) -> bytes:
    head, _, tail = _swap_last(sheet, row, "\0").partition("\0")
    return head.encode() + b"caf\xe9 \xff\xc3(" + tail.encode()


def _zeroes(sheet: Sheet, row: SandboxRow) -> str:
    return _swap_last(sheet, row, "zero\0zero\0")


_DAMAGES: dict[FaultKind, tuple[_Damage, ...]] = {
    FaultKind.BAD_QUOTING: (_unescaped,),
    FaultKind.OPEN_QUOTE: (_unclosed,),
    FaultKind.RAGGED_ROW: (_short, _long),
    FaultKind.BAD_UTF8: (_not_utf8,),
    FaultKind.NUL_BYTES: (_zeroes,),
}


_BATCH = 512


class CsvContent(Struct, frozen=True):
    """What one export file holds."""

    job: str
    sheet: str  # which of the provider's layouts
    span: SlotSpan  # of records, both ends included
    made_at: datetime
    wanted: Wanted = ()
    faults: tuple[InjectedFault, ...] = ()  # of the kinds that spoil files

    def spoilt_by(self, faults: tuple[InjectedFault, ...]) -> Self:
        """Return the same with further faults."""
        return replace(self, faults=self.faults + faults)


class CsvStore(FileStore[CsvContent]):
    """Builds CSVs in `folder`. `layouts` names the columns of each sheet, `rows` finds what belongs in a file."""

    suffix = ".csv"
    media_type = "text/csv"

    def __init__(
        self,
        folder: Path,
        habits: CsvHabits,
        layouts: Mapping[str, Sequence[CsvColumn]],
        rows: Callable[[CsvContent], Iterator[SandboxRow]],
    ) -> None:
        super().__init__(folder)
        self._habits = habits
        self._layouts = layouts
        self._rows = rows
        self._sheets: dict[tuple[CsvColumn, ...], Sheet] = {}

    def fill(self, file: BinaryIO, content: CsvContent) -> int:
        """Write the CSV and return how many rows are in it, not counting the header."""
        sheet = self._sheet(spoil_columns(self._layouts[content.sheet], content.faults))
        counted = _Counted(self.watched(spoil_rows(self._rows(content), content.span, content.faults)))
        lines = spoil_lines(counted, sheet, content.faults)
        with_header = self._habits.header and first(content.faults, FaultKind.MISSING_HEADER) is None
        whole = chain([sheet.header()] if with_header else [], lines)
        for chunk in self._encoded(spoil_last_line(whole, content.faults)):
            file.write(chunk)
        file.write(spoil_end(content.faults))
        return counted.count

    def _sheet(self, columns: tuple[CsvColumn, ...]) -> Sheet:
        # Kept, because a sheet learns its records' templates, and most files are small and share them.
        if columns not in self._sheets:
            self._sheets[columns] = Sheet(columns, self._habits)
        return self._sheets[columns]

    def _encoded(self, lines: Iterable[str | bytes]) -> Iterator[bytes]:
        """Yield the text in the file's encoding; what is bytes already passes as it is."""
        encoder = codecs.getincrementalencoder(self._habits.encoding)("replace")
        if self._habits.bom and codecs.lookup(self._habits.encoding).name == "utf-8":
            yield codecs.BOM_UTF8
        waiting: list[str] = []
        for line in lines:
            if isinstance(line, bytes):
                yield encoder.encode("".join(waiting)) + line
                waiting.clear()
                continue
            waiting.append(line)
            if len(waiting) == _BATCH:
                yield encoder.encode("".join(waiting))
                waiting.clear()
        yield encoder.encode("".join(waiting), final=True)


class _Counted:
    """An iterator over rows that counts what passes."""

    def __init__(self, rows: Iterator[SandboxRow]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[SandboxRow]:
        return self

    def __next__(self) -> SandboxRow:
        row = next(self._rows)
        self.count += 1
        return row
