"""How long the disk lasts if the streams go on as they did.

The pace is that of the records, bytes for time covered, and not that of the work: a backfill fills no disk for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

_LONGEST = timedelta(seconds=1e9)  # beyond which nobody plans a disk


@dataclass(frozen=True, slots=True)
class Growth:
    """What one stream brings."""

    size: int  # bytes on disk of some windows
    covered: timedelta  # the time that these windows cover together
    owed: timedelta = timedelta(0)  # time that is still to be taken, besides what comes from now on

    @property
    def pace(self) -> float:
        """Return bytes for each second of records."""
        seconds = self.covered.total_seconds()
        return self.size / seconds if seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class DiskForecast:
    """How much room there is, and how long it lasts."""

    free: int  # bytes
    reserve: int  # bytes that stay free
    per_day: int  # bytes that all streams bring in a day
    lasts: timedelta | None  # until the reserve is reached; None where nothing grows


def forecast_disk(free: int, reserve: int, growths: Iterable[Growth]) -> DiskForecast:
    """Say how long the room above the reserve lasts, once what is owed has been taken."""
    known = list(growths)
    pace = sum(each.pace for each in known)
    room = free - reserve - sum(int(each.pace * each.owed.total_seconds()) for each in known)
    lasts = None if pace <= 0 else timedelta(seconds=min(max(0.0, room / pace), _LONGEST.total_seconds()))
    return DiskForecast(free, reserve, int(pace * 86_400), lasts)
