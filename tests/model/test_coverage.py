from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.model_objects import STREAM
from strongroom.model.coverage import Cover, Interval, due_windows, required
from strongroom.model.plan import Plan, Span, boundary
from strongroom.model.window import Window, subtract

SINCE = datetime(2024, 10, 20, 7, 30, tzinfo=UTC)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut"]
)
LENGTHS = {Span.HOUR: 3, Span.DAY: 40, Span.WEEK: 100, Span.MONTH: 300}  # days from `since` to now


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, datetime]:
    span = draw(st.sampled_from(Span))
    since = SINCE + timedelta(minutes=draw(st.integers(0, 60 * 24 * 30)))
    settle = timedelta(minutes=draw(st.sampled_from([0, 15, 60, 1500])))
    now = since + timedelta(seconds=draw(st.integers(-3600, LENGTHS[span] * 86_400)))
    return Plan(STREAM, since, span, draw(ZONES), settle), now


def held(*windows: Window, cover: Cover = Cover.PROVEN) -> list[Interval]:
    return [Interval(STREAM.name, window, cover) for window in windows]


@st.composite
def ledgers(draw: st.DrawFn, plan: Plan, now: datetime) -> list[Interval]:
    """Draw windows that the plan wanted, and others that a person asked for."""
    due = due_windows(plan, [], now)
    kept = [window for window in due if draw(st.booleans())] if len(due) < 80 else due[::2]
    others = []
    for _ in range(draw(st.integers(0, 4))):
        start = plan.since or SINCE
        start += timedelta(minutes=draw(st.integers(-3_000, 60_000)))
        others.append(Window(start, start + timedelta(minutes=draw(st.integers(1, 10_000)))))
    return held(*draw(st.permutations(kept + others)))


@settings(deadline=None)
@given(st.data())
def test_due_is_required_minus_held_up_to_the_last_boundary(data: st.DataObject) -> None:
    plan, now = data.draw(plans())
    ledger = data.draw(ledgers(plan, now))
    due = due_windows(plan, iter(ledger), now)
    assert due == due_windows(plan, ledger, now)
    period = required(plan, now, None)
    if period is None:
        assert due == []
        return
    taken = [interval.window for interval in ledger]
    assert all(first.end <= second.start for first, second in pairwise(due))
    assert not any(window.overlaps(other) for window in due for other in taken)
    assert all(period.start <= window.start and window.end <= now - plan.settle for window in due)
    last = boundary(plan.span, plan.zone, period.end)
    assert all(gap.start >= last for gap in subtract(period, taken + due))


@settings(deadline=None)
@given(st.data())
def test_what_was_entered_is_not_due_again(data: st.DataObject) -> None:
    plan, now = data.draw(plans())
    ledger = data.draw(ledgers(plan, now))
    entered = held(*due_windows(plan, ledger, now), cover=data.draw(st.sampled_from(Cover)))
    assert due_windows(plan, ledger + entered, now) == []


@settings(deadline=None)
@given(st.data())
def test_a_change_of_plan_midway_leaves_no_hole_and_no_overlap(data: st.DataObject) -> None:
    plan, now = data.draw(plans())
    first = due_windows(plan, [], now)
    changed = replace(
        plan,
        zone=data.draw(ZONES),
        span=data.draw(st.sampled_from([span for span in Span if LENGTHS[span] >= LENGTHS[plan.span]])),
        settle=data.draw(st.sampled_from([timedelta(0), timedelta(hours=5)])),
    )
    later = now + timedelta(hours=data.draw(st.integers(0, 24 * 50)))
    windows = sorted(first + due_windows(changed, held(*first), later))
    assert all(one.end == other.start for one, other in pairwise(windows))
    end = later - changed.settle
    if windows and plan.since is not None:
        assert windows[0].start == plan.since
        assert windows[-1].end >= boundary(changed.span, changed.zone, end)


@settings(deadline=None)
@given(plans(), st.lists(st.integers(1, 100), min_size=1, max_size=12))
def test_many_small_runs_make_what_one_run_makes(drawn: tuple[Plan, datetime], hours: list[int]) -> None:
    plan, _ = drawn
    now, ledger = plan.since or SINCE, list[Interval]()
    for pause in hours:
        now += timedelta(hours=pause)
        ledger += held(*due_windows(plan, ledger, now))
    assert [interval.window for interval in ledger] == due_windows(plan, [], now)


def test_a_paused_plan_wants_nothing() -> None:
    assert due_windows(Plan(STREAM, SINCE, paused=True), [], SINCE + timedelta(days=9)) == []


def test_nothing_is_due_before_it_has_settled() -> None:
    plan = Plan(STREAM, datetime(2026, 1, 1, tzinfo=UTC), settle=timedelta(hours=2))
    settled = datetime(2026, 1, 2, 2, tzinfo=UTC)
    assert due_windows(plan, [], settled - timedelta(microseconds=1)) == []
    day = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    assert due_windows(plan, [], settled) == [day]


def test_a_clock_before_the_plan_wants_nothing() -> None:
    assert due_windows(Plan(STREAM, SINCE), [], SINCE - timedelta(days=400)) == []
    assert required(Plan(STREAM, SINCE, settle=timedelta(0)), SINCE, None) is None


def test_without_a_start_the_plan_begins_where_the_provider_does() -> None:
    now, keeps = datetime(2026, 1, 4, 12, tzinfo=UTC), timedelta(days=2)
    plan = Plan(STREAM, None)
    assert due_windows(plan, [], now) == []
    due = due_windows(plan, [], now, keeps)
    assert due[0].start == now - keeps
    assert [window.end.day for window in due] == [3, 4]
    later = now + timedelta(hours=3)
    assert due_windows(plan, held(*due), later, keeps) == []  # the start has moved on: nothing new before it


@pytest.mark.parametrize("cover", Cover)
def test_whatever_the_ledger_says_of_a_window_it_is_not_due(cover: Cover) -> None:
    plan, now = Plan(STREAM, datetime(2026, 1, 1, tzinfo=UTC)), datetime(2026, 1, 4, 12, tzinfo=UTC)
    due = due_windows(plan, [], now)
    assert due_windows(plan, held(due[1], cover=cover), now) == [due[0], due[2]]
