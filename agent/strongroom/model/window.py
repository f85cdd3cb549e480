"""A window is a half-open interval in UTC, [start, end): adjacent windows share no instant and miss none."""

from __future__ import annotations

from datetime import datetime, timedelta
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
        """Say whether the instant lies inside; the end does not."""
        return self.start <= instant < self.end

    def overlaps(self, other: Window) -> bool:
        """Say whether the two share at least one instant."""
        return self.start < other.end and other.start < self.end

    def within(self, other: Window) -> Window | None:
        """Return the part that lies in the other window, or None."""
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
