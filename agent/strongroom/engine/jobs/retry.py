"""Another try for a window that was given up: a person asks, and a fresh job takes the failed one's place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from strongroom.engine.engine import Engine, Happening
from strongroom.engine.jobs.lineage import successor_of
from strongroom.engine.jobs.record import record
from strongroom.model.coverage import Cover
from strongroom.model.errors import UsageError
from strongroom.model.job import Cause, Event, Job, State
from strongroom.model.table import Facts
from strongroom.vault.jobs import failed_jobs
from strongroom.vault.ledger import interval_at

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
    successor = replace(successor_of(engine, job), generation=0, purpose=job.purpose if again else "retry")
    record(engine, job, Happening(Event.RETRIED, Facts(cause=Cause.PERSON), successor=successor))
    return successor
