"""What the watcher reads from the catalogue, each with a query that stays small however large the vault is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.model.coverage import Cover, Interval
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue, to_instant, to_text
from strongroom.vault.facts import PUT_FACT, read_fact, seconds
from strongroom.vault.log import LAST_ENTRY
from strongroom.vault.rows import UNREADABLE, RowUnreadable, readable, reads, unreadable
from strongroom.vault.sources import SOURCES

SETTLED_SINCE = """
SELECT window_start, window_end FROM coverage
WHERE stream = ? AND window_end > ? AND cover IN ('proven', 'empty', 'lost', 'destroyed') ORDER BY window_start
"""
# The index is named because the primary key, which the planner prefers for the order, walks all of a stream.
COVERED_AS = """
SELECT window_start, window_end, cause FROM coverage INDEXED BY coverage_by_cover
WHERE stream = ? AND cover = ? ORDER BY window_start
"""
COUNT_COVERED = "SELECT count(*) AS count FROM coverage WHERE stream = ? AND cover = ?"
NEWEST_COVERED = "SELECT window_end FROM coverage WHERE stream = ? AND cover = ? ORDER BY window_start DESC LIMIT 1"
NEWEST_SAMPLES = """
SELECT id, window_start, window_end, records, sealed_size FROM archives
WHERE stream = ? AND holding = 'held' ORDER BY window_start DESC, window_end DESC, id DESC LIMIT ?
"""
QUARANTINED_COUNTS = "SELECT stream, count(*) AS count FROM archives WHERE holding = 'quarantined' GROUP BY stream"


class Sample(Struct, frozen=True):
    """How much one window of a stream brought."""

    window: Window
    records: int
    sealed_size: int  # bytes on disk


def held_intervals(catalogue: Catalogue, stream: str, since: datetime) -> list[Interval]:
    """Return what of a stream is proven, empty or lost since an instant, adjacent entries joined to one.

    Joined as text, whose order is order in time: only what is left becomes windows, and that is little.
    """
    rows = catalogue.read(SETTLED_SINCE, stream, to_text(since))
    try:
        return _joined(stream, rows)
    except (RowUnreadable, *UNREADABLE):  # now every row by itself, which takes longer, to name the one
        read = _reader(stream, Cover.PROVEN)
        return list(readable(rows, read))


def _joined(stream: str, rows: list[sqlite3.Row]) -> list[Interval]:
    joined: list[tuple[str, str]] = []
    for row in rows:
        start, end = row["window_start"], row["window_end"]
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return [Interval(stream, Window(to_instant(start), to_instant(end)), Cover.PROVEN) for start, end in joined]


def _reader(stream: str, cover: Cover) -> Callable[[sqlite3.Row], Interval]:
    """Return what reads a window of a stream's ledger."""

    def read(row: sqlite3.Row) -> Interval:
        try:
            window = Window(to_instant(row["window_start"]), to_instant(row["window_end"]))
            return Interval(stream, window, cover, "", "", row["cause"] if "cause" in row.keys() else "")  # noqa: SIM118 - a row is no dict
        except (RowUnreadable, *UNREADABLE) as error:
            raise unreadable("coverage", stream, row["window_start"]) from error

    return read


def intervals_covered(catalogue: Catalogue, stream: str, cover: Cover) -> list[Interval]:
    """Return the entries of a stream's ledger that are covered in this way, in order of time."""
    return list(readable(catalogue.read(COVERED_AS, stream, cover.value), _reader(stream, cover)))


def count_covered(catalogue: Catalogue, stream: str, cover: Cover) -> int:
    """Count the entries of a stream's ledger that are covered in this way."""
    row = catalogue.read_one(COUNT_COVERED, stream, cover.value)
    return int(row["count"]) if row else 0


def held_until(catalogue: Catalogue, stream: str) -> datetime | None:
    """Return the end of the newest window that is proven or proven empty."""
    rows = (catalogue.read_one(NEWEST_COVERED, stream, cover.value) for cover in (Cover.PROVEN, Cover.EMPTY))
    return max((to_instant(row["window_end"]) for row in rows if row), default=None)


def newest_samples(catalogue: Catalogue, stream: str, most: int) -> list[Sample]:
    """Return the volume of the newest windows, newest first; of several archives of a window the newest."""
    found: dict[Window, Sample] = {}
    for sample in readable(catalogue.read(NEWEST_SAMPLES, stream, most), _sample):
        found.setdefault(sample.window, sample)
    return list(found.values())


@reads("archives", "id")
def _sample(row: sqlite3.Row) -> Sample:
    window = Window(to_instant(row["window_start"]), to_instant(row["window_end"]))
    return Sample(window, row["records"], row["sealed_size"])


def quarantined_counts(catalogue: Catalogue) -> dict[str, int]:
    """Count the quarantined archives of each stream that has any."""
    return {row["stream"]: row["count"] for row in catalogue.read(QUARANTINED_COUNTS)}


def paused_sources(catalogue: Catalogue) -> dict[str, str]:
    """Return why each paused source is paused."""
    return {row["name"]: row["paused"] for row in catalogue.read(SOURCES) if row["paused"]}


def last_entry_number(catalogue: Catalogue) -> int:
    """Return how many entries the evidence log has."""
    row = catalogue.read_one(LAST_ENTRY)
    return int(row["seq"]) if row else 0


def known_retention(catalogue: Catalogue, source: str) -> timedelta | None:
    """Return how long a source was last known to keep its records."""
    return read_fact(catalogue, _retention_fact(source), seconds)


def remember_retention(catalogue: Catalogue, source: str, keeps: timedelta) -> None:
    """Remember how long a source keeps its records; inside a transaction."""
    catalogue.write(PUT_FACT, _retention_fact(source), str(keeps.total_seconds()))


def scrubbed_at(catalogue: Catalogue) -> datetime | None:
    """Return when the last scrub of the whole vault ended, or None when there was none."""
    return read_fact(catalogue, "scrubbed-at", to_instant)


def _retention_fact(source: str) -> str:
    return f"retention of {source}"
