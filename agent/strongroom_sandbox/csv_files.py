"""Export files as CSV: how rows become lines, and files that are not what they should be.

Rows are damaged in place, so an announced count stays true unless a fault changes it. Each fault that damages a row
takes the next one from the top; a file with fewer rows leaves the rest undamaged.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom_sandbox.faults import FaultKind, InjectedFault, first
from strongroom_sandbox.options import CsvStyle, TimeStyle
from strongroom_sandbox.records import DAY, Amount, Cell, Later, Record, SandboxRow, Serial, SlotSpan, Wanted
from strongroom_sandbox.storage import Counted, FileContent, FileStore, trailing_bytes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000_000
_MOST_TEMPLATES = 4096


class CsvColumn(Struct, frozen=True):
    """A column's title and the cell it shows; a constant where there is no such cell."""

    title: str
    cell: str = ""
    constant: str = ""


class _Template(Struct, frozen=True):
    text: str  # to be filled with `%`
    holes: tuple[Serial | Later, ...]


class CsvWriter:
    """Turns rows into lines of one CSV."""

    def __init__(self, columns: Sequence[CsvColumn], style: CsvStyle) -> None:
        self._columns = tuple(columns)
        self._style = style
        self._write_time = time_writer(style.times, style.zone)
        self._special = (style.delimiter, '"', "\r", "\n")
        self._templates: dict[Record, _Template] = {}

    def header(self) -> str:
        """Return the line of titles."""
        return self.join([column.title for column in self._columns])

    def line(self, row: SandboxRow) -> str:
        """Return the line of one row, its newline included."""
        template = self._templates.get(row.record)
        if template is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            template = self._templates[row.record] = self._template(row.record)
        write_time, moment = self._write_time, row.moment
        return template.text % tuple(
            [write_time(moment + h.micros) if isinstance(h, Later) else f"{row.draw:016x}" for h in template.holes]
        )

    def cells(self, row: SandboxRow) -> list[str]:
        """Return the texts of one row, unquoted."""
        return [self._fill(self._cell(column, row.record), row) for column in self._columns]

    def join(self, cells: Sequence[str]) -> str:
        """Return these texts as a line."""
        return self._style.delimiter.join(map(self.quote, cells)) + self._style.newline

    def quote(self, text: str) -> str:
        """Return the text as a cell: in quotes, with those inside doubled, where it needs them."""
        if self._style.quote_all or any(mark in text for mark in self._special):
            return '"' + text.replace('"', '""') + '"'
        return text

    def _template(self, record: Record) -> _Template:
        parts: list[str] = []
        holes: list[Serial | Later] = []
        for column in self._columns:
            cell = self._cell(column, record)
            if isinstance(cell, Serial | Later):
                holes.append(cell)
            text = self.quote(self._text(cell)).replace("%", "%%")
            parts.append(text.replace("\0", "%s"))
        return _Template(self._style.delimiter.join(parts) + self._style.newline, tuple(holes))

    def _cell(self, column: CsvColumn, record: Record) -> Cell:
        return record.cells.get(column.cell, column.constant)

    def _text(self, cell: Cell) -> str:
        """Return a cell's text, with a zero character where its hole is."""
        if isinstance(cell, Serial):
            return f"{cell.prefix}\0"
        if isinstance(cell, Later):
            return "\0"
        if isinstance(cell, Amount):
            return f"{cell.value:.4f}".replace(".", "," if self._style.decimal_comma else ".")
        return "" if cell is None else str(cell)

    def _fill(self, cell: Cell, row: SandboxRow) -> str:
        hole = self._write_time(row.moment + cell.micros) if isinstance(cell, Later) else row.serial()
        return self._text(cell).replace("\0", hole)


def time_writer(style: TimeStyle, zone: str = "UTC") -> Callable[[int], str]:
    """Return what writes microseconds since 1970 in this style; digits beyond its precision are cut."""
    place = ZoneInfo(zone)

    @lru_cache(maxsize=4096)
    def minute(count: int) -> tuple[str, str]:
        local = (_EPOCH + timedelta(minutes=count)).astimezone(place)
        offset = local.strftime("%z")
        return f"{local:%Y-%m-%dT%H:%M:}", "Z" if zone == "UTC" else f"{offset[:3]}:{offset[3:]}"

    def write(moment: int) -> str:
        count, rest = divmod(moment, _MINUTE)
        head, tail = minute(count)
        if style is TimeStyle.MILLIS:
            return f"{head}{rest // 1_000_000:02d}.{rest // 1000 % 1000:03d}{tail}"
        if style is TimeStyle.SECONDS:
            return f"{head}{rest // 1_000_000:02d}{tail}"
        return f"{head.replace('T', ' ')}{rest // 1_000_000:02d}"

    return write


_CUT_AT = 30
"""Characters kept of a row that is cut where nothing else is said: some cells, none of the longer texts."""

_Damage = Callable[[CsvWriter, SandboxRow], str | bytes]


def change_columns(columns: Sequence[CsvColumn], faults: tuple[InjectedFault, ...]) -> tuple[CsvColumn, ...]:
    """Return the columns with those added, removed or moved that the faults name."""
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


def change_rows(rows: Iterator[SandboxRow], span: SlotSpan, faults: tuple[InjectedFault, ...]) -> Iterator[SandboxRow]:
    """Yield the rows, and after the first the one that should not be there; no rows stay no rows."""
    if first(faults, FaultKind.NO_RECORDS):
        return
    if first(faults, FaultKind.OUTSIDE_WINDOW):
        head = next(rows, None)
        if head is None:
            return
        yield head
        yield SandboxRow(span.first - DAY, head.draw ^ 1, head.record)
    yield from rows


def damaged_lines(
    rows: Iterator[SandboxRow], writer: CsvWriter, faults: tuple[InjectedFault, ...]
) -> Iterator[str | bytes]:
    """Return one line for each row, damaged ones among them."""
    damages = iter([damage for fault in faults for damage in _DAMAGES.get(fault.kind, ())])
    lines = (damage(writer, row) if (damage := next(damages, None)) else writer.line(row) for row in rows)
    cut = first(faults, FaultKind.CUT_ROW)
    return lines if cut is None else _change_last(lines, lambda line: line[: cut.at or _CUT_AT])


def _change_last(lines: Iterable[str | bytes], change: Callable[[str | bytes], str | bytes]) -> Iterator[str | bytes]:
    held: str | bytes | None = None
    for line in lines:
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield change(held)


def _without_end(line: str | bytes) -> str | bytes:
    return line.rstrip(b"\r\n") if isinstance(line, bytes) else line.rstrip("\r\n")


def _swap_last(writer: CsvWriter, row: SandboxRow, mark: str) -> str:
    """Return the row's line with a mark in place of its last cell, nothing around it quoted or escaped."""
    line = writer.join([*writer.cells(row)[:-1], "\0"])
    return line.replace(writer.quote("\0"), mark)


def _not_utf8(writer: CsvWriter, row: SandboxRow) -> bytes:
    head, _, tail = _swap_last(writer, row, "\0").partition("\0")
    return head.encode() + b"caf\xe9 \xff\xc3(" + tail.encode()


_DAMAGES: dict[FaultKind, tuple[_Damage, ...]] = {
    FaultKind.BAD_QUOTING: (lambda writer, row: _swap_last(writer, row, '"they said "no" twice"'),),
    FaultKind.OPEN_QUOTE: (lambda writer, row: _swap_last(writer, row, '"never closed'),),
    FaultKind.RAGGED_ROW: (
        lambda writer, row: writer.join(writer.cells(row)[:-1]),
        lambda writer, row: writer.join([*writer.cells(row), "surplus"]),
    ),
    FaultKind.BAD_UTF8: (_not_utf8,),
    FaultKind.NUL_BYTES: (lambda writer, row: _swap_last(writer, row, "zero\0zero\0"),),
}


_BATCH = 512


class CsvContent(FileContent, frozen=True, kw_only=True):
    """What one CSV holds."""

    layout: str  # one of the provider's
    wanted: Wanted = ()


class CsvStore(FileStore[CsvContent]):
    """Builds CSVs in `folder`. `layouts` names the columns of each kind of file, `rows` finds what belongs in one."""

    suffix = ".csv"
    media_type = "text/csv"

    def __init__(
        self,
        folder: Path,
        style: CsvStyle,
        layouts: Mapping[str, Sequence[CsvColumn]],
        rows: Callable[[CsvContent], Iterator[SandboxRow]],
    ) -> None:
        super().__init__(folder)
        self._style = style
        self._layouts = layouts
        self._rows = rows
        self._writers: dict[tuple[CsvColumn, ...], CsvWriter] = {}

    def fill(self, file: BinaryIO, content: CsvContent) -> int:
        """Write the CSV and return how many rows are in it, not counting the header."""
        writer = self._writer(change_columns(self._layouts[content.layout], content.faults))
        counted = Counted(self.watched(change_rows(self._rows(content), content.span, content.faults)))
        lines = damaged_lines(counted, writer, content.faults)
        with_header = self._style.header and first(content.faults, FaultKind.MISSING_HEADER) is None
        whole = chain([writer.header()] if with_header else [], lines)
        unterminated = first(content.faults, FaultKind.UNTERMINATED) is not None
        for chunk in self._encoded(_change_last(whole, _without_end) if unterminated else whole):
            file.write(chunk)
        file.write(trailing_bytes(content.faults))
        return counted.count

    def _writer(self, columns: tuple[CsvColumn, ...]) -> CsvWriter:
        # Kept, because a writer learns its records' templates, and most files are small and share them.
        if columns not in self._writers:
            self._writers[columns] = CsvWriter(columns, self._style)
        return self._writers[columns]

    def _encoded(self, lines: Iterable[str | bytes]) -> Iterator[bytes]:
        """Yield the text in the file's encoding; what is bytes already passes as it is."""
        encoder = codecs.getincrementalencoder(self._style.encoding)("replace")
        if self._style.bom and codecs.lookup(self._style.encoding).name == "utf-8":
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
