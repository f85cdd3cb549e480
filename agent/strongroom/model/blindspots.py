"""Blind spots: what a dataset leaves out although the provider has it, and where another stream's archives hold it.

"Held" is said of what was asked for. Where an export is known to leave something out, a held interval has a gap that no
ledger shows; it is closed where a stream of the dataset that has the rest holds the same time, all of it, unfiltered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from strongroom.model.coverage import Cover, Interval
from strongroom.model.provider import BlindSpot
from strongroom.model.stream import Stream
from strongroom.model.window import Window, subtract

_HELD = (Cover.PROVEN, Cover.EMPTY)


@dataclass(frozen=True, slots=True)
class Blindness:
    """What the archives of one stream do not tell, and since when others do."""

    stream: str
    spot: BlindSpot
    closers: tuple[str, ...]  # streams that can close it, whatever they hold so far
    open: tuple[Window, ...]  # held by the stream, and what it leaves out is held by none
    closed: tuple[Window, ...]  # held by the stream, and what it leaves out by others


def blindness(
    stream: Stream, spots: Iterable[BlindSpot], streams: Sequence[Stream], ledgers: Mapping[str, Sequence[Interval]]
) -> list[Blindness]:
    """Return the blind spots of a stream; `spots` are its source's, `ledgers` is by the name of the stream."""
    return [_look(stream, spot, streams, ledgers) for spot in spots if spot.dataset in stream.datasets]


def closers_of(stream: Stream, spot: BlindSpot, streams: Iterable[Stream]) -> tuple[str, ...]:
    """Return the streams of the same source that hold what the stream leaves out, and leave out nothing by a filter."""
    return tuple(
        other.name
        for other in streams
        if other.source == stream.source and spot.closed_by in other.datasets and not other.filters
    )


def _look(
    stream: Stream, spot: BlindSpot, streams: Sequence[Stream], ledgers: Mapping[str, Sequence[Interval]]
) -> Blindness:
    closers = closers_of(stream, spot, streams)
    others = [window for name in closers for window in _held(ledgers.get(name, ()))]
    held = _joined(_held(ledgers.get(stream.name, ())))
    gaps = [gap for window in held for gap in subtract(window, others)]
    closed = [part for window in held for part in subtract(window, gaps)]
    return Blindness(stream.name, spot, closers, tuple(gaps), tuple(closed))


def _held(ledger: Iterable[Interval]) -> list[Window]:
    return [interval.window for interval in ledger if interval.cover in _HELD]


def _joined(windows: Iterable[Window]) -> list[Window]:
    """Join windows that touch or overlap."""
    joined: list[Window] = []
    for window in sorted(windows):
        if joined and window.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, window.end))
        else:
            joined.append(window)
    return joined
