"""Read the time column of a CSV: RFC 3339, its common relatives, and local forms where they can mean only one thing.

`03/04/2026 10:00` is the third of April or the fourth of March. The column decides: once one of its dates can only be
read one way, all are read that way. Until then a date that could be either is not read at all. A time without a zone
is taken as UTC and counted, so that whoever reads the dates knows how far they may be off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from strongroom.formats.dates import read_time

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
        self._day_first: bool | None = None  # None until a date told

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
