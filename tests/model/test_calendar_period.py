"""Periods by their names: in the zone of the vault, and back to the same name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.calendar_period import named_period, period_name
from strongroom.model.errors import UsageError
from strongroom.model.window import Window

NOW = datetime(2026, 11, 30, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "zone", "start", "end"),
    [
        ("2026-10", "UTC", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-10", "Europe/Berlin", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("2026-Q1", "America/New_York", "2026-01-01T05:00:00Z", "2026-04-01T04:00:00Z"),
        ("2025", "Asia/Kolkata", "2024-12-31T18:30:00Z", "2025-12-31T18:30:00Z"),
        ("last-month", "UTC", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("last-quarter", "UTC", "2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("last-year", "UTC", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_name_is_a_period_of_the_zone(name: str, zone: str, start: str, end: str) -> None:
    assert named_period(name, zone, NOW) == Window(datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_the_last_month_is_that_of_the_zone() -> None:
    just_december = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert period_name(named_period("last-month", "Europe/Berlin", just_december), "Europe/Berlin") == "2026-11"
    assert period_name(named_period("last-month", "UTC", just_december), "UTC") == "2026-10"


@pytest.mark.parametrize("text", ["", "october", "2026-13", "2026-Q5", "2026-1", "0000", "9999", "2026-10-01", "٢٠٢٦"])
def test_what_names_no_period_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a period"):
        named_period(text, "UTC", NOW)


@given(
    st.integers(1980, 2090),
    st.sampled_from(["", *(f"-{month:02}" for month in range(1, 13)), *(f"-Q{quarter}" for quarter in range(1, 5))]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_a_period_has_the_name_that_names_it(year: int, part: str, zone: str) -> None:
    assert period_name(named_period(f"{year}{part}", zone, NOW), zone) == f"{year}{part}"


def test_another_period_is_named_by_its_first_and_last_day() -> None:
    period = Window(datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 9, tzinfo=UTC))
    assert period_name(period, "UTC") == "2026-10-03_2026-10-08"
