"""The strip of coverage: worst wins, cells touch, and nothing outside of what is wanted is trouble."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.coverage import Cover, Interval
from strongroom.model.coverage_strip import Heat, Horizon, Zoom, grid, heat, shares, wanted_of
from strongroom.model.plan import Plan, Span, Stream
from strongroom.model.window import Window

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
START = datetime(2026, 11, 1, tzinfo=UTC)
CELLS = grid(Zoom.DAY, "UTC", NOW, 20)
ALL = Horizon(Window(START, datetime(2026, 11, 20, tzinfo=UTC)), timedelta(days=90), NOW)


def entry(day: int, cover: Cover, length: timedelta = DAY) -> Interval:
    start = START + day * DAY
    return Interval("s", Window(start, start + length), cover)


@pytest.mark.parametrize("zoom", Zoom)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut", "Pacific/Apia"])
def test_cells_touch_and_the_last_holds_the_instant(zoom: Zoom, zone: str) -> None:
    cells = grid(zoom, zone, NOW, 40)
    assert len(cells) == 40
    assert cells[-1].holds(NOW)
    assert all(one.end == other.start for one, other in itertools.pairwise(cells))


def test_a_month_of_days() -> None:
    assert CELLS[0] == Window(START, START + DAY)
    assert CELLS[-1].start == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cover", "said"),
    [
        (Cover.PROVEN, Heat.HELD),
        (Cover.EMPTY, Heat.EMPTY),
        (Cover.OPEN, Heat.OPEN),
        (Cover.MISSING, Heat.MISSING),
        (Cover.LOST, Heat.LOST),
        (Cover.DESTROYED, Heat.DESTROYED),
    ],
)
def test_every_cover_has_its_word(cover: Cover, said: Heat) -> None:
    found = heat(CELLS, [entry(3, cover)], ALL)
    assert found[3] is said
    assert set(found[:3]) == {Heat.DUE}
    assert found[-1] is Heat.NOTHING  # the day under way is not wanted yet


@pytest.mark.parametrize(
    ("covers", "said"),
    [
        ((Cover.PROVEN, Cover.LOST), Heat.LOST),
        ((Cover.PROVEN, Cover.MISSING), Heat.MISSING),
        ((Cover.EMPTY, Cover.PROVEN), Heat.HELD),
        ((Cover.OPEN, Cover.PROVEN), Heat.OPEN),
    ],
)
def test_the_worst_of_a_cell_wins(covers: tuple[Cover, Cover], said: Heat) -> None:
    ledger = [entry(0, covers[0]), entry(1, covers[1])]
    (found,) = heat([Window(START, START + 2 * DAY)], ledger, ALL)
    assert found is said


def test_a_part_of_a_cell_that_nothing_holds_is_due() -> None:
    (found,) = heat([Window(START, START + DAY)], [entry(0, Cover.PROVEN, timedelta(hours=12))], ALL)
    assert found is Heat.DUE


def test_what_is_destroyed_soon_is_at_risk() -> None:
    soon = Horizon(ALL.wanted, timedelta(days=25), NOW)
    found = heat(CELLS, [], soon)
    assert found[0] is Heat.RISK
    assert found[8] is Heat.RISK
    assert found[10] is Heat.DUE


def test_nothing_is_wanted_of_a_stream_without_a_beginning() -> None:
    assert set(heat(CELLS, [], Horizon(None, None, NOW))) == {Heat.OUTSIDE}


def test_before_the_start_and_after_now_there_is_no_state() -> None:
    begun = Window(START + 5 * DAY, datetime(2026, 11, 19, tzinfo=UTC))
    cells = grid(Zoom.DAY, "UTC", NOW + 3 * DAY, 23)
    found = heat(cells, [], Horizon(begun, None, NOW))
    assert found == (*[Heat.OUTSIDE] * 5, *[Heat.DUE] * 13, *[Heat.NOTHING] * 2, *[Heat.OUTSIDE] * 3)
    fresh = heat(cells, [], Horizon(None, None, NOW, NOW - DAY))
    assert fresh == (*[Heat.OUTSIDE] * 18, *[Heat.NOTHING] * 2, *[Heat.OUTSIDE] * 3)


def test_a_share_is_of_what_is_wanted() -> None:
    cells = [Window(START + n * 10 * DAY, START + (n + 1) * 10 * DAY) for n in range(3)]
    wanted = Window(START + 5 * DAY, START + 20 * DAY)
    ledger = [entry(5, Cover.PROVEN), entry(6, Cover.EMPTY), entry(7, Cover.LOST), entry(10, Cover.DESTROYED, 9 * DAY)]
    assert shares(cells, ledger, wanted) == (0.4, 0.9, 1.0)
    assert shares(cells, ledger, None) == (1.0, 1.0, 1.0)


def test_what_is_wanted_ends_with_the_last_settled_window() -> None:
    plan = Plan(Stream("s", "z", ("messages",)), START, Span.DAY, settle=timedelta(hours=14))
    assert wanted_of(plan, NOW, None) == Window(START, datetime(2026, 11, 19, tzinfo=UTC))
    plan = Plan(Stream("s", "z", ("messages",)), None, Span.DAY)
    assert wanted_of(plan, NOW, None) is None
    assert wanted_of(plan, NOW, timedelta(days=2)) == Window(NOW - 2 * DAY, datetime(2026, 11, 20, tzinfo=UTC))


@given(
    st.lists(st.tuples(st.integers(0, 19), st.sampled_from(list(Cover))), unique_by=lambda pair: pair[0]),
    st.sampled_from([Zoom.DAY, Zoom.WEEK, Zoom.MONTH]),
)
def test_a_wider_cell_is_never_better_than_what_is_in_it(entries: list[tuple[int, Cover]], zoom: Zoom) -> None:
    ledger = [entry(day, cover) for day, cover in sorted(entries)]
    order = list(Heat)
    days = dict(zip(CELLS, heat(CELLS, ledger, ALL), strict=True))
    for cell, said in zip((wide := grid(zoom, "UTC", NOW, 8)), heat(wide, ledger, ALL), strict=True):
        inside = [order.index(found) for day, found in days.items() if day.overlaps(cell)]
        assert order.index(said) >= max(inside, default=0)
