"""The backlog: how many exports the plans need, how long they take under the quota, and whether that is in time.

How long the disk lasts if the streams keep growing at the same rate.

The pace is that of the records, bytes for time covered, and not that of the work: a backfill fills no disk for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.horizon import deadline
from strongroom.model.provider import Limits
from strongroom.model.window import Window


class Demand(Struct, frozen=True):
    """What one stream needs exported now."""

    stream: str
    windows: Sequence[Window]
    destroyed: bool = True  # by the provider, once it is too old; a copy of what there is now never is
    known: bool = True  # False: nobody knows yet from when on it must be covered


class StreamOutlook(Struct, frozen=True):
    """When one stream's backlog will be held."""

    stream: str
    exports: int
    first: datetime | None  # start of the oldest window that is due
    done_by: datetime
    first_loss: datetime | None  # when the provider begins to destroy the oldest of them
    late: int  # exports that would come after the provider began to destroy their window
    known: bool = True  # False: nobody knows yet from when on it must be covered, so nothing is planned


class BacklogForecast(Struct, frozen=True):
    """The work ahead at one source."""

    source: str
    exports: int
    pace: float  # exports an hour that the quota and the time of one export allow
    done_by: datetime
    streams: tuple[StreamOutlook, ...]


def look_ahead(
    source: str,
    demands: Iterable[Demand],
    limits: Limits,
    now: datetime,
    keeps: timedelta | None,
    one_export: timedelta = timedelta(minutes=2),
) -> BacklogForecast:
    """Compute when every needed window will be archived, oldest first. `one_export` is a usual length."""
    wanted = list(demands)
    pace = _pace(limits, one_export)
    queue = sorted((window.start, demand.stream, window) for demand in wanted for window in demand.windows)
    finish: dict[str, list[tuple[Window, datetime]]] = {demand.stream: [] for demand in wanted}
    for place, (_start, stream, window) in enumerate(queue, start=1):
        finish[stream].append((window, now + timedelta(hours=place / pace) + one_export))
    lasting = {demand.stream for demand in wanted if not demand.destroyed}
    streams = tuple(
        _stream(stream, times, now, None if stream in lasting else keeps) for stream, times in finish.items()
    )
    done_by = max((each.done_by for each in streams), default=now)
    unknown = {demand.stream for demand in wanted if not demand.known}
    streams = tuple(replace(each, known=each.stream not in unknown) for each in streams)
    return BacklogForecast(source, len(queue), pace, done_by, streams)


def _pace(limits: Limits, one_export: timedelta) -> float:
    by_time = (limits.concurrent or 4) * (timedelta(hours=1) / one_export)
    return min(by_time, float(limits.per_hour)) if limits.per_hour else by_time


def _stream(stream: str, times: list[tuple[Window, datetime]], now: datetime, keeps: timedelta | None) -> StreamOutlook:
    if not times:
        return StreamOutlook(stream, 0, None, now, None, 0)
    first = times[0][0]
    late = sum((lost := deadline(window, keeps)) is not None and done > lost for window, done in times)
    return StreamOutlook(stream, len(times), first.start, times[-1][1], deadline(first, keeps), late)


_LONGEST = timedelta(seconds=1e9)  # beyond which nobody plans a disk


class Growth(Struct, frozen=True):
    """What one stream brings."""

    size: int  # bytes on disk of some windows
    covered: timedelta  # the time that these windows cover together
    owed: timedelta = timedelta(0)  # time that is still to be taken, besides what comes from now on

    @property
    def pace(self) -> float:
        """Return bytes for each second of records."""
        seconds = self.covered.total_seconds()
        return self.size / seconds if seconds > 0 else 0.0


class DiskForecast(Struct, frozen=True):
    """How much room there is, and how long it lasts."""

    free: int  # bytes
    reserve: int  # bytes that stay free
    per_day: int  # bytes that all streams bring in a day
    lasts: timedelta | None  # until the reserve is reached; None where nothing grows


def forecast_disk(free: int, reserve: int, growths: Iterable[Growth]) -> DiskForecast:
    """Return how long the space above the reserve lasts, after the backlog has been archived."""
    known = list(growths)
    pace = sum(each.pace for each in known)
    room = free - reserve - sum(int(each.pace * each.owed.total_seconds()) for each in known)
    lasts = None if pace <= 0 else timedelta(seconds=min(max(0.0, room / pace), _LONGEST.total_seconds()))
    return DiskForecast(free, reserve, int(pace * 86_400), lasts)
