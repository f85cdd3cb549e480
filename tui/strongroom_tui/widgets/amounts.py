"""Amounts as a person reads them: bytes, counts, spans of time, and instants in the local zone with their offset."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from rich.cells import cell_len

from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.model.window import Window

_UNITS = ("KB", "MB", "GB", "TB", "PB")
_YEAR = timedelta(days=365).total_seconds()
_IN_YEARS = 730  # days from which a span is told in years
_DAY = timedelta(days=1)


def size(count: int) -> str:
    """Write bytes with three digits at most before the unit; 1 KB is 1000 bytes."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in _UNITS:
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount:,.1f} {_UNITS[-1]}"


def number(count: int, noun: str = "") -> str:
    """Write a count with its thousands apart and, where a noun is given, the noun in the right number."""
    return counted(count, noun) if noun else f"{count:,}"


def span(length: timedelta) -> str:
    """Write how long something takes, in its one largest unit or two: 45 s, 12 min, 3 h 20 min, 5 d, 3 years."""
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


def time_left(rest: int, rate: float | None) -> str:
    """Write how long the rest takes at a rate in a second; what takes longer than a year is not counted out."""
    if not rate:
        return "time left unknown"
    seconds = max(0, rest) / rate
    return f"{span(timedelta(seconds=seconds))} left" if seconds <= _YEAR else "more than a year left"


class Zone:
    """In which zone instants are written: the local one, or UTC when a person asks for it."""

    utc = False


def local(instant: datetime) -> str:
    """Write an instant in the local zone, with its offset: 2026-11-20 14:03:07+01:00."""
    zoned = _zoned(instant)
    return zoned.isoformat(sep=" ", timespec="seconds") if zoned else format_instant(instant)


def local_day_minute(instant: datetime) -> str:
    """Write an instant to the minute, with its offset: 2026-11-20 14:03+01; in UTC, 2026-11-20 13:03Z."""
    zoned = _zoned(instant)
    if zoned is None or not zoned.utcoffset():
        return f"{format_instant(instant)[:16].replace('T', ' ')}Z"
    return f"{zoned:%Y-%m-%d %H:%M}{_whole_hours(zoned) or zoned.isoformat()[-6:]}"


def local_clock(instant: datetime) -> str:
    """Write the time of day alone, with its offset: 14:03:07+01, 18:33:07+05:30; in UTC, 13:03:07Z."""
    zoned = _zoned(instant)
    if zoned is None or not zoned.utcoffset():
        return f"{format_instant(instant)[11:19]}Z"
    return f"{zoned:%H:%M:%S}{_whole_hours(zoned) or zoned.isoformat()[-6:]}"


def brief(length: timedelta) -> str:
    """Write a span for a narrow column, in its largest unit alone: 45s, 12m, 3h, 5d, 3y."""
    seconds = max(0, round(length.total_seconds()))
    for unit, many in (("y", 86_400 * _IN_YEARS), ("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= many:
            return f"{round(seconds / _YEAR) if unit == 'y' else seconds // many}{unit}"
    return f"{seconds}s"


def local_minute(instant: datetime) -> str:
    """Write an instant for a narrow column, with its offset: 11-20 14:03+01; in UTC, 11-20 13:03Z.

    A zone whose offset is no whole number of hours has no room there, and its times are written in UTC.
    """
    zoned = _zoned(instant)
    hours = _whole_hours(zoned)
    if zoned is None or not hours:
        return f"{format_instant(instant)[5:16].replace('T', ' ')}Z"
    return f"{zoned:%m-%d %H:%M}{hours}"


def window_words(window: Window, width: int) -> str:
    """Write a window as its local start and its length, 2026-11-20 01:00+01 1 d, or as much of it as fits.

    Where there is no room for that the day is written alone, 2026-11-20: a day of the local zone as it is, one of UTC
    with its sign, 2026-11-20Z, since it would else read as the evening before or the wrong day.
    """
    zoned = _zoned(window.start)
    if zoned is None:
        return f"{format_instant(window.start)} {_length(window)}"
    start = zoned.isoformat(sep=" ", timespec="minutes")
    exact = start.removesuffix(":00") if start[16:].count(":") else start
    return first_that_fits([f"{exact} {_length(window)}", exact, *_short(window, zoned)], width)


def _short(window: Window, zoned: datetime) -> list[str]:
    utc = window.start.astimezone(UTC)
    if zoned.utcoffset() and window.length % _DAY == timedelta() and utc.time() == time():
        return [f"{utc:%Y-%m-%d}Z", f"{utc:%y-%m-%d}Z"]
    if zoned.time() == time():
        return [f"{zoned:%Y-%m-%d}"]
    return [local_minute(window.start), f"{utc:%m-%d %H}Z"]


def _whole_hours(zoned: datetime | None) -> str:
    """Return an offset such as +01, or nothing for UTC and for an offset that is no whole number of hours."""
    offset = f"{zoned:%z}" if zoned is not None else ""
    return offset[:3] if len(offset) == 5 and offset.endswith("00") and offset[1:3] != "00" else ""


def first_that_fits(variants: list[str], width: int) -> str:
    """Return the first of these texts that takes at most `width` cells, or else the last one."""
    return next((words for words in variants if cell_len(words) <= width), variants[-1])


def bar(share: float, cells: int) -> str:
    """Draw a share between 0 and 1 as a bar that is full only at the end."""
    done = min(cells, max(0, int(share * cells)))
    return "█" * done + "░" * (cells - done)


def _length(window: Window) -> str:
    hours, rest = divmod(window.length, timedelta(hours=1))
    if rest:
        return span(window.length)
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"


def _zoned(instant: datetime) -> datetime | None:
    """Return the instant in the local zone, or None where a calendar of four-digit years ends."""
    try:
        return instant.astimezone(UTC) if Zone.utc else instant.astimezone()
    except (OverflowError, ValueError, OSError):
        return None
