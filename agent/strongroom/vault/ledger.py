"""The coverage ledger in the catalogue."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from strongroom.model.coverage import Cover, Interval
from strongroom.model.window import Window
from strongroom.vault import queries, scrubqueries
from strongroom.vault.catalogue import Catalogue, to_instant, to_text

_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)


def put_interval(catalogue: Catalogue, interval: Interval) -> None:
    """Write one entry of the ledger; inside a transaction."""
    window = interval.window
    catalogue.write(
        queries.PUT_COVERAGE,
        interval.stream,
        to_text(window.start),
        to_text(window.end),
        interval.cover.value,
        interval.archive,
        interval.job,
        interval.cause,
    )


def drop_open(catalogue: Catalogue, stream: str, window: Window) -> None:
    """Take back an open entry, so that the window is due again; inside a transaction."""
    catalogue.write(queries.DROP_COVERAGE, stream, to_text(window.start), to_text(window.end))


def interval_at(catalogue: Catalogue, stream: str, window: Window) -> Interval | None:
    """Return the entry for exactly this window."""
    row = catalogue.read_one(queries.COVERAGE_AT, stream, to_text(window.start), to_text(window.end))
    return _interval(row) if row else None


def intervals_of(catalogue: Catalogue, stream: str, period: Window | None = None) -> list[Interval]:
    """Return the ledger of one stream, in order of time, at most the entries that touch the period."""
    start, end = (period.start, period.end) if period else (_FIRST, _LAST)
    return [_interval(row) for row in catalogue.read(queries.COVERAGE_OF, stream, to_text(start), to_text(end))]


def covered_by(catalogue: Catalogue, archive_id: str) -> list[Interval]:
    """Return the entries that an archive stands for, in order of time."""
    return [_interval(row) for row in catalogue.read(scrubqueries.COVERED_BY, archive_id)]


def coverage_totals(catalogue: Catalogue) -> dict[str, dict[str, int]]:
    """Count the entries of each stream by how they are covered."""
    totals: dict[str, dict[str, int]] = {}
    for row in catalogue.read(queries.COVERAGE_TOTALS):
        totals.setdefault(row["stream"], {})[row["cover"]] = row["count"]
    return totals


def _interval(row: sqlite3.Row) -> Interval:
    return Interval(
        stream=row["stream"],
        window=Window(to_instant(row["window_start"]), to_instant(row["window_end"])),
        cover=Cover(row["cover"]),
        archive=row["archive"],
        job=row["job"],
        cause=row["cause"],
    )
