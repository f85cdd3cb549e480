"""Windows for providers that do not say whether the ends of a range belong to it.

A little more is asked for than is needed: from a whole second before the window to the first whole second at or behind
its end. Whichever ends the provider counts in, and even if it reads no fractions of seconds, no instant of the window
is missed; neighbours share some records, which are told apart by their ids on reading.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from strongroom.model.window import Window

OVERLAP = timedelta(seconds=2)
"""How far beyond the window, on either side, a delivered record may lie because of it."""
_SECOND = timedelta(seconds=1)


def overlapping(window: Window) -> tuple[datetime, datetime]:
    """Return the bounds to ask for, in whole seconds, which survive being repeated without fractions."""
    lower = window.start.replace(microsecond=0) - _SECOND
    upper = window.end.replace(microsecond=0)
    return lower, upper if upper == window.end else upper + _SECOND
