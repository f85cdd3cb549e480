"""Writing down what happened: job, coverage, quota, archive and audit entry, in one transaction or not at all."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.delivery import learn_header
from strongroom.engine.ingest.provider_retention import keeps as keeps_of
from strongroom.engine.ingest.second_look import doubt_empty, judge_beside
from strongroom.engine.ingest.snapshots import is_snapshot, note_copy
from strongroom.engine.retention.holds import note_caught
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval, require_past
from strongroom.model.horizon import delay_then, is_moment, lag_after, settle, settled_until, split_settled
from strongroom.model.job import Cause, Event, Job, State
from strongroom.model.job_table import QUIET, Facts, advance
from strongroom.model.plan import SETTLE
from strongroom.model.provider import Match
from strongroom.model.quota import next_create, share, urgency, wait_reason
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import claim, drop_open, interval_at, put_interval
from strongroom.vault.jobs import Deletion, get_job, owe_deletion, put_job, was_accepted
from strongroom.vault.log import add_entry, entries_of_job
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

DROP_PROGRESS = "DELETE FROM progress WHERE job = ?"


def record(engine: Engine, job: Job, result: StepResult) -> Job:
    """Move the job by the table and write everything that belongs to the move; return the job as it now is.

    An intent that no longer fits the quota, because another job was quicker, becomes a delay. A job that another
    process moved meanwhile raises IllegalMove and changes nothing.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    with catalogue.transaction():
        job = get_job(catalogue, job.id) or job
        result = _within_budget(engine, catalogue, job, result, now)
        moved = advance(job, result.event, now, result.facts)
        put_job(catalogue, moved)
        _keep_quota(catalogue, job, moved, result, now)
        if result.archive is not None:
            put_archive(catalogue, result.archive, engine.vault.key_sha256(result.archive))
            learn_header(catalogue, result.archive, now)
            _owe_deletion(engine, catalogue, moved, now)
        _keep_coverage(engine, catalogue, moved, result, now)
        _log(engine, catalogue, job, moved, result, now)
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


def enter(catalogue: Catalogue, job: Job) -> None:
    """Write down a new job and that its window is being worked on; inside a transaction.

    Raises ValueError for a window that has not begun, unless the job takes over another's.
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
    more: dict[str, Fact] = {
        "parent": job.parent,
        "source": job.source,
        "retention": job.retention,
        "priority": job.priority,
        "generation": job.generation,
        "ref": job.ref,
    }
    facts.update({name: fact for name, fact in more.items() if fact})
    add_entry(catalogue, Entry("job.planned", job.created_at, job=job.id, stream=job.stream, facts=facts))


def _within_budget(engine: Engine, catalogue: Catalogue, job: Job, result: StepResult, now: datetime) -> StepResult:
    if result.event is not Event.INTENDED:
        return result
    if must_wait_its_turn(engine, catalogue, job, now):
        words = "another export of this source must be found on the list first"
        return StepResult(Event.DELAYED, Facts(now + engine.retry_policy.turn, Cause.TURN, words))
    allowed, words = read_budget(engine, catalogue, job, now)
    if allowed <= now:
        return result
    return StepResult(Event.DELAYED, Facts(allowed, Cause.QUOTA, words))


def read_budget(engine: Engine, catalogue: Catalogue, job: Job, now: datetime) -> tuple[datetime, str]:
    """Return when the quota allows this job's create, leaving what is kept free for more urgent ones, and why then."""
    limits, usage = engine.sources[job.source].provider.limits, usage_of(catalogue, job.source, now)
    allowed = share(limits, urgency(job, now, keeps_of(engine, job.source), engine.rules), engine.rules)
    return next_create(allowed, usage, now), wait_reason(limits, allowed, usage, now)


def must_wait_its_turn(engine: Engine, catalogue: Catalogue, job: Job, now: datetime) -> bool:
    """Say whether another export of the source must be found first, because two could not be told apart."""
    if engine.sources[job.source].provider.capabilities.match is Match.EXACT:
        return False
    return is_other_uncertain(catalogue, job, now - engine.retry_policy.look_for)


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
    # After a refused create the list is read before the next one: somebody's export may be running.
    surveyed = None if result.event is Event.POSTPONED else source.surveyed_at
    if result.refused_until is not None:
        why, words = result.facts.cause, result.facts.detail
        source = replace(source, refused_cause=why, refused_words=words)
    put_source(catalogue, replace(source, paused=paused, refused_until=refused, surveyed_at=surveyed))
    if result.pause:
        facts: dict[str, Fact] = {"source": before.source, "cause": result.facts.cause.value}
        add_entry(catalogue, Entry("source.paused", now, facts=facts, words=result.pause))


def _keep_lag(catalogue: Catalogue, job: Job, made_at: datetime) -> None:
    """Remember how far the provider's clock is behind: windows are then planned when they have settled there, too."""
    known = lag_of(catalogue, job.source)
    asked_at = job.asked_at or job.created_at
    lag = lag_after(known, asked_at, made_at) if is_moment(made_at, asked_at) else known
    if lag != known:
        remember_lag(catalogue, job.source, lag)


def _owe_deletion(engine: Engine, catalogue: Catalogue, job: Job, now: datetime) -> None:
    """Write down that the export may go at the provider: its archive is committed with this very transaction."""
    source = engine.sources.get(job.source)
    if source is not None and source.deletes and job.state is State.ARCHIVED and was_accepted(catalogue, job):
        owe_deletion(catalogue, Deletion(job.source, job.ref, job.id, job.archive, now))


def _keep_coverage(engine: Engine, catalogue: Catalogue, job: Job, result: StepResult, now: datetime) -> None:
    if not job.finished:
        return
    catalogue.write(DROP_PROGRESS, job.id)
    if job.beside:
        _compare(catalogue, job, result, now)
        judge_beside(catalogue, job, result.archive, now)
        return
    if job.state is State.CANCELLED:
        drop_open(catalogue, job.stream, job.spec.window)
    elif job.state is State.FAILED:
        _miss(engine, catalogue, job, now)
    elif result.archive is not None:
        _cover(engine, catalogue, job, result.archive)


def _compare(catalogue: Catalogue, job: Job, result: StepResult, now: datetime) -> None:
    """Note where a second export of a window tells something else than the first; counts only, nothing is opened."""
    held = interval_at(catalogue, job.stream, job.spec.window)
    first = get_archive(catalogue, held.archive) if held is not None and held.archive else None
    if first is None or result.archive is None:
        return
    told, found = first.inspection, result.archive.inspection
    if (told.records, told.in_window, told.latest) == (found.records, found.in_window, found.latest):
        return
    facts: dict[str, Fact] = {"older": first.id, "records": [told.records, found.records]}
    add_entry(catalogue, Entry("archive.differs", now, job.id, result.archive.id, job.stream, facts))


def _cover(engine: Engine, catalogue: Catalogue, job: Job, archive: Archive) -> None:
    """Enter what an archive proves. A part that the provider had destroyed before it was asked is lost."""
    cover = Cover.EMPTY if archive.empty else Cover.PROVEN
    source = engine.sources.get(job.source)  # None: taken out of the configuration while the job was under way
    copied = source is not None and is_snapshot(source.provider, job.spec.datasets, job.spec.filters)
    keeps = None if copied else keeps_of(engine, job.source)
    if copied:
        note_copy(catalogue, job, archive, engine.clock())
    drop_open(catalogue, job.stream, job.spec.window)
    asked_at = job.asked_at or job.created_at
    settled, unsettled = split_settled(job.spec.window, settled_of(engine, catalogue, job))
    if copied and unsettled is not None:  # a copy is one of after the window's end, or none of it
        settled, unsettled = None, job.spec.window
    if unsettled is not None:
        note_part(catalogue, "coverage.unsettled", job, unsettled, engine.clock())
    if settled is None:
        return
    proven = Interval(job.stream, settled, cover, archive.id, job.id)
    for interval in settle(proven, asked_at, keeps, archive.inspection.earliest):
        claim(catalogue, interval, asked_at)
        if interval.cover is Cover.EMPTY:
            doubt_empty(engine, catalogue, interval, job, snapshot=copied)
        if interval.cover is Cover.LOST:
            note_part(catalogue, "coverage.lost", job, interval.window, engine.clock(), interval.cause)


def note_part(catalogue: Catalogue, kind: str, job: Job, window: Window, at: datetime, cause: str = "") -> None:
    """Write down what is said of a part of a job's window, before the line that ends the job; in a transaction."""
    facts: dict[str, Fact] = {"window": [format_instant(window.start), format_instant(window.end)]}
    facts.update({"cause": cause} if cause else {})
    add_entry(catalogue, Entry(kind, at, job.id, stream=job.stream, facts=facts))


def settled_of(engine: Engine, catalogue: Catalogue, job: Job) -> datetime:
    """Return up to where a job's export proves anything, by our clock and by what the provider says of it."""
    asked_at = job.asked_at or job.created_at
    if job.tries(Cause.RENEWAL):  # an export that was made again may be no newer than the first
        asked_at = min(asked_at, job.created_at)
    bodies = [entry.body["facts"] for entry in entries_of_job(catalogue, job.id)]
    made = [parse_instant(str(facts["made"])) for facts in bodies if isinstance(facts, dict) and facts.get("made")]
    moments = [told for told in made if is_moment(told, asked_at)]
    return settled_until(asked_at, _delay(engine, job), min(moments, default=None))


def _delay(engine: Engine, job: Job) -> timedelta:
    delay = engine.settles.get(job.stream, SETTLE)
    # A plan asked for it when it had settled by the delay of then: a longer one since does not undo that.
    return delay_then(job.spec.window, delay, job.created_at) if job.purpose == "coverage" else delay


def _miss(engine: Engine, catalogue: Catalogue, job: Job, now: datetime) -> None:
    """Enter a window as missing. One that had not settled is not missing but due, when it has."""
    window, asked_at = job.spec.window, job.asked_at or job.created_at
    if split_settled(window, settled_until(asked_at, _delay(engine, job)))[1] is not None:
        drop_open(catalogue, job.stream, window)
        note_part(catalogue, "coverage.unsettled", job, window, now)
        return
    claim(catalogue, Interval(job.stream, window, Cover.MISSING, job=job.id, cause=job.cause.value), asked_at)


def _log(engine: Engine, catalogue: Catalogue, before: Job, after: Job, result: StepResult, now: datetime) -> None:
    repeated = result.event is Event.DELAYED and before.cause is after.cause
    if result.event in QUIET or repeated:
        return
    told, archive = result.facts, result.archive
    facts: dict[str, Fact] = {
        "from": before.state.value,
        "to": after.state.value,
        "cause": told.cause.value,
        "ref": told.ref,
        "request": told.request_id,
        "size": told.size,
        "next": format_instant(told.next_at) if told.next_at else "",
        "made": format_instant(told.made_at) if told.made_at else "",
        "successor": result.successor.id if result.successor else "",
        **result.told,
        **(_archive_facts(engine, archive) if archive else {}),
    }
    entry = Entry(
        kind=f"job.{result.event}",
        at=now,
        job=after.id,
        archive=archive.id if archive else told.archive,
        stream=after.stream,
        facts={name: fact for name, fact in facts.items() if fact not in ("", None)},
        words=after.detail,
    )
    add_entry(catalogue, entry)


def _archive_facts(engine: Engine, archive: Archive) -> dict[str, Fact]:
    """Return what ties the archive's files to the log: whoever swaps one of them contradicts a line."""
    faults: list[Fact] = [
        *sorted({finding.code for finding in archive.inspection.findings if finding.severity == "fault"})
    ]
    return {
        "holding": archive.holding.value,
        "manifest_sha256": hashlib.sha256(write_manifest(archive)).hexdigest(),
        "key_sha256": engine.vault.key_sha256(archive),
        "sealed_sha256": archive.seal.sealed_sha256,
        "records": archive.inspection.records,
        "faults": faults,
    }
