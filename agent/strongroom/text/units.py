"""Sizes, counts and durations as people read them. Programs read JSON, which has bytes and seconds."""

from __future__ import annotations

from datetime import timedelta

from humanize import naturalsize

from strongroom.model.text import counted

DASH = "-"
SHORT = 8
"""Characters at the end of an ID that are shown in tables; commands accept them for the whole ID."""

_YEAR = timedelta(days=365).total_seconds()
_IN_YEARS = 730  # days from which on a span is given in years


def short(identifier: str) -> str:
    """Return the end of an ID, which differs even between IDs of the same second."""
    return identifier[-SHORT:] if identifier else DASH


def size(count: int | None) -> str:
    """Write bytes in decimal units, such as 12.3 MB; 1 KB is 1000 bytes."""
    if count is None:
        return DASH
    return str(naturalsize(count)).replace(" Bytes", " B").replace(" Byte", " B").replace("kB", "KB")


def number(count: int, noun: str = "") -> str:
    """Write a count with thousands separators and, if a noun is given, with the noun in the right number."""
    return counted(count, noun) if noun else f"{count:,}"


def span(length: timedelta) -> str:
    """Write a duration in its largest unit, or the largest two: 45 s, 12 min, 3 h 20 min, 5 d, 3 years."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    if seconds < 6_000:
        return f"{seconds // 60} min"
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, rest = seconds // 86_400, seconds % 86_400 // 3600
    if days >= _IN_YEARS:
        return f"{days / 365.25:.0f} years"
    return f"{days} d {rest} h" if rest and days < 100 else f"{days} d"


def brief(length: timedelta) -> str:
    """Write a duration for a narrow column, in its largest unit alone: 45s, 12m, 3h, 5d, 3y."""
    seconds = max(0, round(length.total_seconds()))
    for unit, many in (("y", 86_400 * _IN_YEARS), ("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= many:
            return f"{round(seconds / _YEAR) if unit == 'y' else seconds // many}{unit}"
    return f"{seconds}s"


def time_left(rest: int, rate: float | None) -> str:
    """Write how long the rest takes at a rate per second; more than a year is not counted out."""
    if not rate:
        return "time left unknown"
    seconds = max(0, rest) / rate
    return f"{span(timedelta(seconds=seconds))} left" if seconds <= _YEAR else "more than a year left"
