"""From plans to jobs: what is due is worked out from plan and ledger each time, and entered as jobs in one transaction.

Only a few dozen jobs of a source are entered ahead: the rest of a backfill stays what it is, required minus held, and
is worked out again when there is room. What the provider has destroyed meanwhile is entered as lost, never passed over.
Of a stream without time windows only the newest copy can be had: older ones that nobody took are lost as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.coverage import due_looks, is_snapshot, marked
from strongroom.engine.ingest.source_upkeep import kept_for, learn_retention
from strongroom.engine.ingest.transitions import enter, record
from strongroom.engine.retention.tombstones import destroyed_before, refuse_return
from strongroom.evidence.line import Entry, Fact
from strongroom.model.coverage import Cover, Interval, due_windows, held_edge
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
from strongroom.model.job import SECOND_LOOK, Cause, Event, Job, State
from strongroom.model.job_table import Facts, IllegalMove
from strongroom.model.names import make_id
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

AHEAD = 40  # jobs of one source that wait to be asked for
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)

_IN_HAND = "bring it to its end with: strongroom run --once"
_HELD = "add --again to export it once more, beside the first"


class Due(Struct, frozen=True):
    """What one plan wants done now."""

    plan: Plan  # beginning where not everything is held
    keeps: timedelta | None
    since: datetime | None  # from where on the stream must be covered
    windows: tuple[Window, ...]
    lost: tuple[Window, ...]
    edge: datetime | None  # everything from `since` to here is proven, empty or lost
    cause: str = BEYOND  # why what is lost is lost
    again: tuple[Window, ...] = ()  # entered as lost, and not lost by what is known now: wanted again
    forgone: tuple[Window, ...] = ()  # entered as lost, though no plan ever promised it
    gone: tuple[Interval, ...] = ()  # archived and destroyed under another name: not exported again


def work_out(engine: Engine, plan: Plan) -> Due:
    """Work out what a plan wants now, from the ledger; changes nothing."""
    catalogue, now = engine.vault.catalogue, engine.clock()
    keeps = kept_for(engine, plan.stream.source)
    plan = marked(engine, plan)
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
    """Return where a plan without a date begins: with the oldest window that can still be had whole.

    It is remembered as the floor, so that what ages out later is seen as lost. It moves back only where the provider
    turns out to keep more. A floor between two boundaries is of an older version, which promised a part of a window.
    """
    if plan.snapshot:
        first = newest_ended(plan, now) if floor is None else None  # of what was before, nobody has a copy
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
    """Return losses before the first whole window of a plan that once began in the middle of one."""
    if plan.snapshot or floor is None or since is None or floor >= since:
        return ()
    beyond = lost_after(catalogue, plan.stream.name, floor)
    return tuple(each.window for each in beyond if each.cause == BEYOND and each.window.end <= since)


def without_lost(ledger: Iterable[Interval], again: Sequence[Window]) -> list[Interval]:
    """Return the ledger without those parts of its losses that are wanted again."""
    kept: list[Interval] = []
    for each in ledger:
        if again and each.cover is Cover.LOST and each.cause == BEYOND:
            kept += [replace(each, window=rest) for rest in subtract(each.window, list(again))]
        else:
            kept.append(each)
    return kept


def _without(taken: list[Interval], lost: tuple[Window, ...]) -> list[Interval]:
    """Leave out what failed for good and counts as lost by now."""
    return [each for each in taken if each.cover is not Cover.MISSING or each.window not in lost]


def enter_due(engine: Engine, plans: Iterable[Plan], ahead: int = AHEAD) -> list[Job]:
    """Enter jobs for the most urgent windows that are due, and everything that is lost; return the new jobs."""
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
        _let_go(engine, marked(engine, plan))
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
    """Return jobs for windows that are due a second time, to catch what changed after the first export."""
    if plan.settled_pass is None or plan.paused or plan.snapshot:
        return []
    now = engine.clock()
    horizon = now - keeps if keeps is not None else _FIRST
    windows = unsettled_windows(engine.vault.catalogue, plan.stream.name, plan.settled_pass, now, horizon, most)
    return [_job(engine, plan.stream, window, plan.retention, plan.priority, "settled") for window in windows]


def _second_looks(engine: Engine, plan: Plan, keeps: timedelta | None) -> list[Job]:
    """Return jobs for windows that came unusually empty and whose second look is due."""
    if plan.paused or plan.snapshot:
        return []
    looks = due_looks(engine, plan.stream.name, keeps)
    return [_job(engine, plan.stream, each.window, plan.retention, plan.priority, SECOND_LOOK) for each in looks]


def _remember(catalogue: Catalogue, plan: Plan, due: Due) -> None:
    """Remember where an open plan began, so that what ages out is seen as lost, and how far everything is held."""
    state = get_stream(catalogue, plan.stream.name)
    floor = due.since if plan.since is None else state.floor
    known = replace(state, floor=floor, since=due.since, edge=due.edge)
    if known != state:
        put_stream(catalogue, known)


def _let_go(engine: Engine, plan: Plan) -> None:
    """Cancel copies that were never asked for and that a newer window has overtaken: one catches up for all."""
    newest = newest_ended(plan, engine.clock())
    if not plan.snapshot or newest is None:
        return
    for interval in intervals_of(engine.vault.catalogue, plan.stream.name):
        job = get_job(engine.vault.catalogue, interval.job) if interval.cover is Cover.OPEN else None
        if job is None or job.state is not State.PLANNED or interval.window.end > newest.start:
            continue
        facts = Facts(cause=Cause.NONE, detail="a newer copy takes its place: what there was then can be had no more")
        with suppress(IllegalMove):  # a worker has just asked for it
            record(engine, job, StepResult(Event.CANCELLED, facts))


def _take_back(catalogue: Catalogue, stream: str, due: Due, now: datetime) -> None:
    """Enter what was lost by our own reckoning and is not, by what is known of the provider now."""
    for part in (*due.again, *due.forgone):
        take_back_lost(catalogue, stream, part, BEYOND)
        facts: dict[str, Fact] = {"window": [format_instant(part.start), format_instant(part.end)], "cause": BEYOND}
        if due.keeps is not None:
            facts["days"] = due.keeps // timedelta(days=1)
        add_entry(catalogue, Entry("coverage.reconsidered", now, stream=stream, facts=facts))


def _enter_lost(engine: Engine, catalogue: Catalogue, stream: str, window: Window, cause: str) -> None:
    claim(catalogue, Interval(stream, window, Cover.LOST, cause=cause), engine.clock())
    facts: dict[str, Fact] = {"window": [format_instant(window.start), format_instant(window.end)], "cause": cause}
    add_entry(catalogue, Entry("coverage.lost", engine.clock(), stream=stream, facts=facts))


def enter_window(engine: Engine, stream: Stream, window: Window, retention: str, *, again: bool = False) -> Job:
    """Enter a job for one window that a person asks for.

    Raises UsageError for a window that has not begun, and when exactly this one is held or under way, unless `again`:
    then the new export becomes an archive beside the older one and the ledger is left alone. Raises it also for a copy
    of long ago, of a stream that has no time windows.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    if window.start >= now:
        raise UsageError(
            f"{format_instant(window.start)} has not come yet: there is nothing to export",
            hint=f"it is {format_instant(now)} now; ask for a window that has ended, or let the plan export it",
        )
    if window.end + window.length <= now and not again and _is_snapshot(engine, stream):
        raise UsageError(
            f"{stream.name} has no time windows: a copy of the past is not available",
            hint="choose the newest window that has ended: it is a copy of what there is now",
        )
    with catalogue.transaction():
        refuse_return(catalogue, stream.source, stream.datasets, window)
        held = interval_at(catalogue, stream.name, window)
        if held is not None and not again and held.cover not in (Cover.MISSING, Cover.LOST):
            raise UsageError(
                f"{stream.name} {format_instant(window.start)} to {format_instant(window.end)} is {held.cover} already"
                f" ({'archive ' + held.archive if held.archive else 'job ' + held.job})",
                hint=_IN_HAND if held.cover is Cover.OPEN else _HELD,
            )
        job = _job(engine, stream, window, retention, 10, purpose="regenerate" if again else "manual")
        enter(catalogue, job)
    engine.vault.write_log()
    return job


def unsettled_part(engine: Engine, stream: Stream, window: Window) -> Window | None:
    """Return what of a window has not settled by now: an export that is asked for now proves nothing of it."""
    delay = engine.settles.get(stream.name, SETTLE)
    rest = split_settled(window, settled_until(engine.clock(), delay))[1]
    return window if rest is not None and _is_snapshot(engine, stream) else rest


def _is_snapshot(engine: Engine, stream: Stream) -> bool:
    return is_snapshot(engine.sources[stream.source].provider, stream.datasets, stream.filters)


def _job(
    engine: Engine, stream: Stream, window: Window, retention: str, priority: int, purpose: str = "coverage"
) -> Job:
    now = engine.clock()
    return Job(
        id=make_id(now, engine.random_bytes),
        stream=stream.name,
        source=stream.source,
        spec=ExportSpec(stream.datasets, window, stream.filters),
        state=State.PLANNED,
        created_at=now,
        changed_at=now,
        next_at=now,
        purpose=purpose,
        retention=retention,
        priority=priority,
    )
