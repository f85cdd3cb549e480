"""The coverage ledger in the catalogue."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from msgspec.structs import replace

from strongroom.model.coverage import Cover, Interval, require_past
from strongroom.model.window import Window, subtract
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.rows import (
    UNREADABLE,
    Rows,
    RowUnreadable,
    count_of,
    naming,
    readable,
    to_instant,
    to_text,
    window_of,
)

_INTERVALS = Rows(Interval, "coverage", "stream", "window_start", "window_end")
# The index is named because the primary key, which the planner prefers for the order, walks all of a stream.
LOST_AFTER = f"""
{_INTERVALS.select} INDEXED BY coverage_by_cover
WHERE stream = ? AND cover = 'lost' AND window_end > ? ORDER BY window_start
"""
COVERED_AS = f"{_INTERVALS.select} INDEXED BY coverage_by_cover WHERE stream = ? AND cover = ? ORDER BY window_start"
DROP_LOST = "DELETE FROM coverage WHERE stream = ? AND window_start = ? AND window_end = ? AND cover = 'lost'"
PUT_COVERAGE = _INTERVALS.upsert()
DROP_COVERAGE = "DELETE FROM coverage WHERE stream = ? AND window_start = ? AND window_end = ? AND cover = 'open'"
COVERAGE_AT = f"{_INTERVALS.select} WHERE stream = ? AND window_start = ? AND window_end = ?"
COVERAGE_OF = f"{_INTERVALS.select} WHERE stream = ? AND window_end > ? AND window_start < ? ORDER BY window_start"
COVERAGE_TOTALS = "SELECT stream, cover, count FROM coverage_sums WHERE count > 0 ORDER BY stream, cover"
COVERED_BY = f"{_INTERVALS.select} WHERE archive = ? ORDER BY window_start"

_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)


def put_interval(catalogue: Catalogue, interval: Interval) -> None:
    """Write one entry of the ledger; inside a transaction."""
    catalogue.write(PUT_COVERAGE, *_INTERVALS.values(interval))


def claim(catalogue: Catalogue, interval: Interval, asked_at: datetime) -> None:
    """Write one entry of the ledger that rests on what was known at `asked_at`; inside a transaction.

    Raises ValueError for one that says more: nothing later than that is held or lost.
    """
    require_past(interval, asked_at)
    put_interval(catalogue, interval)


def lost_after(catalogue: Catalogue, stream: str, instant: datetime) -> list[Interval]:
    """Return the entries that say lost and end after an instant, in order of time."""
    return _INTERVALS.read_all(catalogue.read(LOST_AFTER, stream, to_text(instant)))


def take_back_lost(catalogue: Catalogue, stream: str, part: Window, cause: str) -> None:
    """Let a part that was lost for this cause be due again, and keep what lies beside it; inside a transaction."""
    for lost in lost_after(catalogue, stream, part.start):
        if lost.cause == cause and lost.window.overlaps(part):
            start, end = to_text(lost.window.start), to_text(lost.window.end)
            catalogue.write(DROP_LOST, stream, start, end)
            for rest in subtract(lost.window, [part]):
                put_interval(catalogue, replace(lost, window=rest))


def drop_open(catalogue: Catalogue, stream: str, window: Window) -> None:
    """Take back an open entry, so that the window is due again; inside a transaction."""
    catalogue.write(DROP_COVERAGE, stream, to_text(window.start), to_text(window.end))


def interval_at(catalogue: Catalogue, stream: str, window: Window) -> Interval | None:
    """Return the entry for exactly this window."""
    return _INTERVALS.read_one(catalogue.read_one(COVERAGE_AT, stream, to_text(window.start), to_text(window.end)))


def intervals_of(catalogue: Catalogue, stream: str, period: Window | None = None) -> list[Interval]:
    """Return the ledger of one stream, in order of time, at most the entries that touch the period."""
    start, end = (period.start, period.end) if period else (_FIRST, _LAST)
    return _INTERVALS.read_all(catalogue.read(COVERAGE_OF, stream, to_text(start), to_text(end)))


def covered_by(catalogue: Catalogue, archive_id: str) -> list[Interval]:
    """Return the intervals that an archive covers, in order of time."""
    return _INTERVALS.read_all(catalogue.read(COVERED_BY, archive_id))


def coverage_totals(catalogue: Catalogue) -> dict[str, dict[str, int]]:
    """Count the entries of each stream by how they are covered."""
    totals: dict[str, dict[str, int]] = {}
    for stream, cover, count in readable(catalogue.read(COVERAGE_TOTALS), _read_sum):
        totals.setdefault(stream, {})[cover] = count
    return totals


def _read_sum(row: sqlite3.Row) -> tuple[str, str, int]:
    stream, cover = row["stream"], row["cover"]
    with naming("coverage_sums", stream, cover):
        return stream, Cover(cover).value, count_of(row, "coverage_sums", stream, cover)


SETTLED_SINCE = """
SELECT window_start, window_end FROM coverage
WHERE stream = ? AND window_end > ? AND cover IN ('proven', 'empty', 'lost', 'destroyed') ORDER BY window_start
"""


COUNT_COVERED = "SELECT count FROM coverage_sums WHERE stream = ? AND cover = ?"


NEWEST_COVERED = "SELECT window_end FROM coverage WHERE stream = ? AND cover = ? ORDER BY window_start DESC LIMIT 1"


def held_intervals(catalogue: Catalogue, stream: str, since: datetime) -> list[Interval]:
    """Return what of a stream is proven, empty or lost since an instant, adjacent entries joined to one.

    Joined as text, whose order is order in time: only what is left becomes windows, and that is little.
    """
    rows = catalogue.read(SETTLED_SINCE, stream, to_text(since))
    try:
        return _joined(stream, rows)
    except (RowUnreadable, *UNREADABLE):  # now every row by itself, which takes longer, to name the one
        return list(readable(rows, lambda row: Interval(stream, window_of(row, "coverage", stream), Cover.PROVEN)))


def _joined(stream: str, rows: list[sqlite3.Row]) -> list[Interval]:
    joined: list[tuple[str, str]] = []
    for row in rows:
        start, end = row["window_start"], row["window_end"]
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return [Interval(stream, Window(to_instant(start), to_instant(end)), Cover.PROVEN) for start, end in joined]


def intervals_covered(catalogue: Catalogue, stream: str, cover: Cover) -> list[Interval]:
    """Return the entries of a stream's ledger that are covered in this way, in order of time."""
    return _INTERVALS.read_all(catalogue.read(COVERED_AS, stream, cover.value))


def count_covered(catalogue: Catalogue, stream: str, cover: Cover) -> int:
    """Count the entries of a stream's ledger that are covered in this way."""
    row = catalogue.read_one(COUNT_COVERED, stream, cover.value)
    return count_of(row, "coverage_sums", stream) if row else 0


FIRST_COVERED = "SELECT window_start FROM coverage WHERE stream = ? ORDER BY window_start LIMIT 1"


def covered_from(catalogue: Catalogue, stream: str) -> datetime | None:
    """Return the start of the oldest entry of a stream's ledger, None where it has none."""
    row = catalogue.read_one(FIRST_COVERED, stream)
    return to_instant(row["window_start"]) if row else None


def held_until(catalogue: Catalogue, stream: str) -> datetime | None:
    """Return the end of the newest window that is proven or proven empty."""
    rows = (catalogue.read_one(NEWEST_COVERED, stream, cover.value) for cover in (Cover.PROVEN, Cover.EMPTY))
    return max((to_instant(row["window_end"]) for row in rows if row), default=None)
