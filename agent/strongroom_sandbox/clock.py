"""The sandbox's time: real by default, and a test can move it without waiting."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from strongroom.model.times import Clock, require_utc


def system_time() -> datetime:
    """Return the machine's present instant in UTC."""
    return datetime.now(UTC)


class SandboxClock:
    """A clock that can be called, like any other, and moved. Safe to move from another thread.

    Time is `source()` plus an offset; a stopped clock has a source that always gives the same instant.
    Handing the same object to the program under test keeps both sides at the same time.
    """

    def __init__(self, source: Clock = system_time) -> None:
        self._source = source
        self._offset = timedelta(0)
        self._lock = threading.Lock()

    @classmethod
    def stopped_at(cls, instant: datetime) -> SandboxClock:
        """Return a stopped clock, which changes only when it is moved; raise ValueError for a time without a zone."""
        fixed = require_utc(instant)
        return cls(lambda: fixed)

    def __call__(self) -> datetime:
        """Return the present instant in UTC."""
        with self._lock:
            return self._source() + self._offset

    def advance(self, by: timedelta) -> datetime:
        """Move by this much (backwards when negative) and return the new instant."""
        with self._lock:
            self._offset += by
            return self._source() + self._offset

    def set(self, instant: datetime) -> datetime:
        """Move to this instant and return it; raise ValueError for a time without a zone."""
        target = require_utc(instant)
        with self._lock:
            self._offset = target - self._source()
        return target


def as_clock(clock: Clock | None) -> SandboxClock:
    """Return a movable clock that follows `clock`, or the real time where there is none."""
    if isinstance(clock, SandboxClock):
        return clock
    return SandboxClock(clock) if clock is not None else SandboxClock()
