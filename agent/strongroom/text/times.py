"""Instants and windows as people read them: in UTC for the command line, in the local zone for the screen."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from strongroom.model.job import Job
from strongroom.model.times import format_duration, format_instant
from strongroom.model.window import Window
from strongroom.text.layout import first_that_fits
from strongroom.text.units import DASH, span

_DAY = timedelta(days=1)


def utc(instant: datetime | None) -> str:
    """Write an instant to the second, in UTC: 2026-11-20 13:03:07Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if instant else DASH


def utc_day(instant: datetime) -> str:
    """Write the day of an instant, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d}"


def utc_clock(instant: datetime) -> str:
    """Write only the time of day, in UTC."""
    return instant.astimezone(UTC).strftime("%H:%M:%S")


def utc_minute(instant: datetime) -> str:
    """Write day and minute, in UTC, for narrow columns."""
    return instant.astimezone(UTC).strftime("%m-%d %H:%M")


def utc_window(window: Window) -> str:
    """Write a window as its start and its length: 2026-11-01 +1d, or with the time of day where it is not midnight."""
    start = window.start
    if start == start.replace(hour=0, minute=0, second=0, microsecond=0):
        begin = start.strftime("%Y-%m-%d")
    else:
        begin = start.strftime("%Y-%m-%dT%H:%M" if not start.second else "%Y-%m-%dT%H:%M:%S")
    return f"{begin} +{format_duration(timedelta(seconds=max(1, round(window.length.total_seconds()))))}"


def exact_window(window: Window) -> str:
    """Write a window exactly, as its first instant and its end, which is not included."""
    return f"{format_instant(window.start)} to {format_instant(window.end)}"


def job_name(job: Job) -> str:
    """Name a job by what it exports."""
    return f"{job.stream} {utc_window(job.spec.window)}"


class Zone:
    """The zone that the functions below write instants in: the local one, or UTC if a person chooses it."""

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


def local_minute(instant: datetime) -> str:
    """Write an instant for a narrow column, with its offset: 11-20 14:03+01; in UTC, 11-20 13:03Z.

    A zone whose offset is not a whole number of hours has no room there; its times are written in UTC.
    """
    zoned = _zoned(instant)
    hours = _whole_hours(zoned)
    if zoned is None or not hours:
        return f"{format_instant(instant)[5:16].replace('T', ' ')}Z"
    return f"{zoned:%m-%d %H:%M}{hours}"


def window_words(window: Window, width: int) -> str:
    """Write a window as its local start and its length, 2026-11-20 01:00+01 1 d, or as much of it as fits.

    If there is no room for that, only the day is written: a local day as it is, 2026-11-20, and a day of UTC with its
    sign, 2026-11-20Z, because it would otherwise read as the evening before or as the wrong day.
    """
    zoned = _zoned(window.start)
    if zoned is None:
        return f"{format_instant(window.start)} {_length(window)}"
    start = zoned.isoformat(sep=" ", timespec="minutes")
    exact = start.removesuffix(":00") if start[16:].count(":") else start
    return first_that_fits([f"{exact} {_length(window)}", exact, *_day_forms(window, zoned)], width)


def _day_forms(window: Window, zoned: datetime) -> list[str]:
    start = window.start.astimezone(UTC)
    if zoned.utcoffset() and window.length % _DAY == timedelta() and start.time() == time():
        return [f"{start:%Y-%m-%d}Z", f"{start:%y-%m-%d}Z"]
    if zoned.time() == time():
        return [f"{zoned:%Y-%m-%d}"]
    return [local_minute(window.start), f"{start:%m-%d %H}Z"]


def _length(window: Window) -> str:
    hours, rest = divmod(window.length, timedelta(hours=1))
    if rest:
        return span(window.length)
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"


def _whole_hours(zoned: datetime | None) -> str:
    """Return an offset such as +01; empty for UTC and for an offset that is not a whole number of hours."""
    offset = f"{zoned:%z}" if zoned is not None else ""
    return offset[:3] if len(offset) == 5 and offset.endswith("00") and offset[1:3] != "00" else ""


def _zoned(instant: datetime) -> datetime | None:
    """Return the instant in the chosen zone, or None where a calendar of four-digit years ends."""
    try:
        return instant.astimezone(UTC) if Zone.utc else instant.astimezone()
    except (OverflowError, ValueError, OSError):
        return None
