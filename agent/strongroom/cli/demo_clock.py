"""The demo's time: it begins at a fixed moment and runs faster than real time, alike in every process of the demo."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from msgspec import Struct

PACE = 60.0  # a minute of the demo takes a second
FAST = 240.0  # a day of the demo takes six minutes


def boot_seconds() -> float:
    """Return the seconds since the machine started, the same in every process."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DemoClock(Struct, frozen=True):
    """A clock that was at `start` when the machine had run for `began` seconds."""

    start: datetime
    began: float  # boot seconds
    pace: float  # seconds of the demo in one of ours

    def __call__(self) -> datetime:
        """Return the demo's present instant in UTC."""
        return self.start + timedelta(seconds=self.pace * (boot_seconds() - self.began))

    def boot(self) -> float:
        """Return the seconds since the machine started, at the demo's pace."""
        return self.pace * boot_seconds()
