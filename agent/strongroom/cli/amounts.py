"""Sizes, times and windows as people read them. Programs read JSON, which has bytes and RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from humanize import naturalsize

from strongroom.model.job import Job
from strongroom.model.times import format_duration
from strongroom.model.window import Window

DASH = "-"
SHORT = 8
"""Characters at the end of an id that are shown in tables; commands take them for the whole id."""


def short(identifier: str) -> str:
    """Return the end of an id, which differs even between ids of the same second."""
    return identifier[-SHORT:] if identifier else DASH


def size_words(size: int | None) -> str:
    """Write bytes in decimal units, such as 12.3 MB."""
    if size is None:
        return DASH
    return str(naturalsize(size)).replace(" Bytes", " B").replace(" Byte", " B").replace("kB", "KB")


def count_words(count: int) -> str:
    """Write a count with its thousands apart."""
    return f"{count:,}"


def instant_words(instant: datetime | None) -> str:
    """Write an instant to the second, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if instant else DASH


def day_words(instant: datetime) -> str:
    """Write the day of an instant, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d}"


def clock_words(instant: datetime) -> str:
    """Write only the time of day, in UTC."""
    return instant.astimezone(UTC).strftime("%H:%M:%S")


def minute_words(instant: datetime) -> str:
    """Write day and minute, in UTC, for narrow columns."""
    return instant.astimezone(UTC).strftime("%m-%d %H:%M")


def window_words(window: Window) -> str:
    """Write a window as its start and its length: 2026-11-01 +1d, or with the time of day where it is not midnight."""
    start = window.start
    if start == start.replace(hour=0, minute=0, second=0, microsecond=0):
        begin = start.strftime("%Y-%m-%d")
    else:
        begin = start.strftime("%Y-%m-%dT%H:%M" if not start.second else "%Y-%m-%dT%H:%M:%S")
    return f"{begin} +{format_duration(_whole_seconds(window.length))}"


def job_words(job: Job) -> str:
    """Name a job by what it exports."""
    return f"{job.stream} {window_words(job.spec.window)}"


def _whole_seconds(length: timedelta) -> timedelta:
    return timedelta(seconds=max(1, round(length.total_seconds())))
