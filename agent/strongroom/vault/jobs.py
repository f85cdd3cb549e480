"""Jobs in the catalogue: rows in, frozen nouns out.

Exports to be deleted at the provider: pending from the commit of their archive until the provider has done it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from strongroom.model.entry_kind import EntryKind
from strongroom.model.job import Job, State, Wait
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import entries_of_job
from strongroom.vault.rows import Rows, count_of, naming, readable, to_text, to_text_or_none

_LIVE = "state NOT IN ('archived', 'replaced', 'failed', 'cancelled')"
JOB_ROWS = Rows(Job, "jobs", "id")
PUT_JOB = JOB_ROWS.upsert(
    *("stream", "source", "window_start", "window_end", "datasets", "filters", "created_at", "purpose", "retention"),
    *("parent", "generation"),
)
PUT_WAIT = """
UPDATE jobs SET wait_cause = ?, wait_words = ?, wait_until = ?
WHERE id = ? AND state = ? AND changed_at = ? AND state NOT IN ('archived', 'replaced', 'failed', 'cancelled')
"""
JOB = f"{JOB_ROWS.select} WHERE id = ?"
JOBS_LIVE = f"{JOB_ROWS.select} WHERE {_LIVE} ORDER BY priority DESC, window_start, id"
JOBS_INTERRUPTED = f"{JOB_ROWS.select} WHERE state IN ('fetching', 'sealed') ORDER BY id"
JOBS_BY_STATE = "SELECT state, count FROM job_sums WHERE count > 0 ORDER BY state"
SUCCESSOR = "SELECT id FROM jobs WHERE parent = ? AND parent <> '' ORDER BY created_at DESC, id DESC LIMIT 1"
KNOWN_REFS = "SELECT ref FROM jobs WHERE source = ? AND ref <> '' AND id <> ?"
WAITING_REFS = "SELECT ref FROM jobs WHERE source = ? AND state = 'waiting' ORDER BY ref"
LIVE_USERS = f"SELECT count(*) AS count FROM jobs WHERE source = ? AND ref = ? AND ref <> '' AND {_LIVE}"
FAILED_BEFORE = f"""
{JOB_ROWS.select}
WHERE state = 'failed' AND changed_at <= ? AND purpose NOT IN ('regenerate', 'settled', 'second-look')
ORDER BY id LIMIT ?
"""


def put_job(catalogue: Catalogue, job: Job) -> None:
    """Insert the job or bring its row up to date; inside a transaction."""
    catalogue.write(PUT_JOB, *JOB_ROWS.values(job))


def get_job(catalogue: Catalogue, job_id: str) -> Job | None:
    """Return the job with exactly this id."""
    return JOB_ROWS.read_one(catalogue.read_one(JOB, job_id))


def live_jobs(catalogue: Catalogue) -> list[Job]:
    """Return every unfinished job, the most urgent first."""
    return JOB_ROWS.read_all(catalogue.read(JOBS_LIVE))


def interrupted_jobs(catalogue: Catalogue) -> list[Job]:
    """Return the jobs that were in a worker's hands."""
    return JOB_ROWS.read_all(catalogue.read(JOBS_INTERRUPTED))


def failed_jobs(catalogue: Catalogue, before: datetime, most: int) -> list[Job]:
    """Return jobs that were given up before an instant, the oldest first."""
    return JOB_ROWS.read_all(catalogue.read(FAILED_BEFORE, to_text(before), most))


def jobs_by_state(catalogue: Catalogue) -> dict[str, int]:
    """Count the jobs in each state."""
    return dict(readable(catalogue.read(JOBS_BY_STATE), _read_sum))


def _read_sum(row: sqlite3.Row) -> tuple[str, int]:
    with naming("job_sums", row["state"]):
        return State(row["state"]).value, count_of(row, "job_sums", row["state"])


def known_refs(catalogue: Catalogue, job: Job) -> frozenset[str]:
    """Return the provider's names of exports that belong to other jobs of the same source."""
    return frozenset(row["ref"] for row in catalogue.read(KNOWN_REFS, job.source, job.id))


def waiting_refs(catalogue: Catalogue, source: str) -> list[str]:
    """Return the provider's names of all exports of a source that jobs wait for."""
    return [row["ref"] for row in catalogue.read(WAITING_REFS, source)]


def is_in_use(catalogue: Catalogue, source: str, ref: str) -> bool:
    """Say whether an unfinished job works on this export."""
    row = catalogue.read_one(LIVE_USERS, source, ref)
    return bool(row and row["count"])


def successor_of(catalogue: Catalogue, job_id: str) -> str:
    """Return the id of the job that replaced this one, or an empty string."""
    row = catalogue.read_one(SUCCESSOR, job_id)
    return str(row["id"]) if row else ""


def put_waits(catalogue: Catalogue, waits: Iterable[tuple[Job, Wait | None]]) -> None:
    """Write down what jobs wait for. One that another process has moved meanwhile is left as it is."""
    with catalogue.transaction():
        for job, wait in waits:
            columns = (wait.cause.value, wait.words, to_text_or_none(wait.until)) if wait else ("", "", None)
            catalogue.write(PUT_WAIT, *columns, job.id, job.state.value, to_text(job.changed_at))


class Deletion(Struct, frozen=True):
    """One export that the provider is still to delete."""

    source: str
    ref: str  # the provider's name for the export
    job: str  # whose export it was
    archive: str  # proven and committed
    next_at: datetime  # not to be tried before
    tries: int = 0  # that failed


_DELETIONS = Rows(Deletion, "deletions", "source", "ref")
PUT_DELETION = _DELETIONS.upsert("job", "archive")
DROP_DELETION = "DELETE FROM deletions WHERE source = ? AND ref = ?"
DELETIONS = f"{_DELETIONS.select} ORDER BY next_at, source, ref"


def owe_deletion(catalogue: Catalogue, deletion: Deletion) -> None:
    """Write down a deletion, or when it is to be tried next; inside a transaction."""
    catalogue.write(PUT_DELETION, *_DELETIONS.values(deletion))


def settle_deletion(catalogue: Catalogue, deletion: Deletion) -> None:
    """Forget a deletion that is done, or will never be; inside a transaction."""
    catalogue.write(DROP_DELETION, deletion.source, deletion.ref)


def owed_deletions(catalogue: Catalogue) -> list[Deletion]:
    """Return every pending deletion, the earliest first."""
    return _DELETIONS.read_all(catalogue.read(DELETIONS))


def was_accepted(catalogue: Catalogue, job: Job) -> bool:
    """Say whether the provider answered the job's own create with its export: an adopted one may be somebody else's."""
    return any(entry.body["kind"] == EntryKind.JOB_ACCEPTED for entry in entries_of_job(catalogue, job.id))
