"""Which jobs a job comes from and leads to, and the jobs that follow another: a successor, a re-export, a retry."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.transitions import new_job, record
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover
from strongroom.model.errors import UsageError
from strongroom.model.job import Cause, Event, Job, Purpose, State
from strongroom.model.job_table import Facts
from strongroom.model.provider import Renewal
from strongroom.vault.archives import get_archive, version_after, version_before
from strongroom.vault.coverage import interval_at
from strongroom.vault.jobs import failed_jobs, get_job, is_in_use, successor_of
from strongroom.vault.vault import Vault

MOST = 20  # generations shown in each direction
RETRY_AFTER = timedelta(days=1)
MAY_PASS = frozenset(
    {
        Cause.UNANSWERED,
        Cause.PROVIDER_FAILED,
        Cause.OVERDUE,
        Cause.GONE,
        Cause.EXPIRED,
        Cause.LINK,
        Cause.LINK_REFUSED,
        Cause.CODING,
        Cause.TRANSFER,
        Cause.WORKER,
        Cause.RESTART,
        Cause.RENEWAL,
        Cause.LAPSED,
    }
)
"""Causes that may be gone by tomorrow. The others need a person."""


class Lineage(Struct, frozen=True):
    """The jobs before and after a job, and its archive."""

    before: tuple[Job, ...]  # its parent and theirs, the oldest first
    after: tuple[Job, ...]  # what replaced it and what replaced that
    archive: Archive | None  # perhaps quarantined; None where there is none, or none any more


class Versions(Struct, frozen=True):
    """Other sound archives of an archive's window; empty ids where there are none."""

    older: str
    newer: str


def lineage_of(vault: Vault, job: Job) -> Lineage:
    """Return the lineage of a job."""
    before: list[Job] = []
    while len(before) < MOST and (parent := get_job(vault.catalogue, (before[-1] if before else job).parent)):
        before.append(parent)
    after: list[Job] = []
    while len(after) < MOST and (child := _child(vault, after[-1] if after else job)):
        after.append(child)
    archive = get_archive(vault.catalogue, job.archive) if job.archive else None
    return Lineage(tuple(before[::-1]), tuple(after), archive)


def _child(vault: Vault, job: Job) -> Job | None:
    return get_job(vault.catalogue, successor_of(vault.catalogue, job.id))


def versions_of(vault: Vault, archive: Archive) -> Versions:
    """Return the versions of the archive's window that were made just before and just after it."""
    return Versions(version_before(vault.catalogue, archive), version_after(vault.catalogue, archive))


def succeed(engine: Engine, job: Job, purpose: str = "") -> Job:
    """Return a new job for the same window, with its lineage."""
    fresh = new_job(
        engine, job.stream, job.source, job.spec, purpose or job.purpose, retention=job.retention, priority=job.priority
    )
    return replace(fresh, parent=job.id, generation=0 if purpose else job.generation + 1)


def re_export_of(engine: Engine, job: Job) -> Job:
    """Return a job that exports a window again, beside its archive, in the way that the provider offers.

    Where the provider can recreate the same export, the job starts with its name and renews it. Where the provider
    cannot, or an unfinished job uses that export, a new one is requested.
    """
    fresh = replace(succeed(engine, job, Purpose.REGENERATE), priority=10)
    source = engine.sources.get(job.source)
    renews = source is not None and source.provider.capabilities.renewal is Renewal.SAME_EXPORT
    if not job.ref or not renews or is_in_use(engine.vault.catalogue, job.source, job.ref):
        return fresh
    return replace(fresh, ref=job.ref)


def retry_failed(engine: Engine, most: int = 20) -> list[Job]:
    """Retry windows that failed a day ago or earlier, where the cause may have passed; return the new jobs."""
    found = failed_jobs(engine.vault.catalogue, engine.clock() - RETRY_AFTER, most)
    return [
        retry(engine, job)
        for job in found
        if job.cause in MAY_PASS and job.source in engine.sources and _cover_of(engine, job) is Cover.MISSING
    ]


def _cover_of(engine: Engine, job: Job) -> Cover | None:
    held = interval_at(engine.vault.catalogue, job.stream, job.spec.window)
    return held.cover if held is not None else None


def retry(engine: Engine, job: Job) -> Job:
    """Record a successor of a failed job and return it; the next run processes it.

    Raises UsageError for a job that has not failed, and for a window that another job has taken over since.
    """
    if job.state is not State.FAILED:
        raise UsageError(
            f"job {job.id} is {job.state}; only a failed job can be retried", hint="see: strongroom jobs show"
        )
    cover = _cover_of(engine, job)
    if not job.beside and cover not in (None, Cover.MISSING):
        raise UsageError(f"the window of job {job.id} is {cover} by now", hint="nothing is left to retry")
    successor = replace(succeed(engine, job), generation=0, purpose=job.purpose if job.beside else Purpose.RETRY)
    record(engine, job, StepResult(Event.RETRIED, Facts(cause=Cause.PERSON), successor=successor))
    return successor
