"""Read the rows of a CSV as records: one text for each column, under the column's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strongroom.formats.csvdialect import Row


class RowCollector:
    """Turns rows into records.

    A column whose name was given before gets a number behind it, so that none hides another.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._ready: list[Row] = []

    def take_header(self, names: Sequence[str], *, given: bool) -> None:  # noqa: ARG002  # made-up names serve as well
        """Take the names of the columns."""
        self._names = _distinct(names)

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Take rows, each as wide as the header."""
        self._ready += rows

    def drain(self) -> Iterator[dict[str, str]]:
        """Give the records that are ready, in their order, and forget them."""
        ready, self._ready = self._ready, []
        return (dict(zip(self._names, row, strict=True)) for row in ready)


def _distinct(names: Sequence[str]) -> list[str]:
    taken: dict[str, int] = {}  # with the last number that was put behind the name: none is tried twice
    for name in names:
        free = name
        while free in taken:
            taken[name] += 1
            free = f"{name} ({taken[name]})"
        taken[free] = 1
    return list(taken)
