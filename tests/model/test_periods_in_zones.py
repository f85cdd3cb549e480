"""Retention periods on the calendar of a zone, against a calculation that shares nothing with the program's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kit.calendars import first_instant, later_day
from strongroom.model.retention import Period, RetentionRule, end_of
from strongroom.model.window import Window

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Asia/Gaza",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
)
PERIODS = ("1d", "90d", "2w", "1m", "6m", "18m", "1y", "7y")


@pytest.mark.parametrize("zone", ZONES)
def test_a_period_ends_with_the_same_day_of_the_zone_and_never_before_it(zone: str) -> None:
    for number in range(0, 366 * 4, 11):
        last = date(2023, 1, 1) + timedelta(days=number)  # the day of the records
        window = Window(first_instant(last, zone), first_instant(last + timedelta(days=1), zone))
        for text in PERIODS:
            until = end_of(RetentionRule("x", Period.parse(text), zone=zone), window, window.end)
            assert until >= first_instant(later_day(last, text), zone), (zone, last, text)
            wanted = later_day(last + timedelta(days=1), text)
            assert abs(until - first_instant(wanted, zone)) <= timedelta(hours=1), (zone, last, text)
            assert until.astimezone(ZoneInfo(zone)).date() == wanted


def test_a_window_that_ends_on_28_february_in_utc_ends_in_march_in_berlin() -> None:
    window = Window(datetime(2027, 2, 27, 23, tzinfo=UTC), datetime(2027, 2, 28, 23, tzinfo=UTC))
    rule = RetentionRule("x", Period.parse("1m"), zone="Europe/Berlin")
    assert end_of(rule, window, window.end) == datetime(2027, 3, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "text", "until"),
    [
        ("2024-02-29T00:00", "1y", "2025-03-01T00:00"),  # a leap day
        ("2024-01-31T00:00", "1m", "2024-03-01T00:00"),  # a month that is too short
        ("2026-09-29T02:30", "6m", "2027-03-29T02:30"),
        ("2026-09-28T02:30", "6m", "2027-03-28T03:30"),  # skipped: clocks go forward
        ("2026-04-25T02:30", "6m", "2026-10-25T02:30+01:00"),  # twice: the second time
    ],
)
def test_days_that_are_special_in_berlin(start: str, text: str, until: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime.fromisoformat(start).replace(tzinfo=berlin)
    wanted = datetime.fromisoformat(until)
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=berlin)
    assert Period.parse(text).add_to(begin.astimezone(UTC), "Europe/Berlin") == wanted


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(KeyError):
        Period.parse("1y").add_to(datetime(2026, 1, 1, tzinfo=UTC), "Mars/Olympus")
