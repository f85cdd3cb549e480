"""What an export proves of its window: what had settled when it was asked for, and what the provider still kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.model_objects import STREAM
from strongroom.model.coverage import HELD, Cover, Interval, due_windows, joined, require_past, unheld
from strongroom.model.horizon import (
    BEYOND,
    LONGEST_LAG,
    NO_COPY,
    SLACK,
    WORTH,
    delay_then,
    is_moment,
    lag_after,
    reconsidered,
    settle,
    settled_until,
    split_settled,
)
from strongroom.model.names import make_id, time_of
from strongroom.model.plan import Plan, Span
from strongroom.model.window import Window, subtract

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = Window(datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC))
SHORT = st.integers(0, 3 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
INSTANTS = st.integers(-5 * 86_400, 5 * 86_400).map(lambda seconds: NOON + timedelta(seconds=seconds))
WINDOWS = st.tuples(INSTANTS, st.integers(1, 3 * 86_400)).map(
    lambda drawn: Window(drawn[0], drawn[0] + timedelta(seconds=drawn[1]))
)
LEDGERS = st.lists(
    st.builds(Interval, st.just(STREAM.name), WINDOWS, st.sampled_from(Cover), cause=st.sampled_from(["", BEYOND])),
    max_size=12,
)


@pytest.mark.parametrize(
    ("asked_at", "delay", "made_at", "until"),
    [
        (NOON, HOUR, None, NOON - HOUR),
        (NOON, timedelta(0), None, NOON),
        (NOON, HOUR, NOON + MINUTE, NOON - HOUR),  # a provider that is ahead adds nothing
        (NOON, HOUR, NOON - SLACK, NOON - HOUR),  # the delay absorbs clocks that are a little apart
        (NOON, HOUR, NOON - SLACK - MINUTE, NOON - HOUR - MINUTE),
        (NOON, timedelta(0), NOON - 5 * MINUTE, NOON - 5 * MINUTE),  # without a delay nothing absorbs it
        (NOON, 3 * MINUTE, NOON - 5 * MINUTE, NOON - 5 * MINUTE),
    ],
)
def test_what_settled_before_it_was_asked_for(
    asked_at: datetime, delay: timedelta, made_at: datetime | None, until: datetime
) -> None:
    assert settled_until(asked_at, delay, made_at) == until


@given(INSTANTS, SHORT, st.none() | INSTANTS)
def test_nothing_later_than_either_clock_has_settled(
    asked_at: datetime, delay: timedelta, made_at: datetime | None
) -> None:
    until = settled_until(asked_at, delay, made_at)
    assert until <= asked_at - delay
    assert made_at is None or until <= made_at


@pytest.mark.parametrize(
    ("until", "settled", "rest"),
    [
        (TODAY.end, TODAY, None),
        (TODAY.end + DAY, TODAY, None),
        (NOON, Window(TODAY.start, NOON), Window(NOON, TODAY.end)),
        (TODAY.start, None, TODAY),
        (TODAY.start - DAY, None, TODAY),
    ],
)
def test_a_window_is_split_where_it_had_settled(until: datetime, settled: Window | None, rest: Window | None) -> None:
    assert split_settled(TODAY, until) == (settled, rest)


@given(WINDOWS, INSTANTS)
def test_the_two_parts_are_the_window(window: Window, until: datetime) -> None:
    parts = [part for part in split_settled(window, until) if part is not None]
    assert subtract(window, parts) == []
    assert sum((part.length for part in parts), timedelta(0)) == window.length


@given(st.integers(0, 60 * 24 * 40), st.sampled_from([timedelta(0), HOUR, 26 * HOUR]), st.sampled_from(Span))
def test_every_window_that_a_plan_wants_has_settled_as_a_whole(minutes: int, delay: timedelta, span: Span) -> None:
    plan, now = Plan(STREAM, NOON - 30 * DAY, span, settle=delay), NOON + minutes * MINUTE
    for window in due_windows(plan, [], now):
        assert split_settled(window, settled_until(now, delay, now)) == (window, None)


@pytest.mark.parametrize(
    ("planned_at", "delay"),
    [
        (TODAY.end + DAY, HOUR),
        (TODAY.end + HOUR, HOUR),
        (TODAY.end + MINUTE, MINUTE),  # the delay was a minute then
        (TODAY.end, timedelta(0)),
        (TODAY.end - MINUTE, HOUR),  # no plan asks for what has not ended
        (TODAY.start, HOUR),
    ],
)
def test_a_longer_delay_undoes_nothing_that_a_plan_asked_for(planned_at: datetime, delay: timedelta) -> None:
    assert delay_then(TODAY, HOUR, planned_at) == delay


@given(st.integers(0, 60 * 24 * 3), st.sampled_from([timedelta(0), HOUR, 26 * HOUR]))
def test_what_was_exported_too_early_is_due_again_when_it_has_settled(minutes: int, delay: timedelta) -> None:
    plan, asked_at = Plan(STREAM, TODAY.start, settle=delay), TODAY.start + minutes * MINUTE
    settled, _rest = split_settled(TODAY, settled_until(asked_at, delay))
    ledger = [Interval(STREAM.name, settled, Cover.PROVEN)] if settled else []
    due = due_windows(plan, ledger, TODAY.end + delay)
    held = [each.window for each in ledger] + due
    assert subtract(TODAY, held) == []
    assert sum((window.length for window in held), timedelta(0)) == TODAY.length


def test_a_provider_that_is_behind_is_waited_for() -> None:
    lag = lag_after(timedelta(0), NOON, NOON - timedelta(seconds=301))
    assert lag == 6 * MINUTE
    assert lag_after(lag, NOON, NOON + MINUTE) == 3 * MINUTE  # it shows nothing of it: half is believed
    assert lag_after(timedelta(seconds=1), NOON, NOON) == timedelta(0)
    assert lag_after(timedelta(0), NOON, NOON - DAY) == LONGEST_LAG


@pytest.mark.parametrize(
    ("made_at", "moment"),
    [
        (NOON - HOUR, True),
        (TODAY.start, False),  # a provider that tells no more than the day
        (TODAY.start + timedelta(microseconds=1), True),
        (NOON + DAY, True),
    ],
)
def test_a_bare_date_is_no_moment(made_at: datetime, moment: bool) -> None:
    assert is_moment(made_at, NOON) is moment
    assert is_moment(TODAY.start, TODAY.start + SLACK)


@pytest.mark.parametrize("cover", [Cover.PROVEN, Cover.EMPTY, Cover.LOST, Cover.MISSING])
def test_nothing_later_than_the_asking_is_entered(cover: Cover) -> None:
    require_past(Interval(STREAM.name, TODAY, cover), TODAY.end)
    with pytest.raises(ValueError, match="cannot be"):
        require_past(Interval(STREAM.name, TODAY, cover), TODAY.end - timedelta(microseconds=1))


def test_no_job_is_at_a_window_that_has_not_begun() -> None:
    require_past(Interval(STREAM.name, TODAY, Cover.OPEN), NOON)
    with pytest.raises(ValueError, match="cannot be open"):
        require_past(Interval(STREAM.name, TODAY, Cover.OPEN), TODAY.start)


@given(WINDOWS, INSTANTS, SHORT, SHORT)
def test_whatever_is_believed_of_an_export_may_be_entered(
    window: Window, asked_at: datetime, delay: timedelta, keeps: timedelta
) -> None:
    settled, _rest = split_settled(window, settled_until(asked_at, delay))
    if settled is not None:
        parts = settle(Interval(STREAM.name, settled, Cover.PROVEN), asked_at, keeps)
        for part in parts:
            require_past(part, asked_at)
        assert subtract(settled, [part.window for part in parts]) == []


def lost(start: datetime, end: datetime, cause: str = BEYOND) -> Interval:
    return Interval(STREAM.name, Window(start, end), Cover.LOST, cause=cause)


@pytest.mark.parametrize(
    ("ledger", "keeps", "since", "again"),
    [
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY)], 90 * DAY, None, [(20, 3)]),
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY)], 10 * DAY, None, [(10, 3)]),
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY)], 10 * DAY, NOON - 5 * DAY, [(5, 3)]),
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY)], 3 * DAY, None, []),
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY)], 3 * DAY + WORTH, None, []),  # gone before it could be asked for
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY)], 90 * DAY, NOON - 2 * DAY, []),  # no plan wants it
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY)], None, None, []),
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY, NO_COPY)], 90 * DAY, None, []),
        ([lost(NOON - 20 * DAY, NOON - 3 * DAY, "checksum")], 90 * DAY, None, []),
        (
            [lost(NOON - 9 * DAY, NOON - 8 * DAY), lost(NOON - 5 * DAY, NOON - 4 * DAY)],
            90 * DAY,
            None,
            [(9, 8), (5, 4)],
        ),
    ],
)
def test_what_is_lost_by_our_own_reckoning_is_reconsidered(
    ledger: list[Interval], keeps: timedelta | None, since: datetime | None, again: list[tuple[int, int]]
) -> None:
    found = reconsidered(ledger, NOON, keeps, since)
    assert found == [Window(NOON - first * DAY, NOON - last * DAY) for first, last in again]


@given(INSTANTS, SHORT, st.integers(0, 30 * 86_400))
def test_time_alone_never_brings_back_what_is_lost(start: datetime, keeps: timedelta, later: int) -> None:
    now = start + keeps + DAY
    assert reconsidered([lost(start, now - keeps)], now + timedelta(seconds=later), keeps) == []


def test_what_is_held_is_in_no_loss() -> None:
    day = Window(NOON - 8 * DAY, NOON - 7 * DAY)
    ledger = [
        lost(NOON - 9 * DAY, NOON - 3 * DAY),
        Interval(STREAM.name, day, Cover.PROVEN),
        lost(NOON - 3 * DAY, NOON - 3 * DAY + timedelta(microseconds=100_000)),
    ]
    found = joined(unheld(ledger))
    assert [each.window for each in found] == [
        Window(NOON - 9 * DAY, day.start),
        Window(day.end, NOON - 3 * DAY + timedelta(microseconds=100_000)),
    ]
    assert {(each.cover, each.cause) for each in found} == {(Cover.LOST, BEYOND)}


@given(LEDGERS, st.none() | WINDOWS)
def test_each_instant_is_held_or_told_once(ledger: list[Interval], period: Window | None) -> None:
    found = unheld(ledger, period)
    held = [each.window for each in ledger if each.cover in HELD]
    assert all(first.window.end <= second.window.start for first, second in pairwise(found))
    assert not any(each.window.overlaps(window) for each in found for window in held)
    assert all(each.cover not in HELD for each in found)
    for entry in ledger:
        whole = entry.window if period is None else entry.window.within(period)
        if whole is not None:
            assert subtract(whole, held + [each.window for each in found]) == []
    told = joined(found)
    assert sum((each.window.length for each in told), timedelta(0)) == sum(
        (each.window.length for each in found), timedelta(0)
    )


@given(WINDOWS, WINDOWS)
def test_within_is_what_both_have(one: Window, other: Window) -> None:
    both = one.within(other)
    assert both == other.within(one)
    assert (both is not None) == one.overlaps(other)
    assert both is None or subtract(both, [one]) == subtract(both, [other]) == []


@given(st.integers(0, 2**41))
def test_an_id_tells_when_it_was_made(milliseconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert time_of(make_id(at, lambda count: b"\xff" * count)) == at


@pytest.mark.parametrize("name", ["", "0" * 25, "u" * 26, "z" * 26, "7" + "z" * 25])
def test_what_is_no_id_tells_no_time(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not an id|beyond the year"):
        time_of(name)
