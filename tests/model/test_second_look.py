"""When an empty window is unusual enough for a second look, and when that is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from strongroom.model.coverage import Cover, Interval
from strongroom.model.second_look import Doubt, SecondLook, SecondLookOutcome, doubt_of, due_at, words_of
from strongroom.model.window import Window

DAY = timedelta(days=1)
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)  # day 0 of the strings below
_COVERS = {"#": Cover.PROVEN, ".": Cover.EMPTY, "x": Cover.LOST, "!": Cover.MISSING, "†": Cover.DESTROYED}


def past(days: str, start: datetime = MONDAY, length: timedelta = DAY) -> list[Interval]:
    """Return one entry for each character, from `start` on; a blank is no entry."""
    return [
        Interval("s", Window(start + place * length, start + (place + 1) * length), _COVERS[each])
        for place, each in enumerate(days)
        if each != " "
    ]


@pytest.mark.parametrize(
    ("days", "doubt"),
    [
        ("", None),  # nothing is known of a new stream
        ("#", Doubt.STREAM),  # one window with records is enough
        ("###", Doubt.STREAM),
        ("##x#", Doubt.STREAM),  # what was lost or failed tells nothing
        ("##†!x", Doubt.STREAM),
        ("†!x", None),
        ("###.", None),  # it was empty before, and has no habits on Fridays yet
        ("#####..", None),
        ("#####..#####.", None),  # Sunday again: empty as ever
        ("#####..#####", None),  # Saturday again
        ("#####..", None),  # the second Monday: one Monday before is no habit
        ("#####..#####..", Doubt.WEEKDAY),  # the third Monday
        ("#####...####..", None),  # the second Monday was empty
        ("#####..#####..####", Doubt.WEEKDAY),  # the third Friday
        (".......", None),
        (".......#######", None),  # a Monday was empty
        ("######.######.", Doubt.WEEKDAY),  # Sundays are empty, Mondays are not
    ],
)
def test_an_empty_window_after_a_past(days: str, doubt: Doubt | None) -> None:
    start = MONDAY + len(days) * DAY
    assert doubt_of(Window(start, start + DAY), "UTC", past(days)) is doubt
    assert doubt_of(Window(start, start + DAY), "UTC", reversed(past(days))) is doubt


def test_only_what_lies_before_counts() -> None:
    assert doubt_of(Window(MONDAY, MONDAY + DAY), "UTC", past("###", MONDAY + DAY)) is None
    assert doubt_of(Window(MONDAY + 3 * DAY, MONDAY + 4 * DAY), "UTC", past("### .")) is Doubt.STREAM


def test_weekdays_are_those_of_the_zone() -> None:
    """Windows of days in Auckland begin on the day before, by UTC."""
    start = datetime(2026, 11, 1, 11, tzinfo=UTC)  # Monday, 2 November there
    days = past("#####..#####..", start)
    third = start + 14 * DAY
    assert doubt_of(Window(third, third + DAY), "Pacific/Auckland", days) is Doubt.WEEKDAY
    saturday = start + 12 * DAY
    assert doubt_of(Window(saturday, saturday + DAY), "Pacific/Auckland", days) is None


def test_hours_of_one_day_are_one_weekday() -> None:
    hour = timedelta(hours=1)
    tuesday = MONDAY + DAY
    hours = [*past(".", MONDAY, hour), *past("#####", tuesday, hour)]
    assert doubt_of(Window(tuesday + 5 * hour, tuesday + 6 * hour), "UTC", hours) is None
    hours += past("#", tuesday + 7 * DAY, hour)
    later = tuesday + 7 * DAY + hour
    assert doubt_of(Window(later, later + hour), "UTC", hours) is Doubt.WEEKDAY


def test_weeks_have_no_weekday() -> None:
    weeks = past(".####", MONDAY, 7 * DAY)
    start = MONDAY + 35 * DAY
    assert doubt_of(Window(start, start + 7 * DAY), "UTC", weeks) is None
    assert doubt_of(Window(start, start + 7 * DAY), "UTC", weeks[1:]) is Doubt.STREAM


@pytest.mark.parametrize(
    ("age", "keeps", "due"),
    [
        (1, None, 1.0),
        (1, 90, 1.0),
        (89, 90, 1 - 1 / 24),  # an hour before the provider deletes it
        (90, 90, 0.0),
        (200, 90, 0.0),
    ],
)
def test_the_second_look_comes_before_the_provider_deletes(age: int, keeps: int | None, due: float) -> None:
    now = MONDAY + age * DAY
    kept = None if keeps is None else keeps * DAY
    assert due_at(Window(MONDAY, MONDAY + DAY), now, DAY, kept) == now + due * DAY


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (SecondLookOutcome.PENDING, "the stream was never empty before; it is exported again on 2026-11-04 00:00Z"),
        (SecondLookOutcome.CONFIRMED, "found it empty again"),
        (SecondLookOutcome.REFUTED, "found records"),
        (SecondLookOutcome.UNCONFIRMED, "could not be made"),
    ],
)
def test_words(outcome: SecondLookOutcome, words: str) -> None:
    window = Window(MONDAY, MONDAY + DAY)
    look = SecondLook("s", window, "a", Doubt.STREAM, MONDAY + 2 * DAY, outcome, MONDAY + DAY)
    assert words in words_of(look)
