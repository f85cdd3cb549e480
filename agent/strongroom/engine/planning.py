"""From plans to jobs: what is due is worked out from plan and ledger, and entered as jobs, each in one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.engine.engine import Engine
from strongroom.engine.record import enter
from strongroom.model.coverage import due_windows
from strongroom.model.errors import UsageError
from strongroom.model.ids import make_id
from strongroom.model.instants import format_instant
from strongroom.model.job import Job, State
from strongroom.model.plan import Plan
from strongroom.model.stream import ExportSpec, Stream
from strongroom.model.window import Window
from strongroom.vault.ledger import interval_at, intervals_of


def enter_due(engine: Engine, plans: Iterable[Plan]) -> list[Job]:
    """Enter a job for every window that is due now; return the new jobs."""
    return [job for plan in plans for job in _enter_plan(engine, plan)]


def _enter_plan(engine: Engine, plan: Plan) -> list[Job]:
    catalogue, now = engine.vault.catalogue, engine.clock()
    keeps = engine.sources[plan.stream.source].provider.limits.retention
    with catalogue.transaction():
        windows = due_windows(plan, intervals_of(catalogue, plan.stream.name), now, keeps)
        jobs = [_job(engine, plan.stream, window, plan.retention, plan.priority) for window in windows]
        for job in jobs:
            enter(catalogue, job)
    if jobs:
        engine.vault.write_log()
    return jobs


def enter_window(engine: Engine, stream: Stream, window: Window, retention: str, *, again: bool = False) -> Job:
    """Enter a job for one window that a person asks for.

    Raises UsageError when exactly this window is held or under way, unless `again`: then the new export becomes an
    archive beside the older one and the ledger is left alone.
    """
    catalogue = engine.vault.catalogue
    with catalogue.transaction():
        held = interval_at(catalogue, stream.name, window)
        if held is not None and not again and held.cover not in ("missing", "lost"):
            raise UsageError(
                f"{stream.name} {format_instant(window.start)} to {format_instant(window.end)} is {held.cover} already"
                f" ({'archive ' + held.archive if held.archive else 'job ' + held.job})",
                hint="add --again to export it once more, beside the first",
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
