"""Jobs in the catalogue: rows in, frozen nouns out.

Exports to be deleted at the provider: owed from the commit of their archive on, until the provider has done it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct

from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.plan import ExportSpec
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import entries_of_job
from strongroom.vault.rows import readable, reads, to_instant, to_instant_or_none, to_text, to_text_or_none

JOB_COLUMNS = (
    "id, stream, source, window_start, window_end, datasets, filters, state, created_at, changed_at, next_at, purpose, "
    "retention, priority, ref, asked_at, accepted_at, expires_at, size, polls, looks, attempts, cause, detail, parent, "
    "generation, archive, wait_cause, wait_words, wait_until"
)
_LIVE = "state NOT IN ('archived', 'replaced', 'failed', 'cancelled')"
PUT_JOB = f"""
INSERT INTO jobs ({JOB_COLUMNS}) VALUES ({", ".join("?" * 30)})
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, changed_at = excluded.changed_at, next_at = excluded.next_at, ref = excluded.ref,
    asked_at = excluded.asked_at, accepted_at = excluded.accepted_at, expires_at = excluded.expires_at,
    size = excluded.size, polls = excluded.polls, looks = excluded.looks, attempts = excluded.attempts,
    cause = excluded.cause, detail = excluded.detail, archive = excluded.archive, priority = excluded.priority,
    wait_cause = excluded.wait_cause, wait_words = excluded.wait_words, wait_until = excluded.wait_until
"""
PUT_WAIT = """
UPDATE jobs SET wait_cause = ?, wait_words = ?, wait_until = ?
WHERE id = ? AND state = ? AND changed_at = ? AND state NOT IN ('archived', 'replaced', 'failed', 'cancelled')
"""
JOB = f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?"
JOBS_LIVE = f"SELECT {JOB_COLUMNS} FROM jobs WHERE {_LIVE} ORDER BY priority DESC, window_start, id"
JOBS_INTERRUPTED = f"SELECT {JOB_COLUMNS} FROM jobs WHERE state IN ('fetching', 'sealed') ORDER BY id"
JOBS_BY_STATE = "SELECT state, count(*) AS count FROM jobs GROUP BY state"
JOB_IDS_LIKE = "SELECT id FROM jobs WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3"
SUCCESSOR = "SELECT id FROM jobs WHERE parent = ? AND parent <> '' ORDER BY created_at DESC, id DESC LIMIT 1"
KNOWN_REFS = "SELECT ref FROM jobs WHERE source = ? AND ref <> '' AND id <> ?"
WAITING_REFS = "SELECT ref FROM jobs WHERE source = ? AND state = 'waiting' ORDER BY ref"
LIVE_USERS = f"SELECT count(*) AS count FROM jobs WHERE source = ? AND ref = ? AND ref <> '' AND {_LIVE}"
FAILED_BEFORE = f"""
SELECT {JOB_COLUMNS} FROM jobs
WHERE state = 'failed' AND changed_at <= ? AND purpose NOT IN ('regenerate', 'settled', 'second-look')
ORDER BY id LIMIT ?
"""


def put_job(catalogue: Catalogue, job: Job) -> None:
    """Insert the job or bring its row up to date; inside a transaction."""
    catalogue.write(PUT_JOB, *_values(job))


def get_job(catalogue: Catalogue, job_id: str) -> Job | None:
    """Return the job with exactly this id."""
    row = catalogue.read_one(JOB, job_id)
    return read_job(row) if row else None


def live_jobs(catalogue: Catalogue) -> list[Job]:
    """Return every unfinished job, the most urgent first."""
    return list(readable(catalogue.read(JOBS_LIVE), read_job))


def interrupted_jobs(catalogue: Catalogue) -> list[Job]:
    """Return the jobs that were in a worker's hands."""
    return list(readable(catalogue.read(JOBS_INTERRUPTED), read_job))


def failed_jobs(catalogue: Catalogue, before: datetime, most: int) -> list[Job]:
    """Return jobs that were given up before an instant, the oldest first."""
    return list(readable(catalogue.read(FAILED_BEFORE, to_text(before), most), read_job))


def jobs_by_state(catalogue: Catalogue) -> dict[str, int]:
    """Count the jobs in each state."""
    return {row["state"]: row["count"] for row in catalogue.read(JOBS_BY_STATE)}


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


def matching_job_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids that begin or end with what a person typed, in any case."""
    return [row["id"] for row in catalogue.read(JOB_IDS_LIKE, part.lower())]


def _values(job: Job) -> Sequence[object]:
    window = job.spec.window
    return (
        job.id,
        job.stream,
        job.source,
        to_text(window.start),
        to_text(window.end),
        json.dumps(job.spec.datasets),
        json.dumps(job.spec.filters),
        job.state.value,
        to_text(job.created_at),
        to_text(job.changed_at),
        to_text(job.next_at),
        job.purpose,
        job.retention,
        job.priority,
        job.ref,
        to_text_or_none(job.asked_at),
        to_text_or_none(job.accepted_at),
        to_text_or_none(job.expires_at),
        job.size,
        job.polls,
        job.looks,
        json.dumps(dict(job.attempts), sort_keys=True),
        job.cause.value,
        job.detail,
        job.parent,
        job.generation,
        job.archive,
        job.wait.cause.value if job.wait else "",
        job.wait.words if job.wait else "",
        to_text_or_none(job.wait.until) if job.wait else None,
    )


def put_waits(catalogue: Catalogue, waits: Iterable[tuple[Job, Wait | None]]) -> None:
    """Write down what jobs wait for. One that another process has moved meanwhile is left as it is."""
    with catalogue.transaction():
        for job, wait in waits:
            told = (wait.cause.value, wait.words, to_text_or_none(wait.until)) if wait else ("", "", None)
            catalogue.write(PUT_WAIT, *told, job.id, job.state.value, to_text(job.changed_at))


def _wait(row: sqlite3.Row) -> Wait | None:
    if not row["wait_cause"]:
        return None
    return Wait(Cause(row["wait_cause"]), row["wait_words"], to_instant_or_none(row["wait_until"]))


def read_spec(row: sqlite3.Row) -> ExportSpec:
    """Build the spec that a job's row tells."""
    return ExportSpec(
        datasets=tuple(json.loads(row["datasets"])),
        window=Window(to_instant(row["window_start"]), to_instant(row["window_end"])),
        filters=tuple((name, value) for name, value in json.loads(row["filters"])),
    )


@reads("jobs", "id")
def read_job(row: sqlite3.Row) -> Job:
    """Build the job that a row tells."""
    return Job(
        id=row["id"],
        stream=row["stream"],
        source=row["source"],
        spec=read_spec(row),
        state=State(row["state"]),
        created_at=to_instant(row["created_at"]),
        changed_at=to_instant(row["changed_at"]),
        next_at=to_instant(row["next_at"]),
        purpose=row["purpose"],
        retention=row["retention"],
        priority=row["priority"],
        ref=row["ref"],
        asked_at=to_instant_or_none(row["asked_at"]),
        accepted_at=to_instant_or_none(row["accepted_at"]),
        expires_at=to_instant_or_none(row["expires_at"]),
        size=row["size"],
        polls=row["polls"],
        looks=row["looks"],
        attempts=MappingProxyType(json.loads(row["attempts"])),
        cause=Cause(row["cause"]),
        detail=row["detail"],
        parent=row["parent"],
        generation=row["generation"],
        archive=row["archive"],
        wait=_wait(row),
    )


PUT_DELETION = """
INSERT INTO deletions (source, ref, job, archive, next_at, tries) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (source, ref) DO UPDATE SET next_at = excluded.next_at, tries = excluded.tries
"""
DROP_DELETION = "DELETE FROM deletions WHERE source = ? AND ref = ?"
DELETIONS = "SELECT source, ref, job, archive, next_at, tries FROM deletions ORDER BY next_at, source, ref"


class Deletion(Struct, frozen=True):
    """One export that the provider is still to delete."""

    source: str
    ref: str  # the provider's name for the export
    job: str  # whose export it was
    archive: str  # proven and committed
    next_at: datetime  # not to be tried before
    tries: int = 0  # that failed


def owe_deletion(catalogue: Catalogue, deletion: Deletion) -> None:
    """Write down a deletion, or when it is to be tried next; inside a transaction."""
    row = deletion
    catalogue.write(PUT_DELETION, row.source, row.ref, row.job, row.archive, to_text(row.next_at), row.tries)


def settle_deletion(catalogue: Catalogue, deletion: Deletion) -> None:
    """Forget a deletion that is done, or will never be; inside a transaction."""
    catalogue.write(DROP_DELETION, deletion.source, deletion.ref)


def owed_deletions(catalogue: Catalogue) -> list[Deletion]:
    """Return every deletion that is owed, the one due first at the front."""
    return list(readable(catalogue.read(DELETIONS), _deletion))


def was_accepted(catalogue: Catalogue, job: Job) -> bool:
    """Say whether the provider answered the job's own create with its export: an adopted one may be somebody else's."""
    return any(entry.body["kind"] == "job.accepted" for entry in entries_of_job(catalogue, job.id))


@reads("deletions", "job")
def _deletion(row: sqlite3.Row) -> Deletion:
    return Deletion(row["source"], row["ref"], row["job"], row["archive"], to_instant(row["next_at"]), row["tries"])
