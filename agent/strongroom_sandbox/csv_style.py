"""How a provider writes CSV: RFC 4180 unless told otherwise, since no vendor documents any of it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom_sandbox.rows import Amount, Cell, Later, Record, SandboxRow, Serial

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000_000
_MOST_TEMPLATES = 4096


class TimeStyle(StrEnum):
    """How times are written."""

    MILLIS = "millis"  # 2026-11-10T12:00:00.000Z
    SECONDS = "seconds"  # 2026-11-10T12:00:00Z
    SPACED = "spaced"  # 2026-11-10 12:00:00, without saying in which zone


class CsvHabits(Struct, frozen=True):
    """How the files are written; the vendors document none of it."""

    delimiter: str = ","
    quote_all: bool = False  # every cell in quotes, not only those that need it
    newline: str = "\r\n"
    bom: bool = False  # a byte order mark before UTF-8; UTF-16 has one anyway
    encoding: str = "utf-8"  # any that Python knows; what it cannot write becomes a question mark
    decimal_comma: bool = False
    header: bool = True
    times: TimeStyle = TimeStyle.MILLIS
    zone: str = "UTC"  # an IANA zone; times carry its offset

    def __post_init__(self) -> None:
        codecs.lookup(self.encoding)
        ZoneInfo(self.zone)


class CsvColumn(Struct, frozen=True):
    """A column's title and the cell it shows; a constant where there is no such cell."""

    title: str
    cell: str = ""
    constant: str = ""


class _Template(Struct, frozen=True):
    text: str  # to be filled with `%`
    holes: tuple[Serial | Later, ...]


class Sheet:
    """Turns rows into lines of one CSV."""

    def __init__(self, columns: Sequence[CsvColumn], habits: CsvHabits) -> None:
        self._columns = tuple(columns)
        self._habits = habits
        self._write_time = time_writer(habits.times, habits.zone)
        self._special = (habits.delimiter, '"', "\r", "\n")
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
        return self._habits.delimiter.join(map(self.quote, cells)) + self._habits.newline

    def quote(self, text: str) -> str:
        """Return the text as a cell: in quotes, with those inside doubled, where it needs them."""
        if self._habits.quote_all or any(mark in text for mark in self._special):
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
        return _Template(self._habits.delimiter.join(parts) + self._habits.newline, tuple(holes))

    def _cell(self, column: CsvColumn, record: Record) -> Cell:
        return record.cells.get(column.cell, column.constant)

    def _text(self, cell: Cell) -> str:
        """Return a cell's text, with a zero character where its hole is."""
        if isinstance(cell, Serial):
            return f"{cell.prefix}\0"
        if isinstance(cell, Later):
            return "\0"
        if isinstance(cell, Amount):
            return f"{cell.value:.4f}".replace(".", "," if self._habits.decimal_comma else ".")
        return "" if cell is None else str(cell)

    def _fill(self, cell: Cell, row: SandboxRow) -> str:
        hole = self._write_time(row.moment + cell.micros) if isinstance(cell, Later) else row.serial()
        return self._text(cell).replace("\0", hole)


def time_writer(style: TimeStyle, zone: str = "UTC") -> Callable[[int], str]:
    """Return what writes microseconds since 1970 in this style; digits that it has no room for are cut."""
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
