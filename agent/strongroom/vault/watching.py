"""What the watcher reads from the catalogue, each with a query that stays small however large the vault is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.model.coverage import Cover, Interval
from strongroom.model.window import Window
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_text


@dataclass(frozen=True, slots=True)
class Sample:
    """How much one window of a stream brought."""

    window: Window
    records: int
    sealed_size: int  # bytes on disk


def held_intervals(catalogue: Catalogue, stream: str, since: datetime) -> list[Interval]:
    """Return what of a stream is proven, empty or lost since an instant, adjacent entries joined to one.

    Joined as text, whose order is order in time: only what is left becomes windows, and that is little.
    """
    joined: list[tuple[str, str]] = []
    for row in catalogue.read(queries.SETTLED_SINCE, stream, to_text(since)):
        start, end = row["window_start"], row["window_end"]
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return [Interval(stream, Window(to_instant(start), to_instant(end)), Cover.PROVEN) for start, end in joined]


def intervals_covered(catalogue: Catalogue, stream: str, cover: Cover) -> list[Interval]:
    """Return the entries of a stream's ledger that are covered in this way, in order of time."""
    return [
        Interval(
            stream, Window(to_instant(row["window_start"]), to_instant(row["window_end"])), cover, "", "", row["cause"]
        )
        for row in catalogue.read(queries.COVERED_AS, stream, cover.value)
    ]


def held_until(catalogue: Catalogue, stream: str) -> datetime | None:
    """Return the end of the newest window that is proven or proven empty."""
    rows = (catalogue.read_one(queries.NEWEST_COVERED, stream, cover.value) for cover in (Cover.PROVEN, Cover.EMPTY))
    return max((to_instant(row["window_end"]) for row in rows if row), default=None)


def newest_samples(catalogue: Catalogue, stream: str, most: int) -> list[Sample]:
    """Return the volume of the newest windows, newest first; of several archives of a window the newest."""
    found: dict[Window, Sample] = {}
    for row in catalogue.read(queries.NEWEST_SAMPLES, stream, most):
        window = Window(to_instant(row["window_start"]), to_instant(row["window_end"]))
        found.setdefault(window, Sample(window, row["records"], row["sealed_size"]))
    return list(found.values())


def quarantined_counts(catalogue: Catalogue) -> dict[str, int]:
    """Count the quarantined archives of each stream that has any."""
    return {row["stream"]: row["count"] for row in catalogue.read(queries.QUARANTINED_COUNTS)}


def paused_sources(catalogue: Catalogue) -> dict[str, str]:
    """Return why each paused source is paused."""
    return {row["name"]: row["paused"] for row in catalogue.read(queries.SOURCES) if row["paused"]}


def last_entry_number(catalogue: Catalogue) -> int:
    """Return how many entries the evidence log has."""
    row = catalogue.read_one(queries.LAST_ENTRY)
    return int(row["seq"]) if row else 0


def known_retention(catalogue: Catalogue, source: str) -> timedelta | None:
    """Return how long a source was last known to keep its records."""
    row = catalogue.read_one(queries.FACT, _retention_fact(source))
    return timedelta(seconds=float(row["value"])) if row else None


def remember_retention(catalogue: Catalogue, source: str, keeps: timedelta) -> None:
    """Remember how long a source keeps its records; inside a transaction."""
    catalogue.write(queries.PUT_FACT, _retention_fact(source), str(keeps.total_seconds()))


def scrubbed_at(catalogue: Catalogue) -> datetime | None:
    """Return when the last scrub of the whole vault ended, or None when there was none."""
    row = catalogue.read_one(queries.FACT, "scrubbed-at")
    return to_instant(row["value"]) if row else None


def _retention_fact(source: str) -> str:
    return f"retention of {source}"
