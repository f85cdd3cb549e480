from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.providers.answers import LONGEST, retry_at

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
THEIRS = NOW + timedelta(minutes=7)  # the provider's clock is ahead of ours


def _date(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)


def _ms(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({}, None, None),
        ({}, [], None),
        ({"retry-after": "30"}, None, 30),
        ({"retry-after": " 1.5 "}, None, 1.5),
        ({"retry-after": "0"}, None, None),
        ({"retry-after": "-5"}, None, None),
        ({"retry-after": "soon"}, None, None),
        ({"retry-after": "nan"}, None, None),
        ({"retry-after": "inf"}, None, None),
        ({"retry-after": "9" * 500}, None, None),
        ({"retry-after": "1800"}, None, 1800),
        ({"retry-after": "864000"}, None, 86400),
        ({"retry-after": _date(NOW + timedelta(seconds=90))}, None, 90),
        ({"retry-after": _date(THEIRS + timedelta(seconds=90)), "date": _date(THEIRS)}, None, 90),
        ({"retry-after": _date(NOW - timedelta(seconds=90))}, None, None),
        ({"retry-after": "Sun, 01 Nov 2026 25:00:00 GMT"}, None, None),
        ({"x-ratelimit-reset": _ms(NOW + timedelta(seconds=42))}, None, 42),
        ({"x-ratelimit-reset": _ms(THEIRS + timedelta(seconds=42)), "date": _date(THEIRS)}, None, 42),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 42)}, None, 42),
        ({"x-ratelimit-reset": _ms(NOW - timedelta(seconds=42))}, None, None),
        ({}, {"details": {"retryAfter": 12}}, 12),
        ({}, {"retryAfter": "13"}, 13),
        ({}, {"error": {"retry_after": 14}}, 14),
        ({}, {"details": {"retryAfter": True}}, None),
        ({}, {"details": {"retryAfter": None}}, None),
        ({}, {"details": {"retryAfter": 10**400}}, None),
        ({}, {"details": "later"}, None),
        ({"retry-after": "30", "x-ratelimit-reset": _ms(NOW + timedelta(seconds=5))}, {"retryAfter": 20}, 30),
        ({"retry-after": "3"}, {"details": {"retryAfter": 1800}}, 1800),
    ],
)
def test_the_longest_sensible_wait_wins(headers: dict[str, str], body: Any, seconds: float | None) -> None:
    assert retry_at(headers, body, NOW) == (None if seconds is None else NOW + timedelta(seconds=seconds))


_texts = st.one_of(
    st.text(max_size=40), st.floats().map(str), st.integers().map(str), st.datetimes(timezones=st.just(UTC)).map(_date)
)


@given(
    st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset", "date"]), _texts),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["details", "error", "retryAfter"]), inner)
        ),
        max_leaves=8,
    ),
)
def test_whatever_is_said_the_wait_lies_between_now_and_a_day(headers: dict[str, str], body: object) -> None:
    until = retry_at(headers, body, NOW)
    assert until is None or NOW <= until <= NOW + LONGEST
