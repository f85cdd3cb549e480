"""Waits: when a provider says that we may come again, from all the places where it may say so.

Everything is turned into a length of time first, seen from the provider's own Date where the answer has one, so that a
difference between the two clocks does not matter. The longest sensible one wins and never exceeds a day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(days=1)
_MILLISECONDS_FROM = 1e11  # Unix times below this (until the year 5138) can only be meant as seconds


def retry_at(headers: Mapping[str, str], body: object, now: datetime) -> datetime | None:
    """Return when to come again, or None where the answer does not say. Pure.

    `headers` have lower-case names. Read are `Retry-After` (RFC 9110: seconds or a date), `X-RateLimit-Reset` (Unix
    milliseconds, or seconds where the number is too small for that) and `retryAfter` in the body, its `details` or
    its `error` (seconds). `now` is our own clock.
    """
    theirs = parse_date(headers.get("date", "")) or now
    waits = [wait for wait in _waits(headers, body, theirs) if math.isfinite(wait) and wait > 0]
    if not waits:
        return None
    return now + min(timedelta(seconds=min(max(waits), LONGEST.total_seconds())), LONGEST)


def parse_date(text: str) -> datetime | None:
    """Read an HTTP date; None where it is none."""
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _waits(headers: Mapping[str, str], body: object, theirs: datetime) -> Iterator[float]:
    after = headers.get("retry-after", "")
    yield _number(after)
    if (date := parse_date(after)) is not None:
        yield (date - theirs).total_seconds()
    reset = _number(headers.get("x-ratelimit-reset", ""))
    yield (reset / 1000 if reset >= _MILLISECONDS_FROM else reset) - theirs.timestamp()
    yield from (_number(holder.get("retryAfter", holder.get("retry_after"))) for holder in _holders(body))


def _holders(body: object) -> Iterator[Mapping[str, object]]:
    if isinstance(body, dict):
        yield body
        yield from (inner for key in ("details", "error") if isinstance(inner := body.get(key), dict))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
