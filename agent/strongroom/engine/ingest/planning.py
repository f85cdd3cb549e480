"""From plans to jobs: pending windows are computed from plan and coverage, and recorded as jobs in one transaction.

Only a few dozen jobs of a source are recorded ahead: the rest of a backfill is computed again when there is room. What
the provider has deleted meanwhile is recorded as lost, never skipped. Of a stream without time windows only the newest
copy is available: older ones that were not taken are lost as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.coverage import due_looks, is_snapshot, mark_snapshot
from strongroom.engine.ingest.source_upkeep import kept_for, learn_retention
from strongroom.engine.ingest.transitions import enter, new_job, record
from strongroom.engine.retention.verdicts import destroyed_before, refuse_return
from strongroom.evidence.line import Entry, Fact
from strongroom.model.coverage import Cover, Interval, due_windows, held_edge
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.horizon import (
    BEYOND,
    NO_COPY,
    WORTH,
    lapsed_copies,
    lost_windows,
    reconsidered,
    settled_until,
    split_settled,
)
from strongroom.model.job import Cause, Event, Job, Purpose, State
from strongroom.model.job_table import Facts, IllegalMove
from strongroom.model.plan import SETTLE, ExportSpec, Plan, Stream, boundary, following, newest_ended, oldest_whole
from strongroom.model.quota import queue_key
from strongroom.model.times import format_instant
from strongroom.model.window import Window, subtract
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import claim, interval_at, intervals_of, lost_after, take_back_lost
from strongroom.vault.jobs import get_job
from strongroom.vault.log import add_entry
from strongroom.vault.sources import lag_of
from strongroom.vault.streams import count_planned, get_stream, put_stream, unsettled_windows

AHEAD = 40  # jobs of one source that wait to be requested
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)

_IN_PROGRESS = "finish it with: strongroom run --once"
_ARCHIVED = "add --again to export it again, beside the first archive"


class Due(Struct, frozen=True):
    """What one plan requires now."""

    plan: Plan  # beginning where something is not archived
    keeps: timedelta | None
    since: datetime | None  # where the required coverage starts
    windows: tuple[Window, ...]
    lost: tuple[Window, ...]
    edge: datetime | None  # everything from `since` to here is archived, empty or lost
    cause: str = BEYOND  # why what is lost is lost
    again: tuple[Window, ...] = ()  # recorded as lost, but still available by what is known now: pending again
    forgone: tuple[Window, ...] = ()  # recorded as lost, though no plan ever required it
    gone: tuple[Interval, ...] = ()  # archived and destroyed under another name: never exported again


def work_out(engine: Engine, plan: Plan) -> Due:
    """Return what a plan requires now, from its coverage; changes nothing."""
    catalogue, now = engine.vault.catalogue, engine.clock()
    keeps = kept_for(engine, plan.stream.source)
    plan = mark_snapshot(engine, plan)
    state = get_stream(catalogue, plan.stream.name)
    since = plan.since or _beginning(plan, state.floor, now, keeps)
    start = since
    if since is not None and state.edge is not None and state.since == since:
        start = max(since, state.edge)
    again = _not_lost(catalogue, plan, now, keeps, since)
    if again and start is not None:
        start = min(start, again[0].start)
    plan = replace(plan, since=start, paused=plan.paused or bool(state.paused))
    ledger = intervals_of(catalogue, plan.stream.name, Window(start, _LAST) if start else None)
    ledger = without_lost(ledger, again)
    gone = tuple(destroyed_before(catalogue, plan.stream, start, ledger))
    ledger += gone
    forgone = _never_promised(catalogue, plan, state.floor, since)
    lost = (*lost_windows(plan, ledger, now, keeps), *(each.window for each in lapsed_copies(plan, ledger, now)))
    taken = ledger + [Interval(plan.stream.name, window, Cover.LOST) for window in lost]
    windows = tuple(due_windows(plan, taken, now - lag_of(catalogue, plan.stream.source), keeps))
    edge = held_edge(start, _without(taken, lost)) if start else None
    return Due(plan, keeps, since, windows, lost, edge, NO_COPY if plan.snapshot else BEYOND, again, forgone, gone)


def _beginning(plan: Plan, floor: datetime | None, now: datetime, keeps: timedelta | None) -> datetime | None:
    """Return where a plan without a date begins: at the oldest window that is still completely available.

    It is remembered as the floor, so that what expires later counts as lost. It moves back only where the provider
    turns out to keep records longer. A floor between two boundaries is from an older version, which required a part of
    a window.
    """
    if plan.snapshot:
        first = newest_ended(plan, now) if floor is None else None  # no copy of an earlier state exists
        return first.start if first else floor
    if floor is not None and (floor.second or floor.microsecond):
        floor = following(plan.span, plan.zone, boundary(plan.span, plan.zone, floor))
    if keeps is None:
        return floor
    oldest = oldest_whole(plan.span, plan.zone, now - keeps)
    return oldest if floor is None or floor - oldest > WORTH else floor


def _not_lost(
    catalogue: Catalogue, plan: Plan, now: datetime, keeps: timedelta | None, since: datetime | None
) -> tuple[Window, ...]:
    if plan.snapshot or keeps is None:
        return ()
    return tuple(reconsidered(lost_after(catalogue, plan.stream.name, now - keeps), now, keeps, since))


def _never_promised(
    catalogue: Catalogue, plan: Plan, floor: datetime | None, since: datetime | None
) -> tuple[Window, ...]:
    """Return losses before the first whole window of a plan that once began in the middle of a window."""
    if plan.snapshot or floor is None or since is None or floor >= since:
        return ()
    beyond = lost_after(catalogue, plan.stream.name, floor)
    return tuple(each.window for each in beyond if each.cause == BEYOND and each.window.end <= since)


def without_lost(ledger: Iterable[Interval], again: Sequence[Window]) -> list[Interval]:
    """Return the coverage without those parts of its losses that are pending again."""
    kept: list[Interval] = []
    for each in ledger:
        if again and each.cover is Cover.LOST and each.cause == BEYOND:
            kept += [replace(each, window=rest) for rest in subtract(each.window, list(again))]
        else:
            kept.append(each)
    return kept


def _without(taken: list[Interval], lost: tuple[Window, ...]) -> list[Interval]:
    """Leave out what failed and counts as lost by now."""
    return [each for each in taken if each.cover is not Cover.MISSING or each.window not in lost]


def enter_due(engine: Engine, plans: Iterable[Plan], ahead: int = AHEAD) -> list[Job]:
    """Record jobs for the most urgent pending windows, and everything that is lost; return the new jobs."""
    by_source: dict[str, list[Plan]] = {}
    for plan in plans:
        by_source.setdefault(plan.stream.source, []).append(plan)
    learn_retention(engine, by_source)
    jobs = [job for source, group in by_source.items() for job in _enter_source(engine, source, group, ahead)]
    engine.vault.write_log()
    return jobs


def _enter_source(engine: Engine, source: str, plans: list[Plan], ahead: int) -> list[Job]:
    catalogue, now = engine.vault.catalogue, engine.clock()
    keeps = kept_for(engine, source)
    wanted: list[Job] = []
    for plan in plans:
        _cancel_overtaken(engine, mark_snapshot(engine, plan))
    with catalogue.transaction():
        for plan in plans:
            due = work_out(engine, plan)
            _take_back(catalogue, plan.stream.name, due, now)
            _remember(catalogue, plan, due)
            for interval in due.gone:
                claim(catalogue, interval, now)
            for window in due.lost:
                _enter_lost(engine, catalogue, plan.stream.name, window, due.cause)
            wanted += [_job(engine, plan.stream, window, plan.retention, plan.priority) for window in due.windows]
            wanted += _second_pass(engine, due.plan, keeps, ahead)
            wanted += _second_looks(engine, due.plan, keeps)
        wanted.sort(key=lambda job: queue_key(job, now, keeps, engine.rules))
        chosen = wanted[: max(0, ahead - count_planned(catalogue, source))]
        for job in chosen:
            enter(catalogue, job)
    return chosen


def _second_pass(engine: Engine, plan: Plan, keeps: timedelta | None, most: int) -> list[Job]:
    """Return jobs for windows whose second pass is due, which finds what changed after the first export."""
    if plan.settled_pass is None or plan.paused or plan.snapshot:
        return []
    now = engine.clock()
    horizon = now - keeps if keeps is not None else _FIRST
    windows = unsettled_windows(engine.vault.catalogue, plan.stream.name, plan.settled_pass, now, horizon, most)
    return [_job(engine, plan.stream, window, plan.retention, plan.priority, Purpose.SETTLED) for window in windows]


def _second_looks(engine: Engine, plan: Plan, keeps: timedelta | None) -> list[Job]:
    """Return jobs for unusually empty windows whose second look is due."""
    if plan.paused or plan.snapshot:
        return []
    looks = due_looks(engine, plan.stream.name, keeps)
    return [
        _job(engine, plan.stream, each.window, plan.retention, plan.priority, Purpose.SECOND_LOOK) for each in looks
    ]


def _remember(catalogue: Catalogue, plan: Plan, due: Due) -> None:
    """Remember where a plan without a date began, so that what expires counts as lost, and how far all is archived."""
    state = get_stream(catalogue, plan.stream.name)
    floor = due.since if plan.since is None else state.floor
    known = replace(state, floor=floor, since=due.since, edge=due.edge)
    if known != state:
        put_stream(catalogue, known)


def _cancel_overtaken(engine: Engine, plan: Plan) -> None:
    """Cancel snapshots that were not requested yet and that a newer window has overtaken: one export serves for all."""
    newest = newest_ended(plan, engine.clock())
    if not plan.snapshot or newest is None:
        return
    for interval in intervals_of(engine.vault.catalogue, plan.stream.name):
        job = get_job(engine.vault.catalogue, interval.job) if interval.cover is Cover.OPEN else None
        if job is None or job.state is not State.PLANNED or interval.window.end > newest.start:
            continue
        facts = Facts(cause=Cause.NONE, detail="a newer copy takes its place; the earlier state is no longer available")
        with suppress(IllegalMove):  # a worker has just requested it
            record(engine, job, StepResult(Event.CANCELLED, facts))


def _take_back(catalogue: Catalogue, stream: str, due: Due, now: datetime) -> None:
    """Record what was counted as lost and is available after all, by what is known of the provider now."""
    for part in (*due.again, *due.forgone):
        take_back_lost(catalogue, stream, part, BEYOND)
        facts: dict[str, Fact] = {"window": [format_instant(part.start), format_instant(part.end)], "cause": BEYOND}
        if due.keeps is not None:
            facts["days"] = due.keeps // timedelta(days=1)
        add_entry(catalogue, Entry(EntryKind.COVERAGE_RECONSIDERED, now, stream=stream, facts=facts))


def _enter_lost(engine: Engine, catalogue: Catalogue, stream: str, window: Window, cause: str) -> None:
    claim(catalogue, Interval(stream, window, Cover.LOST, cause=cause), engine.clock())
    facts: dict[str, Fact] = {"window": [format_instant(window.start), format_instant(window.end)], "cause": cause}
    add_entry(catalogue, Entry(EntryKind.COVERAGE_LOST, engine.clock(), stream=stream, facts=facts))


def enter_window(engine: Engine, stream: Stream, window: Window, retention: str, *, again: bool = False) -> Job:
    """Record a job for one window that a person requests.

    Raises UsageError for a window that has not begun, and for one that is archived or in progress, unless `again`: then
    the new export becomes an archive beside the older one and the coverage stays as it is. Raises it also for an old
    window of a stream without time windows.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    if window.start >= now:
        raise UsageError(
            f"the window starts at {format_instant(window.start)}, which is in the future: there is nothing to export",
            hint=f"it is {format_instant(now)} now; choose a window that has ended, or let the plan export it",
        )
    if window.end + window.length <= now and not again and _is_snapshot(engine, stream):
        raise UsageError(
            f"stream {stream.name} has no time windows: a copy of the past is not available",
            hint="choose the newest window that has ended: its export is a copy of the present state",
        )
    with catalogue.transaction():
        refuse_return(catalogue, stream.source, stream.datasets, window)
        held = interval_at(catalogue, stream.name, window)
        if held is not None and not again and held.cover not in (Cover.MISSING, Cover.LOST):
            raise UsageError(
                f"stream {stream.name}, {format_instant(window.start)} to {format_instant(window.end)}:"
                f" already {held.cover.words}"
                f" ({'archive ' + held.archive if held.archive else 'job ' + held.job})",
                hint=_IN_PROGRESS if held.cover is Cover.OPEN else _ARCHIVED,
            )
        job = _job(engine, stream, window, retention, 10, purpose=Purpose.REGENERATE if again else Purpose.MANUAL)
        enter(catalogue, job)
    engine.vault.write_log()
    return job


def unsettled_part(engine: Engine, stream: Stream, window: Window) -> Window | None:
    """Return the part of a window that has not settled: an export that is requested now proves nothing about it."""
    delay = engine.settles.get(stream.name, SETTLE)
    rest = split_settled(window, settled_until(engine.clock(), delay))[1]
    return window if rest is not None and _is_snapshot(engine, stream) else rest


def _is_snapshot(engine: Engine, stream: Stream) -> bool:
    return is_snapshot(engine.sources[stream.source].provider, stream.datasets, stream.filters)


def _job(
    engine: Engine, stream: Stream, window: Window, retention: str, priority: int, purpose: str = Purpose.COVERAGE
) -> Job:
    spec = ExportSpec(stream.datasets, window, stream.filters)
    return new_job(engine, stream.name, stream.source, spec, purpose, retention=retention, priority=priority)
