"""Stable field names for programs, as docs/commands.md lists them: what is not printed as the noun that it is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from strongroom.model.archive import Archive
from strongroom.model.job import Job
from strongroom.model.retention import Verdict
from strongroom.model.waiting import WaitGroup, wait_of

if TYPE_CHECKING:
    from strongroom.engine.queries.lists import Request, Status


def wait_group_document(group: WaitGroup) -> dict[str, object]:
    """Return how many jobs wait for one thing."""
    return {"source": group.source, **asdict(group.wait), "jobs": group.jobs}


def job_document(job: Job, now: datetime) -> dict[str, object]:
    """Return a job as it is; its archive only if there is one, since an ID is chosen before the archive is made."""
    return {
        "id": job.id,
        "stream": job.stream,
        "source": job.source,
        "datasets": job.spec.datasets,
        "window": job.spec.window,
        "state": job.state,
        "purpose": job.purpose,
        "created_at": job.created_at,
        "changed_at": job.changed_at,
        "next_at": None if job.finished else job.next_at,
        "ref": job.ref,
        "size": job.size,
        "expires_at": job.expires_at,
        "attempts": dict(job.attempts),
        "cause": job.cause,
        "detail": job.detail,
        "waits_for": wait_of(job, now),
        "parent": job.parent,
        "generation": job.generation,
        "archive": job.archive,
        "retention": job.retention,
    }


def archive_document(archive: Archive) -> dict[str, object]:
    """Return an archive in short; `archives show` prints its whole manifest."""
    return {
        "id": archive.id,
        "holding": archive.holding,
        "stream": archive.stream,
        "source": archive.source,
        "datasets": archive.spec.datasets,
        "window": archive.spec.window,
        "job": archive.job,
        "records": archive.inspection.records,
        "size": archive.seal.size,
        "sealed_size": archive.seal.sealed_size,
        "sealed_sha256": archive.seal.sealed_sha256,
        "findings": len(archive.inspection.findings),
        "retention": archive.retention,
        "durable_at": archive.durable_at,
        "verified_at": archive.verified_at,
    }


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """Return what may happen to an archive, and why."""
    return {
        "fate": verdict.fate,
        "until": verdict.until,
        "class": verdict.rule.name if verdict.rule else None,
        "holds": verdict.holds,
        "reason": verdict.reason,
    }


def status_document(status: Status) -> dict[str, object]:
    """Return the vault at a glance."""
    return {
        "jobs": status.jobs,
        "archives": status.archives,
        "coverage": status.coverage,
        "sources": [{"name": source.name, "paused": source.paused} for source in status.sources],
        "paused_streams": dict(status.paused_streams),
        "running": status.running,
        "waiting": [wait_group_document(each) for each in status.waits],
        "worked_on_by": status.worked_on_by,
        "heartbeat": status.heartbeat.at if status.heartbeat else None,
        "requests": [_request(each) for each in status.waiting],
        "free_bytes": status.free_bytes,
        "last_entry": status.last_entry,
    }


def _request(request: Request) -> dict[str, object]:
    wanted = {"request": request.id, "wish": request.wish, "subject": request.subject}
    return {**wanted, "by": request.by, "at": request.at}
