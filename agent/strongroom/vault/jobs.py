"""Jobs in the catalogue: rows in, frozen nouns out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from types import MappingProxyType

from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.stream import ExportSpec
from strongroom.model.window import Window
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_instant_or_none, to_text, to_text_or_none
from strongroom.vault.rows import readable, reads


def put_job(catalogue: Catalogue, job: Job) -> None:
    """Insert the job or bring its row up to date; inside a transaction."""
    catalogue.write(queries.PUT_JOB, *_values(job))


def get_job(catalogue: Catalogue, job_id: str) -> Job | None:
    """Return the job with exactly this id."""
    row = catalogue.read_one(queries.JOB, job_id)
    return read_job(row) if row else None


def live_jobs(catalogue: Catalogue) -> list[Job]:
    """Return every unfinished job, the most urgent first."""
    return list(readable(catalogue.read(queries.JOBS_LIVE), read_job))


def interrupted_jobs(catalogue: Catalogue) -> list[Job]:
    """Return the jobs that were in a worker's hands."""
    return list(readable(catalogue.read(queries.JOBS_INTERRUPTED), read_job))


def failed_jobs(catalogue: Catalogue, before: datetime, most: int) -> list[Job]:
    """Return jobs that were given up before an instant, the oldest first."""
    return list(readable(catalogue.read(queries.FAILED_BEFORE, to_text(before), most), read_job))


def jobs_by_state(catalogue: Catalogue) -> dict[str, int]:
    """Count the jobs in each state."""
    return {row["state"]: row["count"] for row in catalogue.read(queries.JOBS_BY_STATE)}


def known_refs(catalogue: Catalogue, job: Job) -> frozenset[str]:
    """Return the provider's names of exports that belong to other jobs of the same source."""
    return frozenset(row["ref"] for row in catalogue.read(queries.KNOWN_REFS, job.source, job.id))


def waiting_refs(catalogue: Catalogue, source: str) -> list[str]:
    """Return the provider's names of all exports of a source that jobs wait for."""
    return [row["ref"] for row in catalogue.read(queries.WAITING_REFS, source)]


def is_in_use(catalogue: Catalogue, source: str, ref: str) -> bool:
    """Say whether an unfinished job works on this export."""
    row = catalogue.read_one(queries.LIVE_USERS, source, ref)
    return bool(row and row["count"])


def successor_of(catalogue: Catalogue, job_id: str) -> str:
    """Return the id of the job that replaced this one, or an empty string."""
    row = catalogue.read_one(queries.SUCCESSOR, job_id)
    return str(row["id"]) if row else ""


def matching_job_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids that begin or end with what a person typed, in any case."""
    return [row["id"] for row in catalogue.read(queries.JOB_IDS_LIKE, part.lower())]


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
            catalogue.write(queries.PUT_WAIT, *told, job.id, job.state.value, to_text(job.changed_at))


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
