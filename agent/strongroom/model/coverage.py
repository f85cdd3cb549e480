"""The coverage ledger: which intervals of a stream are proven, empty, open, missing or lost.

What is due is never stored: it is required minus held, worked out from plan and ledger each time. A first run, a
catch-up after a week and the repair of a gap are therefore the same question.

Blind spots: what a dataset leaves out although the provider has it, and where another stream's archives hold it.

"Archived" refers to what was requested. Where an export is known to leave something out, an archived interval has a gap
that no ledger shows. It is closed where a stream of the dataset that has the rest covers the same time, unfiltered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.plan import Plan, Stream, boundary, cut, newest_ended
from strongroom.model.provider import BlindSpot
from strongroom.model.window import Window, subtract


class Cover(StrEnum):
    """How one interval of a stream is covered."""

    PROVEN = "proven"  # an archive holds it, read back and counted
    EMPTY = "empty"  # an archive proves that the provider had no record
    OPEN = "open"  # a job is at it
    MISSING = "missing"  # every try failed; a person may retry
    LOST = "lost"  # the provider no longer has it
    DESTROYED = "destroyed"  # it was held, and destroyed when its time was over: never fetched again

    @property
    def words(self) -> str:
        """Return what a person reads: the value is what catalogues and documents of every version have."""
        return {Cover.PROVEN: "archived", Cover.OPEN: "in progress", Cover.MISSING: "failed"}.get(self, self.value)


HELD = (Cover.PROVEN, Cover.EMPTY, Cover.DESTROYED)
"""What an archive holds, or held until its time was over."""


class Interval(Struct, frozen=True):
    """One entry of the ledger."""

    stream: str
    window: Window
    cover: Cover
    archive: str = ""
    job: str = ""
    cause: str = ""


def required(plan: Plan, now: datetime, keeps: timedelta | None) -> Window | None:
    """Return what the plan requires to be archived by now, less the settle delay; None where that is nothing yet.

    `keeps` is how long the provider keeps records: the start of a plan without `since`.
    """
    start = plan.since
    if start is None:
        if keeps is None:
            return None
        start = now - keeps
    end = now - plan.settle
    return Window(start, end) if start < end else None


def due_windows(plan: Plan, ledger: Iterable[Interval], now: datetime, keeps: timedelta | None = None) -> list[Window]:
    """Return the windows to export now, in order of time: ended, settled, and in no entry of the ledger.

    Of a snapshot it is the newest one at most: all that can still be had is a copy of what there is now, and while one
    is being made there is no use for another.
    """
    if plan.snapshot:
        return _due_copy(plan, list(ledger), now)
    period = required(plan, now, keeps)
    if period is None or plan.paused:
        return []
    taken = [interval.window for interval in ledger]
    return list(_ended(plan, subtract(period, taken), period.end))


def _due_copy(plan: Plan, ledger: list[Interval], now: datetime) -> list[Window]:
    newest = newest_ended(plan, now)
    if newest is None or plan.paused or any(each.cover is Cover.OPEN for each in ledger):
        return []
    return [] if any(each.window.overlaps(newest) for each in ledger) else [newest]


def held_edge(start: datetime, ledger: Iterable[Interval]) -> datetime:
    """Return how far from `start` on everything is proven, empty, lost or destroyed without a gap."""
    edge = start
    for interval in sorted(ledger, key=lambda each: each.window.start):
        if interval.window.start > edge or interval.cover in (Cover.OPEN, Cover.MISSING):
            break
        edge = max(edge, interval.window.end)
    return edge


def require_past(interval: Interval, asked_at: datetime) -> None:
    """Raise ValueError where an entry claims what cannot be known: nothing after `asked_at` is archived or lost.

    A job may be at a window that has not ended, but at none that has not begun.
    """
    known_until = interval.window.start if interval.cover is Cover.OPEN else interval.window.end
    if known_until > asked_at or (interval.cover is Cover.OPEN and known_until == asked_at):
        raise ValueError(f"{interval.stream} {interval.window} cannot be {interval.cover} at {asked_at.isoformat()}")


def unheld(ledger: Iterable[Interval], period: Window | None = None) -> list[Interval]:
    """Return what is lost, missing or open and that nothing holds, in order of time; `period` cuts it.

    Each instant is reported once, with the worst of its states.
    """
    entries = list(ledger)
    taken = [each.window for each in entries if each.cover in HELD]
    found: list[Interval] = []
    for cover in (Cover.LOST, Cover.MISSING, Cover.OPEN):
        for each in entries:
            whole = each.window if period is None else each.window.within(period)
            if each.cover is cover and whole is not None:
                pieces = subtract(whole, [window for window in taken if window.overlaps(whole)])
                taken += pieces
                found += [replace(each, window=piece) for piece in pieces]
    return sorted(found, key=lambda piece: piece.window)


def joined(pieces: Iterable[Interval]) -> list[Interval]:
    """Return entries in order of time, those that touch and say the same as one."""
    found: list[Interval] = []
    for each in sorted(pieces, key=lambda piece: piece.window):
        if found and _ends_in(found[-1]) == (each.window.start, each.cover, each.cause):
            found[-1] = replace(found[-1], window=Window(found[-1].window.start, each.window.end))
        else:
            found.append(each)
    return found


def _ends_in(interval: Interval) -> tuple[datetime, Cover, str]:
    return interval.window.end, interval.cover, interval.cause


def _ended(plan: Plan, gaps: list[Window], horizon: datetime) -> Iterator[Window]:
    """Cut the gaps into windows, leaving out the last one while its own end has not settled."""
    for gap in gaps:
        for window in cut(gap, plan.span, plan.zone):
            if window.end < horizon or _is_boundary(plan, window.end):
                yield window


def _is_boundary(plan: Plan, instant: datetime) -> bool:
    return boundary(plan.span, plan.zone, instant) == instant


_HELD = (Cover.PROVEN, Cover.EMPTY)


class Blindness(Struct, frozen=True):
    """What the archives of one stream leave out, and since when other archives have it."""

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
