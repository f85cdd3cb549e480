from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.coverage import Blindness, Cover, Interval, blindness, closers_of
from strongroom.model.plan import Stream
from strongroom.model.provider import BlindSpot
from strongroom.model.window import Window, subtract

SPOT = BlindSpot("history", "what campaigns sent", "reports")
HISTORY = Stream("h", "q", ("history",))
REPORTS = Stream("r", "q", ("reports",))
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def days(start: int, end: int) -> Window:
    return Window(FIRST + timedelta(days=start), FIRST + timedelta(days=end))


def held(stream: str, *windows: Window, cover: Cover = Cover.PROVEN) -> list[Interval]:
    return [Interval(stream, window, cover) for window in windows]


def look(history: list[Interval], reports: list[Interval], *others: Stream) -> Blindness:
    (found,) = blindness(HISTORY, [SPOT], [HISTORY, REPORTS, *others], {"h": history, "r": reports})
    return found


def test_it_is_open_where_only_the_stream_itself_holds() -> None:
    found = look(held("h", days(0, 1), days(1, 2), days(4, 5)), held("r", days(0, 1)))
    assert found.open == (days(1, 2), days(4, 5))
    assert found.closed == (days(0, 1),)
    assert found.closers == ("r",)


def test_windows_of_another_length_close_what_they_cover() -> None:
    found = look(held("h", days(0, 7)), held("r", *(days(day, day + 1) for day in range(1, 5))))
    assert found.open == (days(0, 1), days(5, 7))
    assert found.closed == (days(1, 5),)


def test_an_empty_proof_closes_as_well() -> None:
    assert look(held("h", days(0, 1)), held("r", days(0, 1), cover=Cover.EMPTY)).open == ()


@pytest.mark.parametrize("cover", [Cover.OPEN, Cover.MISSING, Cover.LOST, Cover.DESTROYED])
def test_what_is_not_held_closes_nothing_and_is_not_blind(cover: Cover) -> None:
    assert look(held("h", days(0, 1)), held("r", days(0, 1), cover=cover)).open == (days(0, 1),)
    assert look(held("h", days(0, 1), cover=cover), []).open == ()


@pytest.mark.parametrize(
    "other",
    [
        Stream("x", "q", ("reports",), (("campaignId", "7"),)),
        Stream("x", "another", ("reports",)),
        Stream("x", "q", ("contacts",)),
    ],
)
def test_a_part_or_another_account_closes_nothing(other: Stream) -> None:
    assert closers_of(HISTORY, SPOT, [HISTORY, other]) == ()


def test_a_stream_of_another_dataset_has_no_such_spot() -> None:
    assert blindness(REPORTS, [SPOT], [HISTORY, REPORTS], {}) == []


_LEDGER = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=8)


@given(_LEDGER, _LEDGER)
def test_open_and_closed_are_together_what_is_held_and_never_both(
    history: list[tuple[int, int]], reports: list[tuple[int, int]]
) -> None:
    own = held("h", *(days(start, start + length) for start, length in history))
    others = held("r", *(days(start, start + length) for start, length in reports))
    found = look(own, others)
    both = [*found.open, *found.closed]
    assert all(not one.overlaps(two) for one in found.open for two in found.closed)
    assert all(subtract(each.window, both) == [] for each in own)
    assert all(subtract(window, [each.window for each in own]) == [] for window in both)
    assert all(subtract(window, [each.window for each in others]) == [] for window in found.closed)
    assert all(not window.overlaps(each.window) for window in found.open for each in others)
