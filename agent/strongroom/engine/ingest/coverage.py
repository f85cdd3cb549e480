"""What a finished job means for the coverage of its window; snapshots and second looks included.

A stream without time windows is covered by snapshots: each is a copy of everything at its moment. An empty window that
is unusual for its stream gets a second look, a later export that confirms or refutes it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine
from strongroom.engine.ingest.source_upkeep import kept_for
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import RequestRefused
from strongroom.model.horizon import BEYOND, delay_then, is_moment, settle, settled_until, split_settled
from strongroom.model.job import Cause, Job, Purpose, State
from strongroom.model.plan import SETTLE, ExportSpec, Plan, Stream
from strongroom.model.second_look import SecondLook, SecondLookOutcome, doubt_of, due_at
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window
from strongroom.providers.port import Provider
from strongroom.vault.archives import copy_before, get_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import claim, drop_open, interval_at, put_interval
from strongroom.vault.log import add_entry, entries_of_job
from strongroom.vault.second_looks import earlier_intervals, looks_to_make, note_doubt, note_outcome, pending_look

MIXED = "it mixes datasets that have a time window with ones that have none"
DROP_PROGRESS = "DELETE FROM progress WHERE job = ?"
_ANY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1))


def is_snapshot(provider: Provider, datasets: tuple[str, ...], filters: tuple[tuple[str, str], ...] = ()) -> bool:
    """Return whether such an export is a copy of everything at that moment, whatever its window.

    That is so for a dataset that is declared so, and for one whose filters take the place of a time range.
    """
    if set(datasets) <= provider.capabilities.snapshots:
        return True
    try:
        ask = provider.ask(ExportSpec(datasets, _ANY, filters))
    except RequestRefused:  # a job for it will be refused, with the reason
        return False
    return ask.lower is None and ask.upper is None


def is_mixed(provider: Provider, stream: Stream) -> bool:
    """Return whether a stream has datasets of both kinds, which no one plan can cover."""
    among = provider.capabilities.snapshots & set(stream.datasets)
    return bool(among) and among != set(stream.datasets)


def mark_snapshot(engine: Engine, plan: Plan) -> Plan:
    """Return the plan marked as a snapshot where its source makes it one, and paused where it is mixed."""
    source = engine.sources.get(plan.stream.source)
    if source is None:
        return plan
    if is_mixed(source.provider, plan.stream):
        return replace(plan, paused=True)
    return replace(plan, snapshot=is_snapshot(source.provider, plan.stream.datasets, plan.stream.filters))


def keep_coverage(engine: Engine, job: Job, archive: Archive | None, now: datetime) -> None:
    """Record what a finished job means for its window; inside a transaction."""
    if not job.finished:
        return
    catalogue = engine.vault.catalogue
    catalogue.write(DROP_PROGRESS, job.id)
    if job.beside:
        if archive is not None:
            _compare(catalogue, job, archive, now)
        _judge_beside(catalogue, job, archive, now)
    elif job.state is State.CANCELLED:
        drop_open(catalogue, job.stream, job.spec.window)
    elif job.state is State.FAILED:
        _miss(engine, job, now)
    elif archive is not None:
        _cover(engine, job, archive)


def _compare(catalogue: Catalogue, job: Job, archive: Archive, now: datetime) -> None:
    """Log where a second export of a window has other counts than the first; nothing is opened."""
    held = interval_at(catalogue, job.stream, job.spec.window)
    first = get_archive(catalogue, held.archive) if held is not None and held.archive else None
    if first is None:
        return
    old, new = first.inspection, archive.inspection
    if (old.records, old.in_window, old.latest) != (new.records, new.in_window, new.latest):
        facts: dict[str, Fact] = {"older": first.id, "records": [old.records, new.records]}
        add_entry(catalogue, Entry(EntryKind.ARCHIVE_DIFFERS, now, job.id, archive.id, job.stream, facts))


def _cover(engine: Engine, job: Job, archive: Archive) -> None:
    """Record what an archive proves. A part that the provider had deleted before the request is lost."""
    catalogue, now = engine.vault.catalogue, engine.clock()
    source = engine.sources.get(job.source)  # None: removed from the configuration while the job was in progress
    snapshot = source is not None and is_snapshot(source.provider, job.spec.datasets, job.spec.filters)
    if snapshot:
        _log_copy(catalogue, job, archive, now)
    drop_open(catalogue, job.stream, job.spec.window)
    settled, unsettled = split_settled(job.spec.window, _settled_until(engine, job))
    if snapshot and unsettled is not None:  # a copy is one from after the window's end, or it proves nothing of it
        settled, unsettled = None, job.spec.window
    if unsettled is not None:
        log_part(catalogue, EntryKind.COVERAGE_UNSETTLED, job, unsettled, now)
    if settled is None:
        return
    keeps = None if snapshot else kept_for(engine, job.source)
    cover = Cover.EMPTY if archive.empty else Cover.PROVEN
    requested_at = job.asked_at or job.created_at
    proven = Interval(job.stream, settled, cover, archive.id, job.id)
    for interval in settle(proven, requested_at, keeps, archive.inspection.earliest):
        claim(catalogue, interval, requested_at)
        if interval.cover is Cover.EMPTY:
            _doubt_empty(engine, interval, job, snapshot=snapshot)
        if interval.cover is Cover.LOST:
            log_part(catalogue, EntryKind.COVERAGE_LOST, job, interval.window, now, interval.cause)


def _log_copy(catalogue: Catalogue, job: Job, archive: Archive, now: datetime) -> None:
    """Log how many records a snapshot and the one before it have; nothing is opened."""
    before = copy_before(catalogue, job.stream, job.spec.window.start)
    older = get_archive(catalogue, before) if before else None
    if older is not None:
        facts: dict[str, Fact] = {
            "older": older.id,
            "records": [older.inspection.records, archive.inspection.records],
        }
        add_entry(catalogue, Entry(EntryKind.SNAPSHOT_TAKEN, now, job.id, archive.id, job.stream, facts))


def log_part(catalogue: Catalogue, kind: EntryKind, job: Job, window: Window, at: datetime, cause: str = "") -> None:
    """Log something about a part of a job's window, before the entry that ends the job; inside a transaction."""
    facts: dict[str, Fact] = {"window": [format_instant(window.start), format_instant(window.end)]}
    facts |= {"cause": cause} if cause else {}
    add_entry(catalogue, Entry(kind, at, job.id, stream=job.stream, facts=facts))


def _settled_until(engine: Engine, job: Job) -> datetime:
    """Return the instant before which a job's export proves anything, by our clock and by the provider's answers."""
    requested_at = job.asked_at or job.created_at
    if job.tries(Cause.RENEWAL):  # a recreated export may be no newer than the first
        requested_at = min(requested_at, job.created_at)
    bodies = [entry.body["facts"] for entry in entries_of_job(engine.vault.catalogue, job.id)]
    made = [parse_instant(str(facts["made"])) for facts in bodies if isinstance(facts, dict) and facts.get("made")]
    moments = [each for each in made if is_moment(each, requested_at)]
    return settled_until(requested_at, _delay(engine, job), min(moments, default=None))


def _delay(engine: Engine, job: Job) -> timedelta:
    delay = engine.settles.get(job.stream, SETTLE)
    # A plan requested it after the delay that applied then: a longer one since does not undo that.
    return delay_then(job.spec.window, delay, job.created_at) if job.purpose == Purpose.COVERAGE else delay


def _miss(engine: Engine, job: Job, now: datetime) -> None:
    """Record a window as failed. One that had not settled is pending again, once it has."""
    catalogue, window, requested_at = engine.vault.catalogue, job.spec.window, job.asked_at or job.created_at
    if split_settled(window, settled_until(requested_at, _delay(engine, job)))[1] is not None:
        drop_open(catalogue, job.stream, window)
        log_part(catalogue, EntryKind.COVERAGE_UNSETTLED, job, window, now)
        return
    claim(catalogue, Interval(job.stream, window, Cover.MISSING, job=job.id, cause=job.cause.value), requested_at)


def _doubt_empty(engine: Engine, interval: Interval, job: Job, *, snapshot: bool) -> None:
    """Record when an empty window gets its second look, where it is unusual for its stream.

    A snapshot cannot be repeated for its own time: it is only recorded as unusual.
    """
    source, now = engine.sources.get(job.source), engine.clock()
    if source is None or source.second_look is None:
        return
    catalogue = engine.vault.catalogue
    earlier = earlier_intervals(catalogue, interval.stream, interval.window.start)
    doubt = doubt_of(interval.window, engine.zones.get(interval.stream, "UTC"), earlier)
    if doubt is not None:
        due = due_at(interval.window, now, source.second_look, kept_for(engine, job.source))
        note_doubt(catalogue, interval, doubt, None if snapshot else due, now)


def _judge_beside(catalogue: Catalogue, job: Job, archive: Archive | None, now: datetime) -> None:
    """Let a re-export of an empty window confirm or refute that it is empty.

    One that has records covers the window from now on, whatever its purpose.
    """
    held = interval_at(catalogue, job.stream, job.spec.window)
    if held is None or held.cover is not Cover.EMPTY:
        return
    if archive is None:
        if job.purpose == Purpose.SECOND_LOOK and job.state in (State.FAILED, State.CANCELLED):
            note_outcome(catalogue, held, SecondLookOutcome.UNCONFIRMED, now, job=job.id, cause=job.cause.value)
    elif archive.inspection.records:
        note_outcome(catalogue, held, SecondLookOutcome.REFUTED, now, job=job.id, newer=archive.id)
        put_interval(catalogue, Interval(job.stream, held.window, Cover.PROVEN, archive.id, job.id))
    elif job.purpose == Purpose.SECOND_LOOK or _is_late_enough(catalogue, held, job):
        note_outcome(catalogue, held, SecondLookOutcome.CONFIRMED, now, job=job.id, newer=archive.id)


def _is_late_enough(catalogue: Catalogue, held: Interval, job: Job) -> bool:
    """Return whether a re-export by a person, or a second pass, can serve as the pending second look."""
    look = pending_look(catalogue, held.archive)
    return look is not None and look.due is not None and (job.asked_at or job.created_at) >= look.due


def due_looks(engine: Engine, stream: str, keeps: timedelta | None) -> list[SecondLook]:
    """Return a stream's second looks that are due; those that the provider can no longer serve end here.

    Inside a transaction.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    found = looks_to_make(catalogue, stream, now)
    late = [look for look in found if keeps is not None and look.window.start < now - keeps]
    for look in late:
        held = Interval(look.stream, look.window, Cover.EMPTY, look.archive)
        note_outcome(catalogue, held, SecondLookOutcome.UNCONFIRMED, now, cause=BEYOND)
    return [look for look in found if look not in late]
