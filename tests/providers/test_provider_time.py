"""The provider's time by an answer: its Date, and the seconds that it lay in caches since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from strongroom.providers.answers import ApiResponse

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
DATE = "Mon, 30 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("age", "hours"), [("7200", 2), (" 7200 ", 2), ("", 0), ("-5", 0), ("x", 0), ("9" * 40, 0), ("٣", 0)]
)
def test_the_age_of_a_cached_answer_counts(age: str, hours: int) -> None:
    reply = ApiResponse(200, {"date": DATE, "age": age}, b"", AT)
    assert reply.provider_time == AT + timedelta(hours=hours - 2)
    assert reply.now == reply.provider_time


def test_without_a_date_the_provider_s_time_is_unknown() -> None:
    assert ApiResponse(200, {"age": "5"}, b"", AT).provider_time is None
