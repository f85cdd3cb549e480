from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.model_objects import NOW
from strongroom.model.provider import Limits
from strongroom.model.quota import HOUR, RECHECK, USED_UP, Usage, next_create, wait_reason

FREE = Limits(concurrent=None, per_hour=None)


def minutes_ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=ago) for ago in minutes]


@pytest.mark.parametrize(
    ("limits", "usage", "wait"),
    [
        (FREE, Usage(minutes_ago(*range(60)), 99), timedelta(0)),
        (Limits(None, 2), Usage([], 0), timedelta(0)),
        (Limits(None, 2), Usage(minutes_ago(5), 0), timedelta(0)),
        (Limits(None, 2), Usage(minutes_ago(5, 50), 0), timedelta(minutes=10)),
        (Limits(None, 2), Usage(minutes_ago(50, 5), 0), timedelta(minutes=10)),
        (Limits(None, 2), Usage(minutes_ago(5, 50, 55), 0), timedelta(minutes=10)),
        (Limits(None, 1), Usage(minutes_ago(60), 0), timedelta(0)),
        (Limits(None, 1), Usage(minutes_ago(0), 0), HOUR),
        (Limits(2, None), Usage([], 1), timedelta(0)),
        (Limits(2, None), Usage([], 2), RECHECK),
        (Limits(2, None), Usage([], 5), RECHECK),
        (FREE, Usage([], 0, NOW + HOUR), HOUR),
        (FREE, Usage([], 0, NOW - HOUR), timedelta(0)),
        (Limits(2, 1), Usage(minutes_ago(10), 2, NOW + timedelta(minutes=5)), timedelta(minutes=50)),
        (Limits(2, 1), Usage(minutes_ago(10), 2, NOW + timedelta(minutes=55)), timedelta(minutes=55)),
    ],
)
def test_when_the_next_create_fits(limits: Limits, usage: Usage, wait: timedelta) -> None:
    assert next_create(limits, usage, NOW) - NOW == wait


@settings(deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 5_000), min_size=1, max_size=40))
def test_a_greedy_client_never_passes_the_hourly_quota(per_hour: int, pauses: list[int]) -> None:
    now, created = NOW, list[datetime]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        allowed = next_create(Limits(None, per_hour), Usage(created, 0), now)
        assert now <= allowed <= now + HOUR
        assert next_create(Limits(None, per_hour), Usage(created, 0), allowed) == allowed
        now = allowed
        created.append(now)
    assert all(later - first >= HOUR for first, later in zip(created, created[per_hour:], strict=False))


@settings(deadline=None)
@given(st.integers(1, 4), st.lists(st.integers(1, 100), min_size=1, max_size=20))
def test_a_greedy_client_never_passes_the_concurrency(most: int, lengths: list[int]) -> None:
    now, ends = NOW, list[datetime]()
    for length in lengths:
        while (allowed := next_create(Limits(most, None), Usage([], sum(end > now for end in ends)), now)) > now:
            assert allowed == now + RECHECK
            now = allowed
        ends.append(now + timedelta(seconds=length))
        assert sum(end > now for end in ends) <= most


@given(st.lists(st.integers(0, 7_200), max_size=12), st.integers(1, 4))
def test_more_use_never_means_an_earlier_create(ages: list[int], per_hour: int) -> None:
    created = [NOW - timedelta(seconds=age) for age in ages]
    waits = [next_create(Limits(None, per_hour), Usage(created[:count], 0), NOW) for count in range(len(created) + 1)]
    assert all(first <= second for first, second in pairwise(waits))


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (Usage([NOW] * 10, 0), USED_UP),
        (Usage([NOW] * 10, 3), USED_UP),
        (Usage([], 0, NOW + HOUR), USED_UP),
        (Usage([NOW] * 7, 3), "3 exports in progress, the most that the provider allows at a time"),
        (Usage([NOW] * 7, 0), "the rest of the provider's export quota is reserved for new and urgent windows"),
        (Usage([], 2), "the rest of the provider's export quota is reserved for new and urgent windows"),
    ],
)
def test_the_reason_to_wait_is_the_true_one(usage: Usage, words: str) -> None:
    assert wait_reason(Limits(3, 10), Limits(2, 7), usage, NOW) == words
