"""Periods as a person names them for a report: a year, a quarter, a month, or the last one that is over."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from strongroom.model.errors import UsageError
from strongroom.model.plan import Span, boundary, following
from strongroom.model.window import Window

_FORM = re.compile(r"(?P<year>[0-9]{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>0[1-9]|1[0-2])))?", re.ASCII)
_LAST = {"last-month": 1, "last-quarter": 3, "last-year": 12}
_FIRST_YEAR, _LAST_YEAR = 1971, 9998  # so that no zone leaves the calendar


def named_period(text: str, zone: str, now: datetime) -> Window:
    """Return the period that `2026`, `2026-Q3`, `2026-10`, `last-month`, `last-quarter` or `last-year` names in a zone.

    Raises UsageError for anything else.
    """
    if text in _LAST:
        return _last(_LAST[text], zone, now)
    form = _FORM.fullmatch(text)
    if form is None or not _FIRST_YEAR <= int(form["year"]) <= _LAST_YEAR:
        raise UsageError(
            f"{text} is not a period",
            hint="expected 2026, 2026-Q3, 2026-10, last-month, last-quarter or last-year; or use --from and --to",
        )
    if form["month"]:
        return _months(int(form["year"]), int(form["month"]), 1, zone)
    if form["quarter"]:
        return _months(int(form["year"]), 3 * int(form["quarter"]) - 2, 3, zone)
    return _months(int(form["year"]), 1, 12, zone)


def period_name(period: Window, zone: str) -> str:
    """Name a period for a file: 2026-10, 2026-Q3, 2026, or its first and last day."""
    start, end = (instant.astimezone(ZoneInfo(zone)) for instant in (period.start, period.end))
    year, month = start.year, start.month
    if _FIRST_YEAR <= year <= _LAST_YEAR:
        if period == _months(year, month, 1, zone):
            return f"{year}-{month:02}"
        if month % 3 == 1 and period == _months(year, month, 3, zone):
            return f"{year}-Q{month // 3 + 1}"
        if month == 1 and period == _months(year, 1, 12, zone):
            return f"{year}"
    return f"{start:%Y-%m-%d}_{end - timedelta(microseconds=1):%Y-%m-%d}"


def _last(months: int, zone: str, now: datetime) -> Window:
    today = now.astimezone(ZoneInfo(zone))
    ended = today.year * 12 + (today.month - 1) // months * months  # months since year 0, where the current one begins
    first = ended - months
    return _months(first // 12, first % 12 + 1, months, zone)


def _months(year: int, month: int, count: int, zone: str) -> Window:
    start = boundary(Span.MONTH, zone, datetime(year, month, 15, tzinfo=UTC))
    end = start
    for _month in range(count):
        end = following(Span.MONTH, zone, end)
    return Window(start, end)
