"""What the vault remembers of a source: whether it is paused, its use of the quota, and facts about the account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.model.job import Cause, Job
from strongroom.model.provider import ExportStatus, Listed
from strongroom.model.quota import HOUR, Usage
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue, read_fact, seconds
from strongroom.vault.jobs import _LIVE
from strongroom.vault.rows import Rows, to_instant, to_text, to_text_or_none

PUT_ASK = "INSERT OR IGNORE INTO asks (source, at, job) VALUES (?, ?, ?)"
DROP_ASK = "DELETE FROM asks WHERE source = ? AND at = ? AND job = ?"
DROP_OLD_ASKS = "DELETE FROM asks WHERE source = ? AND at < ?"
ASKS_SINCE = """
SELECT asks.at AS at, jobs.ref AS ref, jobs.state AS state FROM asks JOIN jobs ON jobs.id = asks.job
WHERE asks.source = ? AND asks.at > ?
"""
RUNNING_OURS = f"""
SELECT count(*) AS count FROM jobs WHERE {_LIVE} AND state IN ('uncertain', 'waiting') AND source = ?
"""
# `known`: a job of ours has the status of this export; one that ended without it (failed, cancelled) has none.
SEEN_EXPORTS = """
SELECT seen.ref AS ref, seen.created_at AS created_at, seen.running AS running,
       EXISTS (SELECT 1 FROM jobs WHERE source = ?1 AND ref = seen.ref AND ref <> '') AS ours,
       EXISTS (SELECT 1 FROM jobs WHERE source = ?1 AND ref = seen.ref AND ref <> ''
               AND state NOT IN ('dead', 'replaced', 'failed', 'cancelled')) AS known
FROM seen_exports AS seen WHERE seen.source = ?1 AND (seen.running = 1 OR seen.created_at > ?2)
"""
PUT_SEEN = """
INSERT INTO seen_exports (source, ref, created_at, running, seen_at, first_seen)
VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) FROM entries))
ON CONFLICT (source, ref) DO UPDATE SET
    created_at = coalesce(excluded.created_at, created_at), running = excluded.running, seen_at = excluded.seen_at
"""
# Kept for a while: an export that a list left out once and shows again is still the one that was seen before.
FADE_UNSEEN = "UPDATE seen_exports SET running = 0 WHERE source = ? AND seen_at < ?"
DROP_UNSEEN = "DELETE FROM seen_exports WHERE source = ? AND seen_at < ?"
SEEN_BEFORE = """
SELECT ref FROM seen_exports WHERE source = ?1
    AND first_seen < (SELECT max(seq) FROM entries WHERE job = ?2 AND job <> '' AND kind = 'job.intended')
"""
OTHERS_UNCERTAIN = """
SELECT count(*) AS count FROM jobs WHERE source = ?1 AND id <> ?2
    AND (state = 'uncertain' OR (state = 'cancelled' AND ref = '' AND asked_at > ?3))
"""

REMEMBERED = timedelta(days=30)  # how long an export is remembered that no list shows any more


class SourceState(Struct, frozen=True):
    """One source, as of now."""

    name: str
    paused: str = ""  # why it is paused, or empty
    surveyed_at: datetime | None = None  # when its list was last read
    refused_until: datetime | None = None  # the provider's "not before"
    clock_skew: float | None = None  # seconds, the provider's clock minus ours
    refused_cause: Cause = Cause.NONE  # why nothing is to be asked before `refused_until`
    refused_words: str = ""


_SOURCES = Rows(SourceState, "sources", "name")
SOURCE = f"{_SOURCES.select} WHERE name = ?"
SOURCES = f"{_SOURCES.select} ORDER BY name"
PUT_SOURCE = _SOURCES.upsert()
_REFUSED = ("surveyed_at", "refused_until", "refused_cause", "refused_words")
_LISTED = Rows(SourceState, "sources", "name", without=_REFUSED)


def get_source(catalogue: Catalogue, name: str) -> SourceState:
    """Return what is known of a source; nothing known is a fresh state."""
    return _SOURCES.read_one(catalogue.read_one(SOURCE, name)) or SourceState(name)


def listed_sources(catalogue: Catalogue) -> list[SourceState]:
    """Return the name, pause and clock skew of every source that something is known of."""
    return _LISTED.read_all(catalogue.read(SOURCES))


def put_source(catalogue: Catalogue, state: SourceState) -> None:
    """Remember a source's state; inside a transaction."""
    catalogue.write(PUT_SOURCE, *_SOURCES.values(state))


def remember_ask(catalogue: Catalogue, job: Job, at: datetime) -> None:
    """Count a create against the quota from the moment it was intended; inside a transaction."""
    catalogue.write(PUT_ASK, job.source, to_text(at), job.id)
    catalogue.write(DROP_OLD_ASKS, job.source, to_text(at - 2 * HOUR))


def forget_ask(catalogue: Catalogue, job: Job) -> None:
    """Give the quota back: nothing was created; inside a transaction."""
    if job.asked_at is not None:
        catalogue.write(DROP_ASK, job.source, to_text(job.asked_at), job.id)


def remember_list(catalogue: Catalogue, source: str, listed: Iterable[Listed], at: datetime) -> None:
    """Remember the exports on the provider's list, to count those that others made; inside a transaction."""
    for entry in listed:
        seen = entry.observation
        running = seen.status in (ExportStatus.QUEUED, ExportStatus.RUNNING, ExportStatus.UNKNOWN)
        catalogue.write(PUT_SEEN, source, seen.ref, to_text_or_none(seen.created_at), int(running), to_text(at))
    catalogue.write(FADE_UNSEEN, source, to_text(at))
    catalogue.write(DROP_UNSEEN, source, to_text(at - REMEMBERED))


def seen_before(catalogue: Catalogue, job: Job) -> frozenset[str]:
    """Return the exports that were on the list before the job's create was intended: by the log's order, no clock's."""
    return frozenset(row["ref"] for row in catalogue.read(SEEN_BEFORE, job.source, job.id))


def is_other_uncertain(catalogue: Catalogue, job: Job, since: datetime) -> bool:
    """Say whether another job of the source may have made an export without a name.

    One that was cancelled while it was uncertain counts when it had asked after `since`.
    """
    row = catalogue.read_one(OTHERS_UNCERTAIN, job.source, job.id, to_text(since))
    return bool(row and row["count"])


def usage_of(catalogue: Catalogue, source: str, now: datetime) -> Usage:
    """Sum up what counts against a source's quota now."""
    ours = [to_instant(row["at"]) for row in catalogue.read(ASKS_SINCE, source, to_text(now - HOUR))]
    seen = catalogue.read(SEEN_EXPORTS, source, to_text(now - HOUR))
    created = [to_instant(row["created_at"]) for row in seen if row["created_at"] and not row["ours"]]
    row = catalogue.read_one(RUNNING_OURS, source)
    running = (row["count"] if row else 0) + sum(row["running"] for row in seen if not row["known"])
    return Usage(created=ours + created, running=running, refused_until=get_source(catalogue, source).refused_until)


def reported_retention(catalogue: Catalogue, source: str) -> timedelta | None:
    """Return how long a source last said that it keeps records, to a run or to a check; None where it never did."""
    return logged_retention(catalogue, source) or _retention(catalogue, _checked(source))


def logged_retention(catalogue: Catalogue, source: str) -> timedelta | None:
    """Return the provider retention that a source last reported to a run, by the log, or None."""
    return _retention(catalogue, _reported_fact(source))


def note_checked_retention(catalogue: Catalogue, source: str, keeps: timedelta) -> None:
    """Store what a source reported to a check, before the first run. Raises StrongroomError where it cannot be written.

    Only the working process writes the log, so the next run enters it there.
    """
    with catalogue.transaction():
        catalogue.write(PUT_FACT, _checked(source), str(keeps.total_seconds()))


def store_reported_retention(catalogue: Catalogue, source: str, keeps: timedelta) -> None:
    """Remember how long a source says that it keeps records; inside a transaction."""
    catalogue.write(PUT_FACT, _reported_fact(source), str(keeps.total_seconds()))


def ask_again_at(catalogue: Catalogue, source: str) -> datetime | None:
    """Return before when a source need not be asked again, or None when it never was."""
    return read_fact(catalogue, _asked(source), to_instant)


def put_ask_again_at(catalogue: Catalogue, source: str, at: datetime) -> None:
    """Remember when a source is to be asked again; inside a transaction."""
    catalogue.write(PUT_FACT, _asked(source), to_text(at))


def lag_of(catalogue: Catalogue, source: str) -> timedelta:
    """Return by how much a source's clock is taken as behind ours."""
    return read_fact(catalogue, _lag(source), seconds) or timedelta(0)


def remember_lag(catalogue: Catalogue, source: str, lag: timedelta) -> None:
    """Remember by how much a source's clock is behind ours; inside a transaction."""
    catalogue.write(PUT_FACT, _lag(source), str(lag.total_seconds()))


def counts_header(catalogue: Catalogue, source: str) -> bool | None:
    """Return whether a source's announced rows count the header of a CSV, None while that is not known."""
    row = catalogue.read_one(FACT, _header(source))
    return row["value"] == "yes" if row else None


def remember_counts_header(catalogue: Catalogue, source: str, *, counts: bool) -> None:
    """Remember whether a source's announced rows count the header; inside a transaction."""
    catalogue.write(PUT_FACT, _header(source), "yes" if counts else "no")


def _header(source: str) -> str:
    return f"rows announced by {source} count the header"


def _lag(source: str) -> str:
    return f"clock of {source} is behind"


def _retention(catalogue: Catalogue, name: str) -> timedelta | None:
    return read_fact(catalogue, name, seconds)


def _checked(source: str) -> str:
    return f"retention of {source} as checked"


def _reported_fact(source: str) -> str:
    return f"retention told by {source}"


def _asked(source: str) -> str:
    return f"retention of {source} is asked again"


def paused_sources(catalogue: Catalogue) -> dict[str, str]:
    """Return why each paused source is paused."""
    return {row["name"]: row["paused"] for row in catalogue.read(SOURCES) if row["paused"]}


def known_retention(catalogue: Catalogue, source: str) -> timedelta | None:
    """Return how long a source was last known to keep its records."""
    return read_fact(catalogue, _retention_fact(source), seconds)


def remember_retention(catalogue: Catalogue, source: str, keeps: timedelta) -> None:
    """Remember how long a source keeps its records; inside a transaction."""
    catalogue.write(PUT_FACT, _retention_fact(source), str(keeps.total_seconds()))


def _retention_fact(source: str) -> str:
    return f"retention of {source}"
