"""How every plan stands: what its next window is and when it is asked for, what is due now, and how long that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from strongroom.engine.coverage.planning import work_out
from strongroom.engine.coverage.prospect import outlook_of_plans
from strongroom.engine.engine import Engine
from strongroom.model.coverage import Cover
from strongroom.model.horizon import deadline
from strongroom.model.outlook import StreamOutlook
from strongroom.model.plan import Plan, boundary, following
from strongroom.model.window import Window
from strongroom.vault.streams import StreamState, all_streams
from strongroom.vault.vault import Vault
from strongroom.vault.watching import count_covered, held_until


@dataclass(frozen=True, slots=True)
class Schedule:
    """One plan, as of now."""

    plan: Plan  # beginning where it really begins, once that is known
    paused: str  # why nothing new is asked for, or empty
    next: Window  # the first window that has not ended and settled
    next_at: datetime  # when it is asked for
    held_until: datetime | None  # the end of the newest window that is held
    outlook: StreamOutlook | None  # the work ahead; None until the adapters are loaded
    running: int = 0  # windows whose exports are in progress
    failed: int = 0  # windows whose exports failed for good: a person must act

    @property
    def outstanding(self) -> int:
        """Return how many windows that are over and settled are not archived."""
        return (self.outlook.exports if self.outlook else 0) + self.running + self.failed


def schedules_of(vault: Vault, engine: Engine | None, plans: Sequence[Plan], now: datetime) -> list[Schedule]:
    """Return how every plan stands. Without an engine nothing is said of the work ahead."""
    states = {state.name: state for state in all_streams(vault.catalogue)}
    ahead = outlook_of_plans(engine, plans) if engine is not None else []
    outlooks = {stream.stream: stream for source in ahead for stream in source.streams}
    return [_schedule(vault, plan, states.get(plan.stream.name), outlooks, now) for plan in plans]


def upcoming(plan: Plan, now: datetime, count: int) -> list[tuple[Window, datetime]]:
    """Return the next windows of a plan, each with the instant at which it is asked for."""
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
