"""Recording what happened: job, coverage, quota, archive and log entry, in one transaction or not at all."""

from __future__ import annotations

import hashlib
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.coverage import keep_coverage
from strongroom.engine.ingest.delivery import learn_header
from strongroom.engine.ingest.source_upkeep import kept_for
from strongroom.engine.retention.holds import note_caught
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval, require_past
from strongroom.model.entry_kind import EntryKind
from strongroom.model.horizon import is_moment, lag_after
from strongroom.model.inspection import Severity
from strongroom.model.job import Cause, Event, Job, State
from strongroom.model.job_table import QUIET, Facts, advance
from strongroom.model.names import make_id
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Match
from strongroom.model.quota import next_create, share, urgency, wait_reason
from strongroom.model.times import format_instant
from strongroom.vault.archives import put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import put_interval
from strongroom.vault.jobs import Deletion, get_job, owe_deletion, put_job, was_accepted
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.sources import (
    forget_ask,
    get_source,
    is_other_uncertain,
    lag_of,
    put_source,
    remember_ask,
    remember_lag,
    usage_of,
)


class Budget(Struct, frozen=True):
    """When the quota allows a job's create."""

    at: datetime
    words: str  # why not before
    other_uncertain: bool  # another export of the source must be found first: the two could not be distinguished


def record(engine: Engine, job: Job, result: StepResult) -> Job:
    """Move the job by the table and write everything that belongs to the move; return the job as it now is.

    An intent that no longer fits the quota, because another job was quicker, becomes a delay. A job that another
    process moved meanwhile raises IllegalMove and changes nothing.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    files = _files_of(engine, result.archive)
    with catalogue.transaction():
        job = get_job(catalogue, job.id) or job
        if result.event is Event.INTENDED:
            result = _within_budget(engine, job, result, now)
        moved = advance(job, result.event, now, result.facts)
        put_job(catalogue, moved)
        _keep_quota(catalogue, job, moved, result, now)
        if result.archive is not None and files is not None:
            put_archive(catalogue, result.archive, files.key_sha256, files.manifest.decode())
            learn_header(catalogue, result.archive, now)
            _owe_deletion(engine, moved, now)
        keep_coverage(engine, moved, result.archive, now)
        _log(engine, job, moved, result, files, now)
        if result.archive is not None:
            note_caught(catalogue, result.archive, now)
        if result.successor is not None:
            enter(catalogue, result.successor)
    engine.crash_point(f"committed {result.event}")
    if result.event not in QUIET:
        engine.vault.write_log()
        engine.listen(job, moved, result)
    engine.crash_point(f"recorded {result.event}")
    return moved


def new_job(
    engine: Engine, stream: str, source: str, spec: ExportSpec, purpose: str, *, retention: str, priority: int
) -> Job:
    """Return a planned job; `enter` records it."""
    now = engine.clock()
    return Job(
        id=make_id(now, engine.random_bytes),
        stream=stream,
        source=source,
        spec=spec,
        state=State.PLANNED,
        created_at=now,
        changed_at=now,
        next_at=now,
        purpose=purpose,
        retention=retention,
        priority=priority,
    )


def enter(catalogue: Catalogue, job: Job) -> None:
    """Record a new job, and that its window is in progress; inside a transaction.

    Raises ValueError for a window that has not begun, unless the job succeeds another.
    """
    put_job(catalogue, job)
    if not job.beside:
        opened = Interval(job.stream, job.spec.window, Cover.OPEN, job=job.id)
        if not job.parent:
            require_past(opened, job.created_at)
        put_interval(catalogue, opened)
    window = job.spec.window
    facts: dict[str, Fact] = {
        "window": [format_instant(window.start), format_instant(window.end)],
        "datasets": list(job.spec.datasets),
        "purpose": job.purpose,
    }
    optional: dict[str, Fact] = {
        "parent": job.parent,
        "source": job.source,
        "retention": job.retention,
        "priority": job.priority,
        "generation": job.generation,
        "ref": job.ref,
    }
    facts.update({name: fact for name, fact in optional.items() if fact})
    add_entry(catalogue, Entry(EntryKind.JOB_PLANNED, job.created_at, job=job.id, stream=job.stream, facts=facts))


def read_budget(engine: Engine, job: Job, now: datetime) -> Budget:
    """Return when the quota allows this job's create; a part of the quota is reserved for more urgent jobs.

    A decision reads it, and `record` reads it again in its transaction: two workers may have read the same budget.
    """
    catalogue, provider = engine.vault.catalogue, engine.sources[job.source].provider
    limits, usage = provider.limits, usage_of(catalogue, job.source, now)
    allowed = share(limits, urgency(job, now, kept_for(engine, job.source), engine.rules), engine.rules)
    since = now - engine.retry_policy.look_for
    confusable = provider.capabilities.match is not Match.EXACT and is_other_uncertain(catalogue, job, since)
    return Budget(next_create(allowed, usage, now), wait_reason(limits, allowed, usage, now), confusable)


def _within_budget(engine: Engine, job: Job, intended: StepResult, now: datetime) -> StepResult:
    budget = read_budget(engine, job, now)
    if budget.other_uncertain:
        words = "another export of this source must be found on the list first"
        return StepResult(Event.DELAYED, Facts(now + engine.retry_policy.turn, Cause.TURN, words))
    if budget.at > now:
        return StepResult(Event.DELAYED, Facts(budget.at, Cause.QUOTA, budget.words))
    return intended


def _keep_quota(catalogue: Catalogue, before: Job, after: Job, result: StepResult, now: datetime) -> None:
    if result.event is Event.INTENDED:
        remember_ask(catalogue, after, now)
    if result.facts.made_at is not None and result.event in (Event.ACCEPTED, Event.ADOPTED):
        _keep_lag(catalogue, before, result.facts.made_at)
    if result.event is Event.POSTPONED:  # an unanswered create stays counted: the provider may have counted it
        forget_ask(catalogue, before)
    if not (result.pause or result.refused_until):
        return
    source = get_source(catalogue, before.source)
    paused, refused = result.pause or source.paused, result.refused_until or source.refused_until
    # After a refused create the list is read before the next one: another program's export may be running.
    surveyed = None if result.event is Event.POSTPONED else source.surveyed_at
    if result.refused_until is not None:
        why, words = result.facts.cause, result.facts.detail
        source = replace(source, refused_cause=why, refused_words=words)
    put_source(catalogue, replace(source, paused=paused, refused_until=refused, surveyed_at=surveyed))
    if result.pause:
        facts: dict[str, Fact] = {"source": before.source, "cause": result.facts.cause.value}
        add_entry(catalogue, Entry(EntryKind.SOURCE_PAUSED, now, facts=facts, words=result.pause))


def _keep_lag(catalogue: Catalogue, job: Job, made_at: datetime) -> None:
    """Remember how far the provider's clock is behind: windows are planned once they have settled there too."""
    known = lag_of(catalogue, job.source)
    requested_at = job.asked_at or job.created_at
    lag = lag_after(known, requested_at, made_at) if is_moment(made_at, requested_at) else known
    if lag != known:
        remember_lag(catalogue, job.source, lag)


def _owe_deletion(engine: Engine, job: Job, now: datetime) -> None:
    """Record that the provider's export can be deleted: its archive is committed in this transaction."""
    source, catalogue = engine.sources.get(job.source), engine.vault.catalogue
    if source is not None and source.deletes and job.state is State.ARCHIVED and was_accepted(catalogue, job):
        owe_deletion(catalogue, Deletion(job.source, job.ref, job.id, job.archive, now))


def _log(engine: Engine, before: Job, after: Job, result: StepResult, files: _Files | None, now: datetime) -> None:
    repeated = result.event is Event.DELAYED and before.cause is after.cause
    if result.event in QUIET or repeated:
        return
    found, archive = result.facts, result.archive
    facts: dict[str, Fact] = {
        "from": before.state.value,
        "to": after.state.value,
        "cause": found.cause.value,
        "ref": found.ref,
        "request": found.request_id,
        "size": found.size,
        "next": format_instant(found.next_at) if found.next_at else "",
        "made": format_instant(found.made_at) if found.made_at else "",
        "successor": result.successor.id if result.successor else "",
        **result.log_facts,
        **(_archive_facts(archive, files) if archive and files else {}),
    }
    entry = Entry(
        kind=EntryKind(f"job.{result.event}"),
        at=now,
        job=after.id,
        archive=archive.id if archive else found.archive,
        stream=after.stream,
        facts={name: fact for name, fact in facts.items() if fact not in ("", None)},
        words=after.detail,
    )
    add_entry(engine.vault.catalogue, entry)


class _Files(Struct, frozen=True):
    """What the small files of an archive hold."""

    manifest: bytes
    key_sha256: str


def _files_of(engine: Engine, archive: Archive | None) -> _Files | None:
    return _Files(write_manifest(archive), engine.vault.key_sha256(archive)) if archive else None


def _archive_facts(archive: Archive, files: _Files) -> dict[str, Fact]:
    """Return what binds the archive's files to the log: a swapped file contradicts its line."""
    faults: list[Fact] = [
        *sorted({finding.code for finding in archive.inspection.findings if finding.severity is Severity.FAULT})
    ]
    return {
        "holding": archive.holding.value,
        "manifest_sha256": hashlib.sha256(files.manifest).hexdigest(),
        "key_sha256": files.key_sha256,
        "sealed_sha256": archive.seal.sealed_sha256,
        "records": archive.inspection.records,
        "faults": faults,
    }
