"""Read one CSV: count and date every row, and watch its columns, in the memory of one batch.

A cell that begins like a formula is reported for people who open the file in a spreadsheet; the bytes stay as they are.
After a fault the remaining bytes are only counted.

Times: `03/04/2026 10:00` is April 3 or March 4. The column decides: once one of its dates has only one reading, all are
read that way. Until then an ambiguous date is not read. A time without a zone is read as UTC and counted, so that a
reader knows how far the dates may be off.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from strongroom.formats.csv_rows import BATCH, LEGACY, Row, RowSplitter
from strongroom.formats.exact_json import Delivered
from strongroom.formats.json_array import ParseVerdict, RecordWatcher
from strongroom.formats.plaintext import FindingLog, Unreadable, printable
from strongroom.formats.record_checks import DateTally, FieldWatch, read_time
from strongroom.model.inspection import Caps, Expectation, MemberReport, Severity
from strongroom.model.plan import DatasetShape
from strongroom.model.text import clause

# Behind the separator: a sign that starts a formula, but not the sign of a plain number or a telephone number.
_FORMULA = re.compile(r"\0(?:[=@\t\r]|[+-](?![\d ().,/-]*(?:\0|\Z)))")


class CsvReader:
    """Counts, dates and watches the rows of one dataset."""

    def __init__(
        self,
        member: str,
        shape: DatasetShape,
        expectation: Expectation,
        caps: Caps,
        watcher: RecordWatcher | None = None,
        *,
        batch: int = BATCH,
    ) -> None:
        self._watcher = watcher
        self._names: list[str] = []
        self._member = printable(member)
        self._shape = shape
        self._log = FindingLog(caps.max_findings)
        self._dates = DateTally(
            expectation.window, end_inclusive=expectation.end_inclusive, overlap=expectation.overlap
        )
        self._times = TimeColumn()
        self._fields = FieldWatch(shape, caps.max_fields)
        self._rows = RowSplitter(self, (shape.id_field, shape.time_field), max_row=caps.max_record, batch=batch)
        self._accepts = expectation.accepts
        self._announced_rows, self._announced_size = expectation.announced(member)
        self._width = self._size = self._records = self._formulas = self._nuls = 0
        self._cut = False  # something says that the file may be cut short
        self._keyed = False  # the header holds the documented id or time
        self._time_at: int | None = None  # which cell holds the time
        self._spare: memoryview | None = None  # after a fault: where bytes go that are only counted

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty, good until `advance`."""
        return self._rows.room() if self._spare is None else self._spare

    def advance(self, count: int) -> None:
        """Take note that `count` bytes were written into the room; after a fault they are only counted."""
        self._size += count
        if self._spare is not None:
            return
        try:
            self._rows.advance(count)
        except Unreadable as fault:
            self._break(fault)

    def finish(self, *, whole: bool) -> ParseVerdict:
        """Read the last rows where the bytes are whole, and return what was found."""
        if whole and self._spare is None:
            try:
                self._rows.finish()
                self._require_table()
                self._require_end()
            except Unreadable as fault:
                self._break(fault)
        if self._watcher is not None:
            self._watcher.close()
        self._report_text()
        self._report_cells()
        if self._shape.time_field:
            self._dates.report(self._log, self._member)
        elif self._records:
            words = "no time column is documented, so no record was compared with the window"
            self._note("csv-dates-not-judged", words)
        self._fields.report(self._log, self._member)
        return ParseVerdict(self._summarise(empty=whole and self._spare is None and not self._cut), self._log.close())

    def take_header(self, names: Sequence[str], *, given: bool) -> None:
        """Learn the columns."""
        self._width = len(names)
        self._names = _distinct(names)
        if not given:
            self._doubt("csv-no-header", "the first row holds values, not column names; it was counted as a record")
            return
        self._keyed = not {self._shape.id_field, self._shape.time_field}.isdisjoint({*names} - {""})
        if self._shape.time_field:
            self._find_time(names)
        self._fields.see([dict.fromkeys(names)])
        self._compare_columns(names)

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Count rows."""
        self._records += len(rows)
        place = self._time_at
        times = [None] * len(rows) if place is None else self._times.read([row[place] for row in rows])
        self._dates.add(times)
        if self._watcher is not None:
            self._watcher.watch([dict(zip(self._names, row, strict=True)) for row in rows], times)
        cells = "\0" + "\0".join(chain.from_iterable(rows))
        if cells.count("\0") != sum(map(len, rows)):  # a cell holds one itself
            self._nuls += sum("\0" in cell for row in rows for cell in row)
            cells = "\0" + "\0".join(cell.replace("\0", " ") for row in rows for cell in row)
        self._formulas += sum(1 for _ in _FORMULA.finditer(cells))

    def _find_time(self, names: Sequence[str]) -> None:
        name = self._shape.time_field
        if name in names:
            self._time_at = names.index(name)
            return
        words = (
            f"the header has no column {printable(name)}: it was cut short, or the time is in another column. If so,"
            f" set the source's option {self._shape.name}-time-column to its name, or to nothing if there is none"
        )
        self._doubt("csv-no-time-column", words)

    def _compare_columns(self, names: Sequence[str]) -> None:
        repeated = [printable(name) for name, count in Counter(names).items() if count > 1]
        if repeated:
            self._warn("csv-column-repeated", f"the header names columns twice: {', '.join(repeated[:10])}")
        order = [name for name in self._shape.columns if name in names]
        if order != [name for name in names if name in order]:
            self._note("csv-column-order", "the columns come in another order than the documented one")

    def _require_table(self) -> None:
        """Refuse a line or two of plain text, such as an error message: nothing in it suggests a table."""
        if not self._width:
            words = "the file is empty: it has no header, so it does not show that there are no records"
            self._doubt("csv-empty", words)
        if self._width != 1 or self._keyed:
            return
        if not self._records or self._shape.id_field or self._shape.time_field:
            raise Unreadable("csv-not-csv", "the file is text with nothing that separates cells; a CSV was expected")
        self._warn("csv-one-column", "the file has one column only; it may be plain text")

    def _require_end(self) -> None:
        """Doubt a last line without the line end that all others have, unless an announced size or count agrees."""
        if not self._rows.unterminated:
            return
        what = "row" if self._records else "header"
        words = f"the last line, a {what}, has no line end"
        if self._size == self._announced_size or self._records == self._announced_rows:
            self._warn("csv-unterminated", f"{words}; what the provider announced agrees with the file")
        else:
            self._doubt("csv-unterminated", f"{words}: its last cell may have been cut short, and rows may be missing")

    def _doubt(self, code: str, words: str) -> None:
        """Refuse a file that may be cut short, unless this source's files are accepted so."""
        if code in self._accepts:
            self._warn(code, words)
            return
        self._cut = True
        self._log.add(Severity.FAULT, code, words, self._member)

    def _break(self, fault: Unreadable) -> None:
        self._spare = memoryview(bytearray(BATCH))
        words = f"{fault.message} ({self._records:,} records were read before)"
        self._log.add(Severity.FAULT, fault.code, words, self._member)

    def _report_text(self) -> None:
        if self._rows.decoder.encoding == LEGACY:
            words = (
                "the text is not UTF-8 and was read as Windows-1252, which accepts nearly anything: it may be another"
            )
            self._warn("csv-legacy-encoding", words)
        if self._rows.blank:
            self._note("csv-blank-lines", f"{self._rows.blank:,} blank lines were skipped")

    def _report_cells(self) -> None:
        if self._rows.hinted:
            self._note("csv-separator-hint", "the first line only names the separator; the table begins after it")
        if self._nuls:
            words = clause(self._nuls, "cell holds NUL characters", "cells hold NUL characters")
            self._warn("csv-nul-cell", f"{words}, which spreadsheets drop")
        if self._formulas:
            words = (
                clause(self._formulas, "cell begins like a formula", "cells begin like a formula")
                + "; a spreadsheet may run them. The bytes are unchanged"
            )
            self._note("csv-formula", words)
        if self._times.zoneless:
            words = clause(self._times.zoneless, "time has no zone and was", "times have no zone and were")
            self._note("csv-time-without-zone", f"{words} read as UTC")

    def _warn(self, code: str, words: str) -> None:
        self._log.add(Severity.WARNING, code, words, self._member)

    def _note(self, code: str, words: str) -> None:
        self._log.add(Severity.NOTE, code, words, self._member)

    def _summarise(self, *, empty: bool) -> MemberReport:
        dates, rows = self._dates, self._rows
        return MemberReport(
            member=self._member,
            dataset=self._shape.name,
            size=self._size,
            records=self._records,
            in_window=dates.in_window,
            undated=dates.undated,
            earliest=dates.earliest,
            latest=dates.latest,
            fields_unknown=self._fields.unknown,
            fields_vanished=self._fields.vanished,
            dialect=f"{rows.dialect} encoding={rows.decoder.encoding}" if rows.dialect else "",
            empty=None if self._records else empty,
        )


class RowCollector:
    """Turns rows into records, and reads their times as inspection does.

    A column whose name was given before gets a number behind it, so that none hides another.
    """

    def __init__(self, time_field: str | None) -> None:
        self._time_field = time_field
        self._times = TimeColumn()
        self._time_at: int | None = None  # which cell holds the time
        self._names: list[str] = []
        self._ready: list[Delivered] = []

    def take_header(self, names: Sequence[str], *, given: bool) -> None:
        """Take the names of the columns; made-up ones serve as well, but no time is read under them."""
        self._names = _distinct(names)
        if given and self._time_field in names:
            self._time_at = names.index(self._time_field)

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Take rows, each as wide as the header."""
        place = self._time_at
        times = [None] * len(rows) if place is None else self._times.read([row[place] for row in rows])
        self._ready += [
            Delivered(dict(zip(self._names, row, strict=True)), time) for row, time in zip(rows, times, strict=True)
        ]

    def drain(self) -> Sequence[Delivered]:
        """Give the records that are ready, in their order, and forget them."""
        ready, self._ready = self._ready, []
        return ready


def _distinct(names: Sequence[str]) -> list[str]:
    taken: dict[str, int] = {}  # with the last number that was put behind the name: none is tried twice
    for name in names:
        free = name
        while free in taken:
            taken[name] += 1
            free = f"{name} ({taken[name]})"
        taken[free] = 1
    return list(taken)


_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)


_LOCAL = re.compile(
    r"(\d\d?)([./-])(\d\d?)\2(\d{4})[, T] ?(\d\d?):(\d\d)(?::(\d\d))?(?: ?([AP])M)?", re.ASCII | re.IGNORECASE
)


class TimeColumn:
    """Turns the cells of one column into RFC 3339 texts."""

    def __init__(self) -> None:
        self.zoneless = 0  # times that were taken as UTC for want of a zone
        self._day_first: bool | None = None  # None until a date decides it

    def read(self, cells: Sequence[str]) -> Sequence[str | None]:
        """Return a text that `DateTally` reads for each cell, or None where the cell is no time."""
        if all([cell[-1:] == "Z" for cell in cells]):  # noqa: C419  # the list is three times as fast here
            return cells
        if self._day_first is None:
            self._learn(cells)
        return [self._read_cell(cell.strip()) for cell in cells]

    def _learn(self, cells: Sequence[str]) -> None:
        for cell in cells:
            found = _LOCAL.fullmatch(cell.strip())
            if found and (int(found[1]) > 12) != (int(found[3]) > 12):
                self._day_first = int(found[1]) > 12
                return

    def _read_cell(self, text: str) -> str | None:
        if found := _ISO.fullmatch(text):
            day, minute, second, fraction, zone = found.groups()
            return f"{day}T{minute}{second or ':00'}{f'.{fraction}' if fraction else ''}{self._zone(zone)}"
        found = _LOCAL.fullmatch(text)
        return self._read_local(found) if found else None

    def _zone(self, zone: str | None) -> str:
        if not zone:
            self.zoneless += 1
            return "Z"
        if zone.upper() in ("Z", "UTC", "GMT"):
            return "Z"
        digits = zone[1:].replace(":", "").ljust(4, "0")
        return f"{zone[0]}{digits[:2]}:{digits[2:]}"

    def _read_local(self, found: re.Match[str]) -> str | None:
        first, mark, second, year = int(found[1]), found[2], int(found[3]), found[4]
        day_first = True if mark == "." else self._day_first  # dotted dates begin with the day wherever they are used
        if day_first is None and first != second:
            return None
        day, month = (first, second) if day_first or day_first is None else (second, first)
        hour = _hour(int(found[5]), found[8])
        text = f"{year}-{month:02}-{day:02}T{hour:02}:{found[6]}:{found[7] or '00'}Z"
        if read_time(text) is None:  # a thirteenth month: the column holds both orders, and this one cannot be right
            return None
        self.zoneless += 1
        return text


def _hour(hour: int, half: str | None) -> int:
    """Return the hour of the day; one that no clock shows comes back as 24, which no date takes."""
    if not half:
        return hour
    if not 1 <= hour <= 12:
        return 24
    return hour % 12 + (12 if half in "Pp" else 0)
