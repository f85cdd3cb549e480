"""What a change of a stream's plan would mean, before it is made: how much work, by when, and what comes too late.

The state of every plan: its next window and when that is requested, what is pending now, and how long it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from strongroom.config.schema import Config
from strongroom.engine.core.engine import Engine
from strongroom.engine.ingest.planning import work_out
from strongroom.engine.queries.coverage_report import outlook_of_plans
from strongroom.model.backlog_forecast import BacklogForecast, StreamOutlook
from strongroom.model.coverage import Cover
from strongroom.model.horizon import deadline
from strongroom.model.plan import Plan, Span, boundary, following
from strongroom.model.window import Window
from strongroom.vault.coverage import count_covered, held_until
from strongroom.vault.streams import StreamState, all_streams
from strongroom.vault.vault import Vault

_LENGTHS = list(Span)


class ChangePreview(Struct, frozen=True):
    """The work that one stream would want at once, as it is planned now and as it would be."""

    stream: str
    source: str
    before: int  # exports due now
    exports: int  # exports due after the change
    pace: float  # exports an hour, shared by all streams of the source
    first: datetime | None  # start of the oldest window
    done_by: datetime
    first_loss: datetime | None  # when the provider begins to destroy the oldest of them
    late: int  # exports that would come after the provider began to destroy their window
    late_beside: int  # exports of other streams of the source that would come late, and do not now
    lost: int  # windows that would be entered as lost at once, since the provider has them no more

    @property
    def more(self) -> bool:
        """Say whether the change brings work or loss that is not there now."""
        return self.exports > self.before or self.lost > 0 or self.late_beside > 0


def foresee(engine: Engine, now_is: Config, would_be: Config, stream: str) -> ChangePreview:
    """Work out what the plans of `would_be` want, held against those of `now_is`; changes nothing."""
    before, after = now_is.stream(stream).plan(), would_be.stream(stream).plan()
    source = after.stream.source
    old, new = _outlook(engine, now_is, source), _outlook(engine, would_be, source)
    was, will = _of(old, stream), _of(new, stream)
    return ChangePreview(
        stream=stream,
        source=source,
        before=was.exports,
        exports=will.exports,
        pace=new.pace,
        first=will.first,
        done_by=will.done_by,
        first_loss=will.first_loss,
        late=will.late,
        late_beside=max(0, _late_beside(new, stream) - _late_beside(old, stream)),
        lost=max(0, len(work_out(engine, after).lost) - len(work_out(engine, before).lost)),
    )


def wants_more(before: Plan, after: Plan) -> bool:
    """Say whether a change reaches further back or cuts finer, and so may be a backfill."""
    further = before.since is not None and (after.since is None or after.since < before.since)
    return further or _LENGTHS.index(after.span) < _LENGTHS.index(before.span)


def _outlook(engine: Engine, config: Config, source: str) -> BacklogForecast:
    plans = [each.plan() for each in config.streams if each.source == source]
    (found,) = outlook_of_plans(engine, plans)
    return found


def _of(outlook: BacklogForecast, stream: str) -> StreamOutlook:
    return next(each for each in outlook.streams if each.stream == stream)


def _late_beside(outlook: BacklogForecast, stream: str) -> int:
    return sum(each.late for each in outlook.streams if each.stream != stream)


class Schedule(Struct, frozen=True):
    """One plan, as of now."""

    plan: Plan  # beginning where it really begins, once that is known
    paused: str  # why nothing new is requested, or empty
    next: Window  # the first window that has not ended and settled
    next_at: datetime  # when it is requested
    held_until: datetime | None  # the end of the newest window that is held
    outlook: StreamOutlook | None  # the work ahead; None until the adapters are loaded
    running: int = 0  # windows whose exports are in progress
    failed: int = 0  # windows whose exports failed for good: a person must act

    @property
    def outstanding(self) -> int:
        """Return how many windows that are over and settled are not archived."""
        return (self.outlook.exports if self.outlook else 0) + self.running + self.failed


def schedules_of(vault: Vault, engine: Engine | None, plans: Sequence[Plan], now: datetime) -> list[Schedule]:
    """Return the state of every plan. Without an engine the backlog is left out."""
    states = {state.name: state for state in all_streams(vault.catalogue)}
    ahead = outlook_of_plans(engine, plans) if engine is not None else []
    outlooks = {stream.stream: stream for source in ahead for stream in source.streams}
    return [_schedule(vault, plan, states.get(plan.stream.name), outlooks, now) for plan in plans]


def upcoming(plan: Plan, now: datetime, count: int) -> list[tuple[Window, datetime]]:
    """Return the next windows of a plan, each with the instant of its request."""
    start = boundary(plan.span, plan.zone, now - plan.settle)
    found = []
    for _each in range(count):
        end = following(plan.span, plan.zone, start)
        found.append((Window(start, end), end + plan.settle))
        start = end
    return found


def backlog(engine: Engine, plan: Plan, most: int) -> list[tuple[Window, datetime | None]]:
    """Return the windows that are due now, the oldest first, each with when the provider begins to destroy it."""
    due = work_out(engine, plan)
    return [(window, deadline(window, due.keeps)) for window in due.windows[:most]]


def _schedule(
    vault: Vault, plan: Plan, state: StreamState | None, outlooks: dict[str, StreamOutlook], now: datetime
) -> Schedule:
    ((window, at),) = upcoming(plan, now, 1)
    name = plan.stream.name
    return Schedule(
        plan=replace(plan, since=plan.since or (state.floor if state else None)),
        paused="in the configuration" if plan.paused else (state.paused if state else ""),
        next=window,
        next_at=at,
        held_until=held_until(vault.catalogue, name),
        outlook=outlooks.get(name),
        running=count_covered(vault.catalogue, name, Cover.OPEN),
        failed=count_covered(vault.catalogue, name, Cover.MISSING),
    )
