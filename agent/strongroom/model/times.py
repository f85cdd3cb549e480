"""Instants: every time in Strongroom is an aware `datetime` in UTC; a time without a zone is refused at the door.

Durations as a person writes them: one whole number and one unit, from seconds to weeks. Exact in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the present instant in UTC. Handed in at construction; nothing asks the system by itself."""

Chance = Callable[[int], bytes]
"""Gives n random bytes. Handed in at construction, so tests can hold it in the hand."""


def require_utc(instant: datetime) -> datetime:
    """Return the same instant in UTC; raise ValueError for a time without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"a time needs a zone, got {instant.isoformat()} (write it with Z or an offset)")
    return instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 time; raise ValueError when it is not one or has no zone.

    More than six fractional digits are cut, not rounded: an instant never moves forward.
    """
    try:
        return require_utc(datetime.fromisoformat(text.strip().upper()))
    except OverflowError as error:
        raise ValueError(f"a time must lie within the years 1 to 9999 in UTC, got {text.strip()}") from error


def format_instant(instant: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, milliseconds and more only where there are any."""
    instant = require_utc(instant)
    if instant.microsecond == 0:
        spec = "seconds"
    else:
        spec = "milliseconds" if instant.microsecond % 1000 == 0 else "microseconds"
    return instant.isoformat(timespec=spec).replace("+00:00", "Z")


_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_FORM = re.compile(r"([0-9]{1,12}) ?([wdhms])", re.ASCII)
_LONGEST = timedelta(days=36_525)
_YEAR = timedelta(days=365.25)
_TOLD_IN_YEARS = timedelta(days=730)


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `30m`, `6h`, `2d` or `1w` (m is minutes); raise ValueError for anything else or over 100 years."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError("a duration is a whole number and s, m, h, d or w")
    seconds = int(form[1]) * _SECONDS[form[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError("a duration is at most 100 years")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration in its largest whole unit, so that parse_duration gives it back.

    Raises ValueError for a negative duration and for parts of a second.
    """
    seconds, rest = divmod(duration, timedelta(seconds=1))
    if seconds < 0 or rest:
        raise ValueError(f"a duration is a whole number of seconds from 0 up, got {duration}")
    if seconds == 0:
        return "0s"
    unit = next(unit for unit, length in _SECONDS.items() if seconds % length == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def rough_duration(length: timedelta) -> str:
    """Write a length of time as people say it: in whole days, hours or minutes, and from 730 days on in years."""
    if length >= _TOLD_IN_YEARS:
        return f"{length / _YEAR:.0f} years"
    for unit, name in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes")):
        if length >= 2 * unit:
            return f"{length // unit} {name}"
    return "a minute"
