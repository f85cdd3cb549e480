"""What is covered, what is at risk, and what work lies ahead: answers for the command line and the screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from strongroom.engine.engine import Engine
from strongroom.engine.planning import work_out
from strongroom.model.coverage import Cover, Interval
from strongroom.model.horizon import AtRisk, at_risk
from strongroom.model.outlook import Demand, Outlook, look_ahead
from strongroom.model.plan import Plan
from strongroom.model.window import Window
from strongroom.vault.ledger import intervals_of
from strongroom.vault.streams import get_stream


@dataclass(frozen=True, slots=True)
class StreamCoverage:
    """How one stream stands."""

    stream: str
    source: str
    since: datetime | None  # from where on it must be covered; None while that is not known
    keeps: timedelta | None  # how long the provider keeps records, where that is known
    paused: str  # why nothing new is asked for, or empty
    intervals: tuple[Interval, ...]  # the ledger, in order of time
    due: tuple[Window, ...]  # wanted now and in no job yet
    risk: AtRisk | None

    @property
    def gaps(self) -> tuple[Interval, ...]:
        """Return what is missing or lost, with its cause."""
        return tuple(each for each in self.intervals if each.cover in (Cover.MISSING, Cover.LOST))


def coverage_of_plans(engine: Engine, plans: Iterable[Plan], period: Window | None = None) -> list[StreamCoverage]:
    """Return how every planned stream stands; `period` narrows the ledger and what is due to it."""
    return [_coverage(engine, plan, period) for plan in plans]


def _coverage(engine: Engine, plan: Plan, period: Window | None) -> StreamCoverage:
    catalogue, name = engine.vault.catalogue, plan.stream.name
    due = work_out(engine, plan)
    ledger = intervals_of(catalogue, name)
    whole = replace(plan, since=due.since)
    state = get_stream(catalogue, name)
    lost = [Interval(name, window, Cover.LOST, cause="older than the provider keeps") for window in due.lost]
    shown = [each for each in sorted([*ledger, *lost], key=lambda each: each.window) if _within(each.window, period)]
    return StreamCoverage(
        stream=name,
        source=plan.stream.source,
        since=due.since,
        keeps=due.keeps,
        paused="in the configuration" if plan.paused else state.paused,
        intervals=tuple(shown),
        due=tuple(window for window in due.windows if _within(window, period)),
        risk=at_risk(whole, ledger, engine.clock(), due.keeps),
    )


def outlook_of_plans(engine: Engine, plans: Iterable[Plan]) -> list[Outlook]:
    """Return the work ahead at every source: exports, pace, when it is done, and what would come too late."""
    demands: dict[str, list[Demand]] = {}
    for plan in plans:
        due = work_out(engine, plan)
        demands.setdefault(plan.stream.source, []).append(Demand(plan.stream.name, due.windows))
    now = engine.clock()
    outlooks = []
    for source, wanted in demands.items():
        limits = engine.sources[source].provider.limits
        outlooks.append(look_ahead(source, wanted, limits, now, limits.retention))
    return outlooks


def _within(window: Window, period: Window | None) -> bool:
    return period is None or window.overlaps(period)
