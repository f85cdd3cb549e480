"""Durations as a person writes them: one whole number and one unit, from seconds to weeks. Exact in both directions."""

from __future__ import annotations

import re
from datetime import timedelta

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
