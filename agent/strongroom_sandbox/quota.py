"""Quotas: a fixed window of requests, and a rolling window of creations. Time comes in as an argument."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct


class QuotaReading(Struct, frozen=True):
    """What a request window says after counting one request."""

    limit: int
    remaining: int  # requests left in this window, never below zero
    reset_at: datetime  # when the next window begins, UTC
    allowed: bool

    def wait(self, now: datetime) -> int:
        """Return the whole seconds until the window resets, at least one."""
        return seconds_until(self.reset_at, now)


class FixedWindow:
    """At most `limit` requests in each window of `length`, windows aligned to the epoch."""

    def __init__(self, limit: int, length: timedelta) -> None:
        self.limit = limit
        self._length = length.total_seconds()
        self._window = -1
        self._used = 0

    def count(self, now: datetime) -> QuotaReading:
        """Count one request at `now` and say whether it fits."""
        window = int(now.timestamp() // self._length)
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        reset_at = datetime.fromtimestamp((window + 1) * self._length, UTC)
        return QuotaReading(self.limit, max(0, self.limit - self._used), reset_at, self._used <= self.limit)


def rolling_free_at(past: Iterable[datetime], limit: int, length: timedelta, now: datetime) -> datetime | None:
    """Return when a rolling window has room again, or None when it has room at `now`."""
    recent = sorted(instant for instant in past if instant > now - length)
    if len(recent) < limit:
        return None
    return recent[len(recent) - limit] + length


def seconds_until(instant: datetime, now: datetime) -> int:
    """Return the whole seconds from `now` to `instant`, rounded up, at least one."""
    return max(1, -int((now - instant).total_seconds() // 1))
