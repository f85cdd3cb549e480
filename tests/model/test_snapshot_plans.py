"""Plans of streams that have no time windows: only the newest copy can be had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.model_objects import STREAM
from strongroom.model.coverage import Cover, Interval, due_windows
from strongroom.model.horizon import NO_COPY, at_risk, lapsed_copies, lost_windows
from strongroom.model.plan import Plan, Span, newest_ended
from strongroom.model.window import Window, subtract

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
PLAN = Plan(STREAM, MONDAY - 4 * WEEK, Span.WEEK, settle=timedelta(hours=6), snapshot=True)
NOW = MONDAY + timedelta(hours=7)
NEWEST = Window(MONDAY - WEEK, MONDAY)


def entry(window: Window, cover: Cover) -> Interval:
    return Interval(STREAM.name, window, cover)


def test_only_the_newest_ended_and_settled_window_is_due() -> None:
    assert due_windows(PLAN, [], NOW) == [NEWEST]
    assert due_windows(PLAN, [], MONDAY + timedelta(hours=5)) == [Window(MONDAY - 2 * WEEK, MONDAY - WEEK)]
    assert due_windows(PLAN, [entry(NEWEST, Cover.PROVEN)], NOW) == []
    assert due_windows(replace(PLAN, paused=True), [], NOW) == []


@pytest.mark.parametrize("cover", Cover)
def test_whatever_became_of_it_it_is_not_due_again(cover: Cover) -> None:
    assert due_windows(PLAN, [entry(NEWEST, cover)], NOW) == []


def test_while_one_copy_is_made_there_is_no_use_for_another() -> None:
    assert due_windows(PLAN, [entry(Window(MONDAY - 2 * WEEK, MONDAY - WEEK), Cover.OPEN)], NOW) == []


def test_what_was_never_copied_is_lost_and_the_newest_is_not() -> None:
    held = entry(Window(MONDAY - 3 * WEEK, MONDAY - 2 * WEEK), Cover.PROVEN)
    assert lost_windows(PLAN, [held], NOW, None) == [
        Window(MONDAY - 4 * WEEK, MONDAY - 3 * WEEK),
        Window(MONDAY - 2 * WEEK, MONDAY - WEEK),
    ]


def test_how_long_the_provider_keeps_records_does_not_matter() -> None:
    keeps = timedelta(days=3)
    assert lost_windows(PLAN, [], NOW, keeps) == lost_windows(PLAN, [], NOW, None)
    assert at_risk(PLAN, [], NOW, keeps) is None


def test_what_failed_for_good_is_lost_when_a_newer_window_has_ended() -> None:
    older = entry(Window(MONDAY - 2 * WEEK, MONDAY - WEEK), Cover.MISSING)
    assert lapsed_copies(PLAN, [older, entry(NEWEST, Cover.MISSING)], NOW) == [
        replace(older, cover=Cover.LOST, cause=NO_COPY)
    ]
    assert lapsed_copies(replace(PLAN, snapshot=False), [older], NOW) == []


def test_a_plan_that_begins_in_the_middle_of_a_window_begins_there() -> None:
    late = replace(PLAN, since=MONDAY - timedelta(days=2))
    assert due_windows(late, [], NOW) == [Window(MONDAY - timedelta(days=2), MONDAY)]
    assert lost_windows(late, [], NOW, None) == []
    assert due_windows(replace(PLAN, since=MONDAY + timedelta(days=1)), [], NOW) == []


@given(
    st.sampled_from(Span),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    st.integers(0, 3 * 366 * 24 * 60),
)
def test_whenever_it_is_every_instant_of_the_past_is_due_or_lost_and_none_is_both(
    span: Span, zone: str, minutes: int
) -> None:
    now = PLAN.since + timedelta(minutes=minutes)  # type: ignore[operator]  # it has one
    plan = replace(PLAN, span=span, zone=zone)
    newest = newest_ended(plan, now)
    due, lost = due_windows(plan, [], now), lost_windows(plan, [], now, None)
    assert due == ([newest] if newest else [])
    if newest:
        assert subtract(Window(PLAN.since, newest.end), [*due, *lost]) == []  # type: ignore[arg-type]  # it has one
        assert all(not each.overlaps(newest) for each in lost)
        assert newest.end <= now - plan.settle
