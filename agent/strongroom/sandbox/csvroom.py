"""Export files as CSVs: rows in, bytes out, spoilt on request."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Self

from strongroom.sandbox.csvspoil import spoil_columns, spoil_end, spoil_last_line, spoil_lines, spoil_rows
from strongroom.sandbox.faults import Fault, FaultKind, first
from strongroom.sandbox.files import FileRoom
from strongroom.sandbox.rows import Row, Wanted
from strongroom.sandbox.sheets import Column, CsvHabits, Sheet
from strongroom.sandbox.slots import Span

_BATCH = 512


@dataclass(frozen=True, slots=True)
class CsvContent:
    """What one export file holds."""

    job: str
    sheet: str  # which of the provider's layouts
    span: Span  # of records, both ends included
    made_at: datetime
    wanted: Wanted = ()
    faults: tuple[Fault, ...] = ()  # of the kinds that spoil files

    def spoilt_by(self, faults: tuple[Fault, ...]) -> Self:
        """Return the same with further faults."""
        return replace(self, faults=self.faults + faults)


class CsvRoom(FileRoom[CsvContent]):
    """Builds CSVs in `folder`. `layouts` names the columns of each sheet, `rows` finds what belongs in a file."""

    suffix = ".csv"
    media_type = "text/csv"

    def __init__(
        self,
        folder: Path,
        habits: CsvHabits,
        layouts: Mapping[str, Sequence[Column]],
        rows: Callable[[CsvContent], Iterator[Row]],
    ) -> None:
        super().__init__(folder)
        self._habits = habits
        self._layouts = layouts
        self._rows = rows
        self._sheets: dict[tuple[Column, ...], Sheet] = {}

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

    def _sheet(self, columns: tuple[Column, ...]) -> Sheet:
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

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = next(self._rows)
        self.count += 1
        return row
