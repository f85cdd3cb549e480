from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.retention import Period, PeriodUnit


@pytest.mark.parametrize(
    ("text", "shown"),
    [("90d", "90d"), ("12w", "12w"), ("18m", "18m"), ("18 months", "18m"), ("7y", "7y"), ("7 years", "7y")],
)
def test_reads(text: str, shown: str) -> None:
    assert str(Period.parse(text)) == shown


@pytest.mark.parametrize("text", ["", "7", "y", "0y", "-7y", "7Y", "1.5y", "7h", "7y6m", "1001y", "7y\n", "7 min"])
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="a retention period is"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        ("2026-06-01", "7y", "2033-06-01"),
        ("2024-02-29", "1y", "2025-03-01"),
        ("2024-02-29", "4y", "2028-02-29"),
        ("2096-02-29", "4y", "2100-03-01"),
        ("2026-01-31", "1m", "2026-03-01"),
        ("2028-01-31", "1m", "2028-03-01"),
        ("2026-08-31", "18m", "2028-03-01"),
        ("2026-03-31", "1m", "2026-05-01"),
        ("2026-11-30", "1m", "2026-12-30"),
        ("2026-12-15", "1m", "2027-01-15"),
        ("2026-12-31", "12w", "2027-03-25"),
        ("2026-12-31", "60d", "2027-03-01"),
    ],
)
def test_counts_on_the_calendar_and_never_short(start: str, period: str, end: str) -> None:
    begins = datetime.fromisoformat(f"{start}T13:14:15.000016+00:00")
    assert Period.parse(period).add_to(begins).isoformat() == f"{end}T13:14:15.000016+00:00"


def test_counts_in_utc() -> None:
    late = datetime(2024, 2, 29, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert Period.parse("1y").add_to(late) == datetime(2025, 3, 1, 1, 30, tzinfo=UTC)


def test_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        Period.parse("1y").add_to(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake


def test_says_when_the_calendar_ends() -> None:
    with pytest.raises(OverflowError):
        Period.parse("1000y").add_to(datetime(9000, 1, 1, tzinfo=UTC))


_PERIODS = st.builds(Period, st.integers(1, 1_000), st.sampled_from(PeriodUnit))
_INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(_PERIODS)
def test_round_trip(period: Period) -> None:
    assert Period.parse(str(period)) == period


@given(_PERIODS, _INSTANTS, _INSTANTS)
def test_a_later_start_never_ends_earlier(period: Period, one: datetime, other: datetime) -> None:
    early, late = sorted((one, other))
    assert early < period.add_to(early) <= period.add_to(late) or early == late


@given(st.integers(1, 1_000), _INSTANTS)
def test_years_are_never_shorter_than_their_days(years: int, start: datetime) -> None:
    end = Period(years, PeriodUnit.YEARS).add_to(start)
    assert end.year == start.year + years
    assert (end.month, end.day) in {(start.month, start.day), (3, 1)}
