"""Amounts as a person reads them: bytes, counts, spans of time, and instants in the local zone with their offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.cells import cell_len

from strongroom.model.instants import format_instant
from strongroom.model.window import Window

_UNITS = ("KB", "MB", "GB", "TB", "PB")


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
    ending = "" if count == 1 else "s"
    return f"{count:,} {noun}{ending}" if noun else f"{count:,}"


def span(length: timedelta) -> str:
    """Write how long something takes, in its one largest unit or two: 45 s, 12 min, 3 h 20 min, 5 d."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    if seconds < 6_000:
        return f"{seconds // 60} min"
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, rest = seconds // 86_400, seconds % 86_400 // 3600
    return f"{days} d {rest} h" if rest else f"{days} d"


class Zone:
    """In which zone instants are written: the local one, or UTC when a person asks for it."""

    utc = False


def local(instant: datetime) -> str:
    """Write an instant in the local zone, with its offset: 2026-11-20 14:03:07+01:00."""
    zoned = _zoned(instant)
    return zoned.isoformat(sep=" ", timespec="seconds") if zoned else format_instant(instant)


def brief(length: timedelta) -> str:
    """Write a span for a narrow column, in its largest unit alone: 45s, 12m, 3h, 5d."""
    seconds = max(0, round(length.total_seconds()))
    for unit, many in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= many:
            return f"{seconds // many}{unit}"
    return f"{seconds}s"


def local_minute(instant: datetime) -> str:
    """Write an instant for a narrow column: 11-20 14:03 in the local zone."""
    zoned = _zoned(instant)
    return zoned.strftime("%m-%d %H:%M") if zoned else format_instant(instant)[5:16]


def window_words(window: Window, width: int) -> str:
    """Write a window as its local start and its length, 2026-11-20 01:00+01 1 d, or as much of it as fits."""
    zoned = _zoned(window.start)
    if zoned is None:
        return f"{format_instant(window.start)} {_length(window)}"
    start = zoned.isoformat(sep=" ", timespec="minutes")
    exact, minute = start.removesuffix(":00") if start[16:].count(":") else start, start[:16]
    return first_that_fits([f"{exact} {_length(window)}", exact, minute, start[:10]], width)


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
