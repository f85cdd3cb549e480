"""Read the rows of a CSV as records: one text for each column, under the column's name."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.formats.csvdialect import Row
from strongroom.formats.csvtimes import TimeColumn
from strongroom.formats.delivered import Delivered


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
