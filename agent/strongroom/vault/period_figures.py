"""What a period brought, summed by the catalogue: volumes, export jobs, failures, and the entries of the log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import ENTRY_TIME, LAST_ENTRY, Logged, select_entries
from strongroom.vault.log_reader import is_in_chain, read_line
from strongroom.vault.rows import to_instant, to_text

# The archive that counts for a window is the one in the ledger: a second export of a window adds no records.
VOLUMES = """
SELECT substr(coverage.window_start, 1, 7) AS month, count(*) AS archives, sum(archives.records) AS records,
    sum(archives.size) AS size, sum(archives.sealed_size) AS sealed_size
FROM coverage JOIN archives ON archives.id = coverage.archive
WHERE coverage.stream = ?1 AND coverage.window_end > ?2 AND coverage.window_start < ?3 AND coverage.archive <> ''
    AND cover IN ('proven', 'empty')
GROUP BY month ORDER BY month
"""
JOBS_CREATED = "SELECT state, count(*) AS count FROM jobs WHERE created_at >= ? AND created_at < ? GROUP BY state"
JOBS_FAILED = """
SELECT stream, cause, count(*) AS count FROM jobs
WHERE state = 'failed' AND created_at >= ? AND created_at < ? GROUP BY stream, cause ORDER BY stream, cause
"""
CHECKPOINTS_SIGNED = "SELECT count(*) AS count FROM checkpoints WHERE at >= ? AND at < ?"
ALERTS_RAISED = (
    "SELECT severity, count(*) AS count FROM notices WHERE raised_at >= ? AND raised_at < ? GROUP BY severity"
)
ENTRIES_OF_KINDS = f"""
{select_entries()}
WHERE seq >= ?1 AND seq < ?2 AND kind IN (SELECT value FROM json_each(?3)) ORDER BY seq LIMIT ?4
"""


class Volume(Struct, frozen=True):
    """What the windows of one month brought, each window once."""

    month: str  # 2026-10, in UTC
    archives: int
    records: int
    size: int  # bytes as delivered
    sealed_size: int  # bytes on disk


class Failure(Struct, frozen=True):
    """Jobs of one stream that failed for one cause."""

    stream: str
    cause: str
    jobs: int


def volumes_of(catalogue: Catalogue, stream: str, period: Window) -> list[Volume]:
    """Return what a stream's windows that touch the period brought, by the month in which they begin."""
    rows = catalogue.read(VOLUMES, stream, to_text(period.start), to_text(period.end))
    return [Volume(row["month"], row["archives"], row["records"], row["size"], row["sealed_size"]) for row in rows]


def jobs_created(catalogue: Catalogue, period: Window) -> dict[str, int]:
    """Return how many jobs that were created in the period are in each state now."""
    return {row["state"]: row["count"] for row in catalogue.read(JOBS_CREATED, *_bounds(period))}


def failures_of(catalogue: Catalogue, period: Window) -> list[Failure]:
    """Return the jobs of the period that failed, by stream and cause."""
    rows = catalogue.read(JOBS_FAILED, *_bounds(period))
    return [Failure(row["stream"], row["cause"], row["count"]) for row in rows]


def alerts_raised(catalogue: Catalogue, period: Window) -> dict[str, int]:
    """Return how many alerts were raised in the period, by severity; one that was raised again counts once."""
    return {row["severity"]: row["count"] for row in catalogue.read(ALERTS_RAISED, *_bounds(period))}


def checkpoints_signed(catalogue: Catalogue, period: Window) -> int:
    """Return how many checkpoints were signed in the period."""
    row = catalogue.read_one(CHECKPOINTS_SIGNED, *_bounds(period))
    return int(row["count"]) if row else 0


def entries_of_period(catalogue: Catalogue, period: Window, kinds: Iterable[str], most: int) -> list[Logged]:
    """Return the first entries of some kinds that were written in the period, oldest first.

    The times of a log never run backwards, so that its numbers can be searched by halves.
    """
    first, last = (_first_at(catalogue, instant) for instant in (period.start, period.end))
    rows = catalogue.read(ENTRIES_OF_KINDS, first, last, json.dumps(list(kinds)), most)
    return [_logged(row) for row in rows if is_in_chain(row)]


def _first_at(catalogue: Catalogue, instant: datetime) -> int:
    """Return the number of the first entry at or after an instant, or the one after the last."""
    newest = catalogue.read_one(LAST_ENTRY)
    low, high = 1, (int(newest["seq"]) if newest else 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = catalogue.read_one(ENTRY_TIME, middle)
        if row is not None and to_instant(row["at"]) < instant:
            low = middle + 1
        else:
            high = middle
    return low


def _logged(row: sqlite3.Row) -> Logged:
    return Logged(row["seq"], read_line(row["seq"], row["line"]))


def _bounds(period: Window) -> tuple[str, str]:
    return to_text(period.start), to_text(period.end)
