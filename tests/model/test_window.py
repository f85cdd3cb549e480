from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.window import Window, subtract

ZERO = datetime(2026, 1, 1, tzinfo=UTC)


def at(hours: int) -> datetime:
    return ZERO + timedelta(hours=hours)


def window(start: int, end: int) -> Window:
    return Window(at(start), at(end))


BOUNDS = st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(lambda pair: pair[0] != pair[1])
WINDOWS = BOUNDS.map(lambda pair: window(min(pair), max(pair)))


@pytest.mark.parametrize("end", [0, -1])
def test_a_window_ends_after_it_starts(end: int) -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        window(0, end)


def test_a_window_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="a time needs a zone"):
        Window(datetime(2026, 1, 1), at(5))  # noqa: DTZ001


def test_windows_of_different_zones_are_equal_instants() -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    assert Window(at(0).astimezone(east), at(1).astimezone(east)) == window(0, 1)
    assert str(window(0, 1)) == "2026-01-01T00:00:00Z/2026-01-01T01:00:00Z"


def test_the_end_is_outside() -> None:
    assert window(0, 1).holds(at(0))
    assert not window(0, 1).holds(at(1))
    assert not window(0, 1).overlaps(window(1, 2))
    assert window(0, 2).overlaps(window(1, 2))
    assert window(0, 2).length == timedelta(hours=2)


@given(WINDOWS, WINDOWS)
def test_overlap_is_sharing_an_hour(one: Window, other: Window) -> None:
    shared = any(one.holds(at(hour)) and other.holds(at(hour)) for hour in range(31))
    assert one.overlaps(other) is other.overlaps(one) is shared


@given(WINDOWS, st.lists(WINDOWS, max_size=8))
def test_what_is_left_is_exactly_what_is_not_held(required: Window, held: list[Window]) -> None:
    before = list(held)
    gaps = subtract(required, held)
    for hour in range(31):
        instant = at(hour)
        missing = required.holds(instant) and not any(window.holds(instant) for window in held)
        assert missing == any(gap.holds(instant) for gap in gaps)
    assert held == before
    assert all(first.end < second.start for first, second in pairwise(gaps))
