"""A window is a half-open interval in UTC, [start, end): adjacent windows share no instant and leave no gap."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import force_setattr

from strongroom.model.times import format_instant, require_utc


class Window(Struct, frozen=True, order=True):
    """The half-open interval [start, end) in UTC. Adapters convert it to the provider's own bounds."""

    start: datetime
    end: datetime  # exclusive

    def __post_init__(self) -> None:
        force_setattr(self, "start", require_utc(self.start))
        force_setattr(self, "end", require_utc(self.end))
        if self.end <= self.start:
            raise ValueError(f"a window must end after it starts, got {self}")

    def __str__(self) -> str:
        return f"{format_instant(self.start)}/{format_instant(self.end)}"

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start

    def holds(self, instant: datetime) -> bool:
        """Return whether the instant is inside; the end is not."""
        return self.start <= instant < self.end

    def overlaps(self, other: Window) -> bool:
        """Say whether the two share at least one instant."""
        return self.start < other.end and other.start < self.end

    def within(self, other: Window) -> Window | None:
        """Return the part inside the other window, or None."""
        return Window(max(self.start, other.start), min(self.end, other.end)) if self.overlaps(other) else None


_START = attrgetter("start")


def subtract(required: Window, held: list[Window]) -> list[Window]:
    """Return the parts of `required` that no window in `held` covers, in order of time."""
    gaps: list[Window] = []
    cursor, last = required.start, required.end
    for window in sorted(held, key=_START):
        end = window.end
        if end <= cursor:
            continue
        start = window.start
        if start >= last:
            break
        if start > cursor:
            gaps.append(Window(cursor, start))
        cursor = end
    if cursor < last:
        gaps.append(Window(cursor, last))
    return gaps


_DAY = timedelta(days=1)


_FORM = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", re.ASCII)


def read_stretch(text: str) -> Window | None:
    """Read `2026-03`, `2026-03-14` or two of them with .. between, in UTC and the last one included.

    Returns None for text that is no such thing. Raises ValueError for one that no calendar has.
    """
    first, apart, last = text.partition("..")
    if not _FORM.fullmatch(first) or (apart and not _FORM.fullmatch(last)):
        return None
    start, end = _edges(first)[0], _edges(last or first)[1]
    if start >= end:
        raise ValueError("a stretch of time ends after it begins")
    return Window(start, end)


def _edges(text: str) -> tuple[datetime, datetime]:
    form = _FORM.fullmatch(text)
    assert form is not None  # noqa: S101 - the caller has matched it
    year, month, day = int(form[1]), int(form[2]), int(form[3] or 1)
    if not 1970 <= year < 9000:
        raise ValueError("a year is from 1970 to 8999")
    start = datetime(year, month, day, tzinfo=UTC)
    if form[3]:
        return start, start + _DAY
    return start, start.replace(year=year + month // 12, month=month % 12 + 1)
