"""An independent calendar: what day a period leads to, and when a day of a zone begins; shares nothing with ours."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def later_day(day: date, text: str) -> date:
    """Return the calendar day that a period after `day` is; the next one where there is no such day."""
    count, unit = int(text[:-1]), text[-1]
    if unit in "dw":
        return day + timedelta(days=count * (7 if unit == "w" else 1))
    months = day.year * 12 + day.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    if day.day <= calendar.monthrange(year, month + 1)[1]:
        return date(year, month + 1, day.day)
    return date(year + (month == 11), (month + 1) % 12 + 1, 1)


def first_instant(day: date, zone: str) -> datetime:
    """Return the first instant of a day, found minute by minute from the day before."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(ZoneInfo(zone)).date() < day:
        at += timedelta(minutes=15)
    return at
