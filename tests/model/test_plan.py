from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.model_objects import STREAM
from strongroom.model.plan import Plan, Span, boundary, cut, following
from strongroom.model.window import Window

AWKWARD = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Goose_Bay",
    "America/Sao_Paulo",
    "America/Asuncion",
    "America/Havana",
    "America/Scoresbysund",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Amman",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Chatham",
    "Antarctica/Troll",
)
TICK = timedelta(microseconds=1)
ZONES = st.sampled_from(AWKWARD) | st.sampled_from(sorted(zoneinfo.available_timezones()))
SPANS = st.sampled_from(Span)
INSTANTS = st.datetimes(datetime(1970, 1, 3), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def period_of(span: Span, instant: datetime, zone: str) -> date:
    """Return the first local day of the period that a clock on the wall shows at the instant."""
    day = instant.astimezone(ZoneInfo(zone)).date()
    if span is Span.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if span is Span.MONTH else day


@settings(deadline=None, max_examples=300)
@given(SPANS, ZONES, INSTANTS)
@example(Span.DAY, "America/St_Johns", utc("2010-11-07T02:45"))  # the old day again, after midnight
@example(Span.DAY, "America/Sao_Paulo", utc("2018-11-04T03:00"))  # no midnight
@example(Span.DAY, "Pacific/Apia", utc("2011-12-30T10:00"))  # no such day
@example(Span.MONTH, "Pacific/Kwajalein", utc("1993-08-21T12:00"))
@example(Span.WEEK, "Africa/Cairo", utc("2014-05-15T22:00"))
def test_boundaries_enclose_every_instant(span: Span, zone: str, instant: datetime) -> None:
    start = boundary(span, zone, instant)
    end = following(span, zone, start)
    assert start <= instant < end
    assert boundary(span, zone, start) == start
    assert boundary(span, zone, end) == end
    assert boundary(span, zone, end - TICK) == start
    assert start.tzinfo is end.tzinfo is UTC


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([Span.DAY, Span.WEEK, Span.MONTH]), ZONES, INSTANTS)
@example(Span.DAY, "America/St_Johns", utc("2010-11-07T02:30"))
def test_at_a_boundary_the_wall_shows_the_new_period_for_the_first_time(
    span: Span, zone: str, instant: datetime
) -> None:
    start = boundary(span, zone, instant)
    assert period_of(span, start, zone) > period_of(span, start - TICK, zone)
    assert period_of(span, start, zone) >= period_of(span, instant, zone)


@settings(deadline=None)
@given(SPANS, ZONES, INSTANTS, st.timedeltas(TICK, timedelta(days=90)))
@example(Span.DAY, "America/St_Johns", utc("2010-11-07T02:45"), timedelta(days=3))
@example(Span.DAY, "Pacific/Apia", utc("2011-12-28"), timedelta(days=5))
def test_pieces_adjoin_and_cover_exactly(span: Span, zone: str, start: datetime, length: timedelta) -> None:
    period = Window(start, start + min(length, timedelta(days=4)) if span is Span.HOUR else start + length)
    pieces = list(cut(period, span, zone))
    assert (pieces[0].start, pieces[-1].end) == (period.start, period.end)
    assert all(first.end == second.start for first, second in pairwise(pieces))
    assert all(boundary(span, zone, piece.end) == piece.end for piece in pieces[:-1])
    assert all(boundary(span, zone, piece.end - TICK) <= piece.start for piece in pieces)


def days_from(zone: str, first: str, span: Span = Span.DAY) -> list[str]:
    pieces = cut(Window(utc(first), utc(first) + timedelta(days=500)), span, zone)
    return [f"{piece.start:%m-%dT%H:%M}" for piece in islice(pieces, 5)]


@pytest.mark.parametrize(
    ("zone", "first", "starts"),
    [
        # 2018-11-04 begins at 01:00
        ("America/Sao_Paulo", "2018-11-03T03:00", ["11-03T03:00", "11-04T03:00", "11-05T02:00", "11-06T02:00"]),
        # 00:00 becomes 23:00: Saturday has 25 hours
        ("America/Sao_Paulo", "2018-02-17T02:00", ["02-17T02:00", "02-18T03:00", "02-19T03:00", "02-20T03:00"]),
        # 2024-03-31 begins at 01:00
        ("Asia/Beirut", "2024-03-30T22:00", ["03-30T22:00", "03-31T21:00", "04-01T21:00", "04-02T21:00"]),
        # 2024-04-26 begins at 01:00
        ("Africa/Cairo", "2024-04-24T22:00", ["04-24T22:00", "04-25T22:00", "04-26T21:00", "04-27T21:00"]),
        # 2024-03-10 begins at 01:00; on 2024-11-03 midnight exists twice
        ("America/Havana", "2024-03-09T05:00", ["03-09T05:00", "03-10T05:00", "03-11T04:00", "03-12T04:00"]),
        ("America/Havana", "2024-11-02T04:00", ["11-02T04:00", "11-03T04:00", "11-04T05:00", "11-05T05:00"]),
        # 00:01 becomes 23:01 of the day before: midnight exists twice, and the first one counts
        ("America/St_Johns", "2010-11-06T02:30", ["11-06T02:30", "11-07T02:30", "11-08T03:30", "11-09T03:30"]),
        # 2011-12-30 was left out
        ("Pacific/Apia", "2011-12-28T10:00", ["12-28T10:00", "12-29T10:00", "12-30T10:00", "12-31T10:00"]),
        # half an hour forward
        ("Australia/Lord_Howe", "2025-10-03T13:30", ["10-03T13:30", "10-04T13:30", "10-05T13:00", "10-06T13:00"]),
        ("Asia/Kathmandu", "2024-02-27T18:15", ["02-27T18:15", "02-28T18:15", "02-29T18:15", "03-01T18:15"]),
    ],
)
def test_days_where_the_clock_is_changed(zone: str, first: str, starts: list[str]) -> None:
    assert days_from(zone, first)[:4] == starts


def test_months_weeks_and_leap_days() -> None:
    months = ["01-01T00:00", "02-01T00:00", "03-01T00:00", "04-01T00:00", "05-01T00:00"]
    assert days_from("UTC", "2024-01-01", Span.MONTH) == months
    assert days_from("UTC", "2023-12-31T12:00", Span.MONTH)[:3] == ["12-31T12:00", "01-01T00:00", "02-01T00:00"]
    assert days_from("UTC", "2024-02-26", Span.WEEK)[:3] == ["02-26T00:00", "03-04T00:00", "03-11T00:00"]
    assert days_from("UTC", "2024-02-28")[:3] == ["02-28T00:00", "02-29T00:00", "03-01T00:00"]
    assert days_from("UTC", "2100-02-28")[:2] == ["02-28T00:00", "03-01T00:00"]


def test_an_hour_is_an_hour_in_every_zone() -> None:
    for zone in ("Asia/Kathmandu", "Australia/Lord_Howe"):
        assert boundary(Span.HOUR, zone, utc("2025-10-04T15:20")) == utc("2025-10-04T15:00")
        assert following(Span.HOUR, zone, utc("2025-10-04T15:00")) == utc("2025-10-04T16:00")


def test_a_period_within_one_window_stays_whole() -> None:
    period = Window(utc("2026-03-05T01:00"), utc("2026-03-05T02:00"))
    assert list(cut(period, Span.MONTH, "UTC")) == [period]


def test_a_plan_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="settle delay cannot be negative"):
        Plan(STREAM, None, settle=timedelta(seconds=-1))
    with pytest.raises(ValueError, match="a time needs a zone"):
        Plan(STREAM, datetime(2026, 1, 1))  # noqa: DTZ001
