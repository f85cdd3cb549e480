"""Coverage at a glance: a strip of cells, each the worst that can be said of its stretch of time.

Worst wins, because a strip is looked at to find trouble: one lost hour makes a held year a lost one, and looking closer
finds the hour.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom.model.coverage import Cover, Interval
from strongroom.model.plan import Plan, Span, boundary, following
from strongroom.model.window import Window, subtract

SOON = timedelta(days=14)
"""What the provider begins to destroy within this time is at risk."""


class Heat(StrEnum):
    """What one cell says, from the best to the worst."""

    OUTSIDE = "before the start"  # of the plan, or after now: drawn as a blank
    NOTHING = "not yet due"
    DESTROYED = "destroyed"  # by us, when its time was over
    EMPTY = "empty"
    HELD = "archived"
    OPEN = "in progress"
    DUE = "pending"
    RISK = "at risk"
    MISSING = "failed"
    LOST = "lost"


_RANK: Mapping[Heat, int] = MappingProxyType({heat: place for place, heat in enumerate(Heat)})
_COVERS: Mapping[Cover, Heat] = MappingProxyType(
    {
        Cover.PROVEN: Heat.HELD,
        Cover.EMPTY: Heat.EMPTY,
        Cover.OPEN: Heat.OPEN,
        Cover.MISSING: Heat.MISSING,
        Cover.LOST: Heat.LOST,
        Cover.DESTROYED: Heat.DESTROYED,
    }
)

_SAFE = frozenset({Heat.HELD, Heat.EMPTY, Heat.DESTROYED})
"""What is over and done: nothing is left to archive."""


class Zoom(StrEnum):
    """How long one cell is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Horizon(Struct, frozen=True):
    """What a stream needs at an instant, and until when it can be exported."""

    wanted: Window | None  # must be held by now
    keeps: timedelta | None  # how long the provider keeps records, where that is known
    now: datetime
    since: datetime | None = None  # when the plan starts; needed only where nothing is to be archived yet

    def of(self, window: Window) -> Heat:
        """Say what a stretch is that nothing holds or works on."""
        if self.wanted is None or not window.overlaps(self.wanted):
            start = self.wanted.start if self.wanted is not None else self.since
            within = start is not None and window.end > start and window.start < self.now
            return Heat.NOTHING if within else Heat.OUTSIDE
        if self.keeps is not None and window.start + self.keeps < self.now + SOON:
            return Heat.RISK
        return Heat.DUE


def grid(zoom: Zoom, zone: str, last: datetime, count: int) -> tuple[Window, ...]:
    """Return `count` adjacent cells in order of time, of which the last one holds the instant `last`."""
    ends = [_next(zoom, zone, _start(zoom, zone, last))]
    while len(ends) <= count:
        ends.append(_start(zoom, zone, ends[-1] - timedelta(microseconds=1)))
    edges = ends[::-1]
    return tuple(Window(start, end) for start, end in itertools.pairwise(edges))


def heat(cells: Sequence[Window], ledger: Iterable[Interval], horizon: Horizon) -> tuple[Heat, ...]:
    """Return the state of each cell. The ledger is in order of time; intervals outside the cells are ignored."""
    entries, found, first = list(ledger), [], 0
    for cell in cells:
        while first < len(entries) and entries[first].window.end <= cell.start:
            first += 1
        inside = []
        for entry in entries[first:]:
            if entry.window.start >= cell.end:
                break
            inside.append(entry)
        found.append(_worst(cell, inside, horizon))
    return tuple(found)


def shares(cells: Sequence[Window], ledger: Iterable[Interval], wanted: Window | None) -> tuple[float, ...]:
    """Return the share of each cell's planned time that is archived, empty or destroyed: 0 to 1; 1 if none is planned.

    The ledger is in order of time.
    """
    safe = _merged(each.window for each in ledger if _COVERS[each.cover] in _SAFE)
    return tuple(_share(cell, safe, wanted) for cell in cells)


def _merged(windows: Iterable[Window]) -> list[Window]:
    """Return windows in order of time, those that touch or overlap as one."""
    found: list[Window] = []
    for window in windows:
        if found and window.start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, window.end))
        else:
            found.append(window)
    return found


def _share(cell: Window, safe: Sequence[Window], wanted: Window | None) -> float:
    if wanted is None or not cell.overlaps(wanted):
        return 1.0
    part = Window(max(cell.start, wanted.start), min(cell.end, wanted.end))
    lacking = subtract(part, [each for each in safe if each.overlaps(part)])
    return 1 - sum((each.length for each in lacking), timedelta(0)) / part.length


def wanted_of(plan: Plan, now: datetime, keeps: timedelta | None) -> Window | None:
    """Return what a plan requires to be archived by now: up to the last window that has ended and settled."""
    start = plan.since if plan.since is not None else (now - keeps if keeps is not None else None)
    end = boundary(plan.span, plan.zone, now - plan.settle)
    return Window(start, end) if start is not None and start < end else None


def _worst(cell: Window, inside: list[Interval], horizon: Horizon) -> Heat:
    said = [_COVERS[entry.cover] for entry in inside]
    said += [horizon.of(gap) for gap in subtract(cell, [entry.window for entry in inside]) or ()]
    return max(said, key=_RANK.__getitem__, default=Heat.NOTHING)


def _start(zoom: Zoom, zone: str, instant: datetime) -> datetime:
    if zoom is not Zoom.YEAR:
        return boundary(Span(zoom.value), zone, instant)
    month = boundary(Span.MONTH, zone, instant)
    while month.astimezone(ZoneInfo(zone)).month != 1:
        month = boundary(Span.MONTH, zone, month - timedelta(microseconds=1))
    return month


def _next(zoom: Zoom, zone: str, start: datetime) -> datetime:
    if zoom is not Zoom.YEAR:
        return following(Span(zoom.value), zone, start)
    for _month in range(12):
        start = following(Span.MONTH, zone, start)
    return start
