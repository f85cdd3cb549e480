from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from kit.model_objects import NOW
from strongroom.model.decision import LONGEST_TOLD, RetryPolicy, grown, next_poll, next_try
from strongroom.model.provider import Limits

PATIENCE, LIMITS = RetryPolicy(), Limits(concurrent=None, per_hour=None)
COUNTS, JITTERS = st.integers(0, 10**9), st.floats(0, 1)


@given(COUNTS, JITTERS)
def test_a_try_comes_after_a_bounded_time(tries: int, jitter: float) -> None:
    delay = next_try(PATIENCE, tries, NOW, jitter, None) - NOW
    assert PATIENCE.delay_first * 0.8 <= delay <= PATIENCE.delay_longest * 1.2


@given(COUNTS, JITTERS)
def test_a_poll_comes_after_a_bounded_time(polls: int, jitter: float) -> None:
    delay = next_poll(LIMITS, polls, NOW, jitter) - NOW
    assert LIMITS.poll_first * 0.8 <= delay <= LIMITS.poll_longest * 1.2


@given(st.integers(0, 100), JITTERS)
def test_delays_only_grow(count: int, jitter: float) -> None:
    first, longest = timedelta(seconds=1), timedelta(hours=1)
    assert grown(first, longest, count, jitter) <= grown(first, longest, count + 1, jitter)


def test_the_first_polls_come_densely() -> None:
    assert [next_poll(LIMITS, polls, NOW, 0.5) - NOW for polls in range(4)] == [LIMITS.poll_first] * 4
    assert next_poll(LIMITS, 5, NOW, 0.5) - NOW > LIMITS.poll_first


@given(COUNTS, JITTERS, st.timedeltas(timedelta(days=-1), timedelta(days=1)))
def test_the_providers_word_wins_when_it_is_later(tries: int, jitter: float, told: timedelta) -> None:
    own = next_try(PATIENCE, tries, NOW, jitter, None)
    assert next_try(PATIENCE, tries, NOW, jitter, NOW + told) == max(own, NOW + told)


@given(COUNTS, JITTERS, st.timedeltas(timedelta(days=-1), timedelta(days=3)))
def test_a_poll_that_is_told_to_wait_waits_but_not_for_ever(polls: int, jitter: float, told: timedelta) -> None:
    own, obeyed = next_poll(LIMITS, polls, NOW, jitter), next_poll(LIMITS, polls, NOW, jitter, NOW + told)
    assert obeyed == max(own, NOW + min(told, LONGEST_TOLD))
