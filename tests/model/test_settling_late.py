"""A delay that outlasts what the provider keeps: what is at risk from the beginning, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from strongroom.model.coverage import Cover, Interval
from strongroom.model.horizon import asked_after, at_risk
from strongroom.model.plan import Plan, Span, Stream
from strongroom.model.window import Window

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)
DAY = timedelta(days=1)
KEEPS = 90 * DAY


def plan(settle: timedelta, span: Span = Span.DAY) -> Plan:
    return Plan(Stream("chats", "zavu", ("messages",)), NOW - 300 * DAY, span, settle=settle)


def test_all_that_the_provider_still_has_is_at_risk_where_nothing_settles_in_time() -> None:
    risk = at_risk(plan(100 * DAY), [], NOW, KEEPS)
    assert risk is not None
    assert risk.gaps == (Window(NOW - KEEPS, NOW),)
    assert (risk.amount, risk.first_loss) == (KEEPS, NOW)


def test_only_what_is_destroyed_before_it_settles_counts() -> None:
    """Asked for 89.75 days after a day's end: six hours of it are still there, eighteen are not."""
    settle = 89 * DAY + timedelta(hours=18)
    risk = at_risk(plan(settle), [Interval("chats", Window(NOW - 300 * DAY, MIDNIGHT), Cover.PROVEN)], NOW, KEEPS)
    assert risk is not None
    assert risk.gaps == (Window(MIDNIGHT, NOW),)
    later = MIDNIGHT + timedelta(hours=23)
    risk = at_risk(plan(settle), [Interval("chats", Window(NOW - 300 * DAY, MIDNIGHT), Cover.PROVEN)], later, KEEPS)
    assert risk is not None
    assert risk.gaps == (Window(MIDNIGHT, MIDNIGHT + timedelta(hours=18)),)


@pytest.mark.parametrize("settle", [timedelta(0), timedelta(hours=6), 88 * DAY])
def test_what_settles_in_time_is_not_at_risk_before_it_has(settle: timedelta) -> None:
    settled = MIDNIGHT - settle + DAY
    held = [Interval("chats", Window(NOW - 300 * DAY, settled), Cover.PROVEN)]
    assert at_risk(plan(settle), held, NOW, KEEPS) is None


@pytest.mark.parametrize(("span", "days"), [(Span.HOUR, 1 / 24), (Span.DAY, 1.0), (Span.WEEK, 7.0), (Span.MONTH, 31.0)])
def test_a_window_is_asked_for_when_its_first_record_is_so_old(span: Span, days: float) -> None:
    assert asked_after(span, 2 * DAY) == 2 * DAY + timedelta(days=days)
