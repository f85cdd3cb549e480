from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from strongroom.model.scrub import Lap, ScrubPace, is_behind, lap_due, owed, slice_size

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PACE = ScrubPace(30 * DAY, 1000)
LAP = Lap(1, BEGAN, total=1_000_000)


def test_a_lap_is_spread_over_four_fifths_of_its_period() -> None:
    assert owed(LAP, PACE, BEGAN) == 0
    assert owed(LAP, PACE, BEGAN + 12 * DAY) == 500_000
    assert owed(replace(LAP, done=400_000), PACE, BEGAN + 12 * DAY) == 100_000
    assert owed(LAP, PACE, BEGAN + 24 * DAY) == 1_000_000
    assert owed(LAP, PACE, BEGAN + 300 * DAY) == 1_000_000


def test_when_all_is_read_the_log_is_left() -> None:
    done = replace(LAP, done=LAP.total)
    assert owed(done, PACE, BEGAN + 20 * DAY) == 0
    assert owed(done, PACE, BEGAN + 24 * DAY) == 1
    assert owed(replace(done, ended_at=BEGAN + 24 * DAY), PACE, BEGAN + 25 * DAY) == 0


@given(st.integers(0, 10**9), st.floats(0, 1e7), st.floats(-10, 1e6))
def test_no_slice_is_larger_than_the_rate_or_what_is_owed(done: int, hours: float, since: float) -> None:
    lap, now = replace(LAP, done=done), BEGAN + timedelta(hours=min(hours, 1e5))
    size = slice_size(lap, PACE, now, timedelta(seconds=since))
    assert 0 <= max(size, 0) <= PACE.rate
    assert size <= owed(lap, PACE, now)


def test_laps_begin_one_period_apart_and_never_by_a_clock_that_was_set_back() -> None:
    ended = replace(LAP, ended_at=BEGAN + 24 * DAY)
    assert lap_due(None, PACE, BEGAN)
    assert not lap_due(LAP, PACE, BEGAN + 99 * DAY)
    assert not lap_due(ended, PACE, BEGAN + 29 * DAY)
    assert lap_due(ended, PACE, BEGAN + 30 * DAY)
    assert not lap_due(ended, PACE, BEGAN - 400 * DAY)


@pytest.mark.parametrize(
    ("done", "days", "behind"),
    [(0, 2, False), (0, 4, True), (500_000, 15, False), (500_000, 19, True), (1_000_000, 29, False), (0, 31, True)],
)
def test_a_scrub_that_does_not_keep_its_period_is_behind(done: int, days: int, behind: bool) -> None:
    assert is_behind(replace(LAP, done=done), PACE, BEGAN + days * DAY) is behind


def test_nothing_to_read_is_never_behind_within_the_period() -> None:
    empty = replace(LAP, total=0)
    assert not is_behind(empty, PACE, BEGAN + 20 * DAY)
    assert not is_behind(None, PACE, BEGAN)
    assert not is_behind(replace(LAP, ended_at=BEGAN + DAY), PACE, BEGAN + 59 * DAY)
    assert is_behind(replace(LAP, ended_at=BEGAN + DAY), PACE, BEGAN + 61 * DAY)
