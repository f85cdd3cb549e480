"""From plans to jobs: what is due is worked out from plan and ledger each time, and entered as jobs in one transaction.

Only a few dozen jobs of a source are entered ahead: the rest of a backfill stays what it is, required minus held, and
is worked out again when there is room. What the provider has destroyed meanwhile is entered as lost, never passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from strongroom.engine.engine import Engine
from strongroom.engine.record import enter
from strongroom.evidence.line import Entry, Fact
from strongroom.model.coverage import Cover, Interval, due_windows, held_edge
from strongroom.model.errors import UsageError
from strongroom.model.horizon import BEYOND, lost_windows
from strongroom.model.ids import make_id
from strongroom.model.instants import format_instant
from strongroom.model.job import Job, State
from strongroom.model.plan import Plan, boundary
from strongroom.model.stream import ExportSpec, Stream
from strongroom.model.urgency import queue_key
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.ledger import interval_at, intervals_of, put_interval
from strongroom.vault.log import add_entry
from strongroom.vault.streams import count_planned, get_stream, put_stream, unsettled_windows

AHEAD = 40  # jobs of one source that wait to be asked for
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)

_IN_HAND = "bring it to its end with: strongroom run --once"
_HELD = "add --again to export it once more, beside the first"


@dataclass(frozen=True, slots=True)
class Due:
    """What one plan wants done now."""

    plan: Plan  # beginning where not everything is held
    keeps: timedelta | None
    since: datetime | None  # from where on the stream must be covered
    windows: tuple[Window, ...]
    lost: tuple[Window, ...]
    edge: datetime | None  # everything from `since` to here is proven, empty or lost


def work_out(engine: Engine, plan: Plan) -> Due:
    """Work out what a plan wants now, from the ledger; changes nothing."""
    catalogue, now = engine.vault.catalogue, engine.clock()
    keeps = engine.sources[plan.stream.source].provider.limits.retention
    state = get_stream(catalogue, plan.stream.name)
    since = plan.since or state.floor
    if since is None and keeps is not None:
        # The oldest whole window that the provider still has: its first hours are already being destroyed.
        since = max(now - keeps, boundary(plan.span, plan.zone, now - keeps))
    start = since
    if since is not None and state.edge is not None and state.since == since:
        start = max(since, state.edge)
    plan = replace(plan, since=start, paused=plan.paused or bool(state.paused))
    ledger = intervals_of(catalogue, plan.stream.name, Window(start, _LAST) if start else None)
    lost = tuple(lost_windows(plan, ledger, now, keeps))
    taken = ledger + [Interval(plan.stream.name, window, Cover.LOST) for window in lost]
    windows = tuple(due_windows(plan, taken, now, keeps))
    return Due(plan, keeps, since, windows, lost, held_edge(start, taken) if start else None)


def enter_due(engine: Engine, plans: Iterable[Plan], ahead: int = AHEAD) -> list[Job]:
    """Enter jobs for the most urgent windows that are due, and everything that is lost; return the new jobs."""
    by_source: dict[str, list[Plan]] = {}
    for plan in plans:
        by_source.setdefault(plan.stream.source, []).append(plan)
    jobs = [job for source, group in by_source.items() for job in _enter_source(engine, source, group, ahead)]
    engine.vault.write_log()
    return jobs


def _enter_source(engine: Engine, source: str, plans: list[Plan], ahead: int) -> list[Job]:
    catalogue, now = engine.vault.catalogue, engine.clock()
    keeps = engine.sources[source].provider.limits.retention
    wanted: list[Job] = []
    with catalogue.transaction():
        for plan in plans:
            due = work_out(engine, plan)
            _remember(catalogue, plan, due)
            for window in due.lost:
                _enter_lost(engine, catalogue, plan.stream.name, window)
            wanted += [_job(engine, plan.stream, window, plan.retention, plan.priority) for window in due.windows]
            wanted += _second_pass(engine, due.plan, keeps, ahead)
        wanted.sort(key=lambda job: queue_key(job, now, keeps, engine.rules))
        chosen = wanted[: max(0, ahead - count_planned(catalogue, source))]
        for job in chosen:
            enter(catalogue, job)
    return chosen


def _second_pass(engine: Engine, plan: Plan, keeps: timedelta | None, most: int) -> list[Job]:
    """Return jobs for windows that are due a second time, to catch what changed after the first export."""
    if plan.settled_pass is None or plan.paused:
        return []
    now = engine.clock()
    horizon = now - keeps if keeps is not None else _FIRST
    windows = unsettled_windows(engine.vault.catalogue, plan.stream.name, plan.settled_pass, now, horizon, most)
    return [_job(engine, plan.stream, window, plan.retention, plan.priority, "settled") for window in windows]


def _remember(catalogue: Catalogue, plan: Plan, due: Due) -> None:
    """Remember where an open plan began, so that what ages out is seen as lost, and how far everything is held."""
    state = get_stream(catalogue, plan.stream.name)
    floor = state.floor or (due.since if plan.since is None else None)
    known = replace(state, floor=floor, since=due.since, edge=due.edge)
    if known != state:
        put_stream(catalogue, known)


def _enter_lost(engine: Engine, catalogue: Catalogue, stream: str, window: Window) -> None:
    put_interval(catalogue, Interval(stream, window, Cover.LOST, cause=BEYOND))
    facts: dict[str, Fact] = {"window": [format_instant(window.start), format_instant(window.end)], "cause": BEYOND}
    add_entry(catalogue, Entry("coverage.lost", engine.clock(), stream=stream, facts=facts))


def enter_window(engine: Engine, stream: Stream, window: Window, retention: str, *, again: bool = False) -> Job:
    """Enter a job for one window that a person asks for.

    Raises UsageError when exactly this window is held or under way, unless `again`: then the new export becomes an
    archive beside the older one and the ledger is left alone.
    """
    catalogue = engine.vault.catalogue
    with catalogue.transaction():
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


def _job(
    engine: Engine, stream: Stream, window: Window, retention: str, priority: int, purpose: str = "coverage"
) -> Job:
    now = engine.clock()
    return Job(
        id=make_id(now, engine.chance),
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
