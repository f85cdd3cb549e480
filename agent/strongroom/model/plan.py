"""A stream is what a plan covers: a source, its datasets and filters. An export spec is one window of it.

A plan: from when on a stream must be covered, and in windows of what length.

Windows of days, weeks and months begin at midnight in the plan's zone. A midnight that does not exist (clocks go
forward) is the first instant after the gap; one that exists twice is the first of the two. Adjacent windows therefore
share no instant and miss none, whatever the zone does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import force_setattr

from strongroom.model.times import require_utc
from strongroom.model.window import Window


class DatasetShape(Struct, frozen=True):
    """What is known of one dataset's records, to count, date and watch them for drift; never a schema to enforce."""

    name: str  # the provider's word for the dataset, as requests spell it
    member: str  # the file inside a container that holds it, empty for a bare file
    id_field: str  # the field that names a record, for de-duplication on reading
    time_field: str  # the field that the window is held against
    known: frozenset[str] = frozenset()  # every field seen documented; another one is drift
    always: frozenset[str] = frozenset()  # fields documented as always there; missing in all records is drift
    columns: tuple[str, ...] = ()  # of a CSV: the documented order of its columns; empty where none is documented


class Stream(Struct, frozen=True):
    """Source + datasets (+ filters): the unit of coverage."""

    name: str  # unique in a vault; what a person types
    source: str
    datasets: tuple[str, ...]  # exported together, one export job per window
    filters: tuple[tuple[str, str], ...] = ()  # sorted pairs, the provider's own names


class ExportSpec(Struct, frozen=True):
    """What one export job asks for; the adapter turns it into the provider's request."""

    datasets: tuple[str, ...]
    window: Window
    filters: tuple[tuple[str, str], ...] = field(default=())


SETTLE = timedelta(hours=1)
"""The settle delay where none is configured."""

_HEADROOM = timedelta(hours=1)
_HOURLY_HEADROOM = timedelta(minutes=10)


class Span(StrEnum):
    """How long a plan's windows are."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"


class Plan(Struct, frozen=True):
    """What a stream must be covered by."""

    stream: Stream
    since: datetime | None  # the first instant to be covered; None means as far back as the provider keeps
    span: Span = Span.DAY
    zone: str = "UTC"  # IANA name
    settle: timedelta = SETTLE  # after a window's end before it is exported
    settled_pass: timedelta | None = None  # after a window's end, when it is exported a second time; None: never
    retention: str = "standard"
    priority: int = 0
    paused: bool = False
    snapshot: bool = False  # its datasets have no window: each export is a copy of all there is at that moment

    def __post_init__(self) -> None:
        if self.since is not None:
            force_setattr(self, "since", require_utc(self.since))
        if self.settle < timedelta(0):
            raise ValueError(f"a settle delay cannot be negative, got {self.settle}")


def boundary(span: Span, zone: str, instant: datetime) -> datetime:
    """Return the latest window boundary at or before the instant, in UTC."""
    if span is Span.HOUR:
        return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    today = instant.astimezone(ZoneInfo(zone)).date()
    # Clocks that go back over midnight (00:01 to 23:01) show the old day again after the new one has begun.
    begun = _midnight(_first_day(span, today + timedelta(days=1)), zone)
    return begun if begun <= instant else _midnight(_first_day(span, today), zone)


def following(span: Span, zone: str, start: datetime) -> datetime:
    """Return the boundary after the boundary `start`, in UTC."""
    if span is Span.HOUR:
        return start + timedelta(hours=1)
    day = _first_day(span, start.astimezone(ZoneInfo(zone)).date())
    return _midnight(_step(span, day, 1), zone)


def oldest_whole(span: Span, zone: str, horizon: datetime) -> datetime:
    """Return the start of the first window that is entirely after the horizon, with time left to request it.

    A window whose start is deleted before it can be requested would be lost in part as soon as it was planned.
    """
    least = horizon + (_HOURLY_HEADROOM if span is Span.HOUR else _HEADROOM)
    start = boundary(span, zone, least)
    return start if start == least else following(span, zone, start)


def newest_ended(plan: Plan, now: datetime) -> Window | None:
    """Return the newest window of a plan that has ended and settled, cut to begin at the plan's start."""
    end = boundary(plan.span, plan.zone, now - plan.settle)
    start = boundary(plan.span, plan.zone, end - timedelta(microseconds=1))
    start = start if plan.since is None else max(start, plan.since)
    return Window(start, end) if start < end else None


def cut(period: Window, span: Span, zone: str) -> Iterator[Window]:
    """Cut a period at every boundary; its own ends are kept, so the first and last piece may be shorter."""
    start = period.start
    edge = following(span, zone, boundary(span, zone, start))
    while edge < period.end:
        yield Window(start, edge)
        start, edge = edge, following(span, zone, edge)
    yield Window(start, period.end)


@lru_cache(maxsize=16_384)  # streams of one zone ask for the same days again and again
def _midnight(day: date, zone: str) -> datetime:
    """Return the first instant of a local day, in UTC: the end of the gap where midnight does not exist."""
    tz = ZoneInfo(zone)
    local = datetime.combine(day, time(0), tzinfo=tz)
    instant = local.astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    # In a gap the two readings of `fold` are on either side of it, as far apart as the gap is long.
    before, after = local.replace(fold=1).astimezone(UTC), local.replace(fold=0).astimezone(UTC)
    return _transition(before, after, zone)


def _transition(low: datetime, high: datetime, zone: str) -> datetime:
    """Return the instant of the offset change in (low, high]: the first one with the offset of `high`."""
    tz = ZoneInfo(zone)
    offset = low.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(tz).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _first_day(span: Span, day: date) -> date:
    if span is Span.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if span is Span.MONTH else day


def _step(span: Span, day: date, steps: int) -> date:
    if span is Span.MONTH:
        months = day.year * 12 + day.month - 1 + steps
        return date(months // 12, months % 12 + 1, 1)
    return day + timedelta(days=steps * (7 if span is Span.WEEK else 1))
