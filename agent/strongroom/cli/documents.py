"""Stable field names for programs: jobs, archives, moments and the rest as JSON. docs/commands.md tells them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from strongroom.model.archive import Archive
from strongroom.model.inspection import Finding
from strongroom.model.job import Job
from strongroom.model.retention import Verdict
from strongroom.model.waiting import WaitGroup, wait_of
from strongroom.model.window import Window

if TYPE_CHECKING:
    from strongroom.engine.access.fixity import FixityFault
    from strongroom.engine.core.moments import Moment
    from strongroom.engine.queries.lists import Request, Running, Status


def window_document(window: Window) -> dict[str, object]:
    """Tell a window; `end` is exclusive."""
    return {"start": window.start, "end": window.end}


def wait_document(job: Job, now: datetime) -> dict[str, object] | None:
    """Tell what a job waits for; None where it waits for nothing."""
    wait = wait_of(job, now)
    return None if wait is None else {"cause": wait.cause.value, "words": wait.words, "until": wait.until}


def wait_group_document(group: WaitGroup) -> dict[str, object]:
    """Tell how many jobs wait for one thing."""
    wait = group.wait
    return {
        "source": group.source,
        "cause": wait.cause.value,
        "words": wait.words,
        "until": wait.until,
        "jobs": group.jobs,
    }


def job_document(job: Job, now: datetime) -> dict[str, object]:
    """Tell a job as it stands."""
    return {
        "id": job.id,
        "stream": job.stream,
        "source": job.source,
        "datasets": list(job.spec.datasets),
        "window": window_document(job.spec.window),
        "state": job.state.value,
        "purpose": job.purpose,
        "created_at": job.created_at,
        "changed_at": job.changed_at,
        "next_at": None if job.finished else job.next_at,
        "ref": job.ref,
        "size": job.size,
        "expires_at": job.expires_at,
        "attempts": dict(job.attempts),
        "cause": job.cause.value,
        "detail": job.detail,
        "waits_for": wait_document(job, now),
        "parent": job.parent,
        "generation": job.generation,
        "archive": job.archive,
        "retention": job.retention,
    }


def archive_document(archive: Archive) -> dict[str, object]:
    """Tell an archive in short; `archives show` tells all of its manifest."""
    return {
        "id": archive.id,
        "holding": archive.holding.value,
        "stream": archive.stream,
        "source": archive.source,
        "datasets": list(archive.spec.datasets),
        "window": window_document(archive.spec.window),
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


def finding_document(finding: Finding) -> dict[str, object]:
    """Tell what reading an export found."""
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "message": finding.message,
        "member": finding.member,
    }


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """Tell what may happen to an archive, and why."""
    return {
        "fate": verdict.fate.value,
        "until": verdict.until,
        "class": verdict.rule.name if verdict.rule else None,
        "holds": list(verdict.holds),
        "reason": verdict.reason,
    }


def moment_document(moment: Moment) -> dict[str, object]:
    """Tell one thing that happened."""
    return {
        "seq": moment.seq,
        "at": moment.at,
        "kind": moment.kind,
        "job": moment.job,
        "archive": moment.archive,
        "facts": moment.facts,
        "words": moment.words,
    }


def running_document(running: Running) -> dict[str, object]:
    """Tell how far a transfer has come, in bytes."""
    return {
        "job": running.job,
        "stage": running.stage,
        "done": running.done,
        "total": running.total,
        "at": running.at,
    }


def fault_document(fault: FixityFault) -> dict[str, object]:
    """Tell what a check found."""
    return {"archive": fault.archive, "file": fault.file, "code": fault.code, "message": fault.message}


def status_document(status: Status) -> dict[str, object]:
    """Tell the vault at a glance."""
    return {
        "jobs": status.jobs,
        "archives": {
            holding: {
                "count": totals.count,
                "records": totals.records,
                "size": totals.size,
                "sealed_size": totals.sealed_size,
            }
            for holding, totals in status.archives.items()
        },
        "coverage": status.coverage,
        "sources": [{"name": source.name, "paused": source.paused} for source in status.sources],
        "paused_streams": dict(status.paused_streams),
        "running": [running_document(each) for each in status.running],
        "waiting": [wait_group_document(each) for each in status.waits],
        "worked_on_by": status.worked_on_by,
        "heartbeat": status.heartbeat.at if status.heartbeat else None,
        "requests": [request_document(each) for each in status.waiting],
        "free_bytes": status.free_bytes,
        "last_entry": status.last_entry,
    }


def request_document(request: Request) -> dict[str, object]:
    """Tell what somebody asked for and nobody has answered."""
    return {
        "request": request.id,
        "wish": request.wish.value,
        "subject": request.subject,
        "by": request.by,
        "at": request.at,
    }
