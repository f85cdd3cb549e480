"""Which jobs a job comes from and leads to, and which other archives hold the same window.

Jobs that come from jobs: the next try for a window, and a fresh export of one that is held already.

Another try for a window that was given up: a person asks, and a fresh job takes the failed one's place.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.transitions import record
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover
from strongroom.model.errors import UsageError
from strongroom.model.job import Cause, Event, Job, State
from strongroom.model.job_table import Facts
from strongroom.model.names import make_id
from strongroom.model.provider import Renewal
from strongroom.vault.archives import get_archive, version_after, version_before
from strongroom.vault.coverage import interval_at
from strongroom.vault.jobs import failed_jobs, get_job, is_in_use, successor_of
from strongroom.vault.vault import Vault

MOST = 20  # generations told in each direction


class Kin(Struct, frozen=True):
    """What a job comes from, leads to and has brought."""

    before: tuple[Job, ...]  # its parent and theirs, the oldest first
    after: tuple[Job, ...]  # what replaced it and what replaced that
    archive: Archive | None  # which may be quarantined; None where there is none, or none any more


class Versions(Struct, frozen=True):
    """Other sound archives of an archive's window; empty ids where there are none."""

    older: str
    newer: str


def kin_of(vault: Vault, job: Job) -> Kin:
    """Return the lineage of a job."""
    before: list[Job] = []
    while len(before) < MOST and (parent := get_job(vault.catalogue, (before[-1] if before else job).parent)):
        before.append(parent)
    after: list[Job] = []
    while len(after) < MOST and (child := get_job(vault.catalogue, _child(vault, after[-1] if after else job))):
        after.append(child)
    archive = get_archive(vault.catalogue, job.archive) if job.archive else None
    return Kin(tuple(before[::-1]), tuple(after), archive)


def versions_of(vault: Vault, archive: Archive) -> Versions:
    """Return the versions of the archive's window that were made just before and just after it."""
    return Versions(version_before(vault.catalogue, archive), version_after(vault.catalogue, archive))


def _child(vault: Vault, job: Job) -> str:
    return successor_of(vault.catalogue, job.id)


def succeed(engine: Engine, job: Job, purpose: str = "") -> Job:
    """Return a fresh job for the same window, with its lineage."""
    now = engine.clock()
    return Job(
        id=make_id(now, engine.random_bytes),
        stream=job.stream,
        source=job.source,
        spec=job.spec,
        state=State.PLANNED,
        created_at=now,
        changed_at=now,
        next_at=now,
        purpose=purpose or job.purpose,
        retention=job.retention,
        priority=job.priority,
        parent=job.id,
        generation=0 if purpose else job.generation + 1,
    )


def regeneration_of(engine: Engine, job: Job) -> Job:
    """Return a job that makes the window's export afresh, beside what is held, by the provider's own way.

    Where the provider can make the same export again, the job begins with its name and renews it; where an unfinished
    job works on that export, or the provider cannot, a new export is asked for.
    """
    fresh = replace(succeed(engine, job, "regenerate"), priority=10)
    source = engine.sources.get(job.source)
    renews = source is not None and source.provider.capabilities.renewal is Renewal.SAME_EXPORT
    if not job.ref or not renews or is_in_use(engine.vault.catalogue, job.source, job.ref):
        return fresh
    return replace(fresh, ref=job.ref)


PATIENT = timedelta(days=1)
HOPEFUL = frozenset(
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
"""Causes that may be gone by tomorrow. The others are a person's to look into."""


def retry_given_up(engine: Engine, most: int = 20) -> list[Job]:
    """Try windows that were given up a day ago once more, where the cause may have passed; return the new jobs."""
    before = engine.clock() - PATIENT
    tired = [job for job in failed_jobs(engine.vault.catalogue, before, most) if job.cause in HOPEFUL]
    return [retry(engine, job) for job in tired if job.source in engine.sources and _is_missing(engine, job)]


def _is_missing(engine: Engine, job: Job) -> bool:
    held = interval_at(engine.vault.catalogue, job.stream, job.spec.window)
    return held is not None and held.cover is Cover.MISSING


def retry(engine: Engine, job: Job) -> Job:
    """Enter a successor for a failed job and return it; the next run works on it.

    Raises UsageError for a job that has not failed, and for a window that something else has taken up since.
    """
    if job.state is not State.FAILED:
        message = f"job {job.id} is {job.state}, only a failed one can be tried again"
        raise UsageError(message, hint="see: strongroom jobs show")
    again = job.beside
    held = interval_at(engine.vault.catalogue, job.stream, job.spec.window)
    if not again and held is not None and held.cover is not Cover.MISSING:
        raise UsageError(f"the window of job {job.id} is {held.cover} by now", hint="nothing is left to try again")
    successor = replace(succeed(engine, job), generation=0, purpose=job.purpose if again else "retry")
    record(engine, job, StepResult(Event.RETRIED, Facts(cause=Cause.PERSON), successor=successor))
    return successor
