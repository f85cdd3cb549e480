"""Instants: every time in Strongroom is an aware `datetime` in UTC; a time without a zone is refused at the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present instant in UTC. Handed in at construction; nothing asks the system by itself."""

Chance = Callable[[int], bytes]
"""Gives n random bytes. Handed in at construction, so tests can hold it in the hand."""


def require_utc(instant: datetime) -> datetime:
    """Return the same instant in UTC; raise ValueError for a time without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"a time needs a zone, got {instant.isoformat()} (write it with Z or an offset)")
    return instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 time; raise ValueError when it is not one or has no zone.

    More than six fractional digits are cut, not rounded: an instant never moves forward.
    """
    try:
        return require_utc(datetime.fromisoformat(text.strip().upper()))
    except OverflowError as error:
        raise ValueError(f"a time must lie within the years 1 to 9999 in UTC, got {text.strip()}") from error


def format_instant(instant: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, milliseconds and more only where there are any."""
    instant = require_utc(instant)
    if instant.microsecond == 0:
        spec = "seconds"
    else:
        spec = "milliseconds" if instant.microsecond % 1000 == 0 else "microseconds"
    return instant.isoformat(timespec=spec).replace("+00:00", "Z")
