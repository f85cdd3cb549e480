"""Doubting an unusually empty window, and what its second look, or any other export beside it, came to.

Streams without a time window: which they are, and what is written down of one copy beside the one before it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.source_upkeep import kept_for
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import RequestRefused
from strongroom.model.horizon import BEYOND, delay_then, is_moment, settle, settled_until, split_settled
from strongroom.model.job import SECOND_LOOK, Cause, Job, State
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


def doubt_empty(engine: Engine, catalogue: Catalogue, interval: Interval, job: Job, *, snapshot: bool) -> None:
    """Write down, where an empty window is unusual for its stream, when it gets its second look; in a transaction.

    A copy of all there is cannot be made again for its own time: that it is unusual is written down alone.
    """
    source, now = engine.sources.get(job.source), engine.clock()
    if source is None or source.second_look is None:
        return
    earlier = earlier_intervals(catalogue, interval.stream, interval.window.start)
    doubt = doubt_of(interval.window, engine.zones.get(interval.stream, "UTC"), earlier)
    if doubt is not None:
        due = due_at(interval.window, now, source.second_look, kept_for(engine, job.source))
        note_doubt(catalogue, interval, doubt, None if snapshot else due, now)


def judge_beside(catalogue: Catalogue, job: Job, archive: Archive | None, now: datetime) -> None:
    """Let an export beside an empty window confirm or refute that it is empty; inside a transaction.

    One that has records covers the window from here on, whatever it was made for.
    """
    held = interval_at(catalogue, job.stream, job.spec.window)
    if held is None or held.cover is not Cover.EMPTY:
        return
    if archive is None:
        if job.purpose == SECOND_LOOK and job.state in (State.FAILED, State.CANCELLED):
            note_outcome(catalogue, held, SecondLookOutcome.UNCONFIRMED, now, job=job.id, cause=job.cause.value)
    elif archive.inspection.records:
        note_outcome(catalogue, held, SecondLookOutcome.REFUTED, now, job=job.id, newer=archive.id)
        put_interval(catalogue, Interval(job.stream, held.window, Cover.PROVEN, archive.id, job.id))
    elif job.purpose == SECOND_LOOK or _is_late_enough(catalogue, held, job):
        note_outcome(catalogue, held, SecondLookOutcome.CONFIRMED, now, job=job.id, newer=archive.id)


def _is_late_enough(catalogue: Catalogue, held: Interval, job: Job) -> bool:
    """Say whether an export that a person asked for, or a second pass, does for the second look that is pending."""
    look = pending_look(catalogue, held.archive)
    return look is not None and look.due is not None and (job.asked_at or job.created_at) >= look.due


def due_looks(engine: Engine, stream: str, keeps: timedelta | None) -> list[SecondLook]:
    """Return the second looks of a stream to make now; one that the provider cannot serve any more ends here.

    Inside a transaction.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    found = looks_to_make(catalogue, stream, now)
    late = [look for look in found if keeps is not None and look.window.start < now - keeps]
    for look in late:
        held = Interval(look.stream, look.window, Cover.EMPTY, look.archive)
        note_outcome(catalogue, held, SecondLookOutcome.UNCONFIRMED, now, cause=BEYOND)
    return [look for look in found if look not in late]


MIXED = "it mixes datasets that have a time window with ones that have none"
_ANY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1))


def is_snapshot(provider: Provider, datasets: tuple[str, ...], filters: tuple[tuple[str, str], ...] = ()) -> bool:
    """Say whether an export of this is a copy of all there is at that moment, whatever window it is asked for.

    That is so for a dataset that is declared so, and for one whose filters take the place of a range of time.
    """
    if set(datasets) <= provider.capabilities.snapshots:
        return True
    try:
        ask = provider.ask(ExportSpec(datasets, _ANY, filters))
    except RequestRefused:  # a job of it will be refused, with the reason
        return False
    return ask.lower is None and ask.upper is None


def is_mixed(provider: Provider, stream: Stream) -> bool:
    """Say whether a stream has datasets of both kinds, which no one plan can cover."""
    among = provider.capabilities.snapshots & set(stream.datasets)
    return bool(among) and among != set(stream.datasets)


def marked(engine: Engine, plan: Plan) -> Plan:
    """Return the plan as its source makes it: marked as a snapshot where it is one, and still where it is mixed."""
    source = engine.sources.get(plan.stream.source)
    if source is None:
        return plan
    if is_mixed(source.provider, plan.stream):
        return replace(plan, paused=True)
    return replace(plan, snapshot=is_snapshot(source.provider, plan.stream.datasets, plan.stream.filters))


def note_copy(catalogue: Catalogue, job: Job, archive: Archive, now: datetime) -> None:
    """Write down what a copy holds more or less than the one before it; counts only. Inside a transaction."""
    before = copy_before(catalogue, job.stream, job.spec.window.start)
    older = get_archive(catalogue, before) if before else None
    if older is None:
        return
    counts: list[Fact] = [older.inspection.records, archive.inspection.records]
    facts: dict[str, Fact] = {"older": older.id, "records": counts}
    add_entry(catalogue, Entry("snapshot.taken", now, job.id, archive.id, job.stream, facts))


DROP_PROGRESS = "DELETE FROM progress WHERE job = ?"


def keep_coverage(engine: Engine, catalogue: Catalogue, job: Job, result: StepResult, now: datetime) -> None:
    """Write down what a finished job means for its window; inside a transaction."""
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
    keeps = None if copied else kept_for(engine, job.source)
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
