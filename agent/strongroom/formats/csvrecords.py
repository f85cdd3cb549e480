"""Read the rows of a CSV as records: one text for each column, under the column's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from strongroom.formats.csvdialect import Row
from strongroom.formats.rowsplitter import RowSplitter
from strongroom.model.inspection import Caps
from strongroom.model.stream import DatasetShape


def stream_rows(pieces: Iterable[bytes | memoryview], shape: DatasetShape, caps: Caps) -> Iterator[dict[str, str]]:
    """Yield every row of a file that comes in pieces, in its order; raise Unreadable for no CSV.

    A column whose name was given before gets a number behind it, so that none hides another.
    """
    collector = _Collector()
    splitter = RowSplitter(collector, (shape.id_field, shape.time_field), max_row=caps.max_record)
    for piece in pieces:
        view = memoryview(piece)
        while view:
            room = splitter.room()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            splitter.advance(count)
            view = view[count:]
            yield from collector.drain()
    splitter.finish()
    yield from collector.drain()


class _Collector:
    """Turns rows into records."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._ready: list[Row] = []

    def take_header(self, names: Sequence[str], *, given: bool) -> None:  # noqa: ARG002  # made-up names serve as well
        self._names = _distinct(names)

    def take_rows(self, rows: Sequence[Row]) -> None:
        self._ready += rows

    def drain(self) -> Iterator[dict[str, str]]:
        ready, self._ready = self._ready, []
        return (dict(zip(self._names, row, strict=True)) for row in ready)


def _distinct(names: Sequence[str]) -> list[str]:
    taken: dict[str, None] = {}
    for name in names:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        taken[free] = None
    return list(taken)
