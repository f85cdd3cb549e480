"""What is covered, what is at risk, and what work lies ahead: answers for the command line and the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.engine import Engine
from strongroom.engine.ingest.coverage import MIXED, is_mixed
from strongroom.engine.ingest.planning import without_lost, work_out
from strongroom.engine.ingest.source_upkeep import kept_for
from strongroom.model.backlog_forecast import BacklogForecast, Demand, look_ahead
from strongroom.model.coverage import Blindness, Cover, Interval, blindness, joined, unheld
from strongroom.model.horizon import AtRisk, at_risk
from strongroom.model.plan import Plan, Stream
from strongroom.model.second_look import SecondLook
from strongroom.model.window import Window
from strongroom.vault.coverage import intervals_of
from strongroom.vault.second_looks import second_looks
from strongroom.vault.streams import get_stream


class StreamCoverage(Struct, frozen=True):
    """The coverage of one stream."""

    stream: str
    source: str
    since: datetime | None  # from where on it must be covered; None while that is not known
    keeps: timedelta | None  # how long the provider keeps records, where that is known
    paused: str  # why nothing new is requested, or empty
    intervals: tuple[Interval, ...]  # the ledger, in order of time
    unheld: tuple[Interval, ...]  # what of it is lost, missing or not archived yet, each instant once
    due: tuple[Window, ...]  # wanted now and in no job yet
    risk: AtRisk | None
    snapshot: bool = False  # no time windows: each archive is a copy of everything at the time of the request
    looks: tuple[SecondLook, ...] = ()  # empty windows that were doubted, in the order of their doubts
    blind: tuple[Blindness, ...] = ()  # what its archives leave out, and whether others have it
    paged: bool = False  # collected by paging, as its source is configured now

    @property
    def known(self) -> bool:
        """Say whether it is known how long the provider keeps records: otherwise nobody can say what is at risk."""
        return self.snapshot or self.keeps is not None

    @property
    def gaps(self) -> tuple[Interval, ...]:
        """Return what is missing or lost and not held, with its cause; neighbours of one cause are one."""
        return tuple(joined(each for each in self.unheld if each.cover is not Cover.OPEN))


def coverage_of_plans(
    engine: Engine, plans: Iterable[Plan], period: Window | None = None, *, beside: Iterable[Plan] = ()
) -> list[StreamCoverage]:
    """Return the coverage of every planned stream; `period` limits the ledger and what is pending.

    `beside` are plans whose archives may close a gap of these; they are not reported themselves.
    """
    chosen = list(plans)
    streams = list({plan.stream.name: plan.stream for plan in [*chosen, *beside]}.values())
    looks = second_looks(engine.vault.catalogue)
    return [
        replace(_coverage(engine, plan, period, streams), looks=_looks(looks, plan.stream.name, period))
        for plan in chosen
    ]


def _looks(looks: Iterable[SecondLook], stream: str, period: Window | None) -> tuple[SecondLook, ...]:
    return tuple(each for each in looks if each.stream == stream and _within(each.window, period))


def _coverage(engine: Engine, plan: Plan, period: Window | None, streams: Sequence[Stream]) -> StreamCoverage:
    catalogue, name = engine.vault.catalogue, plan.stream.name
    due = work_out(engine, plan)
    ledger = without_lost(intervals_of(catalogue, name), (*due.again, *due.forgone))
    whole = replace(due.plan, since=due.since)
    shut = MIXED if is_mixed(engine.sources[plan.stream.source].provider, plan.stream) else ""
    state = get_stream(catalogue, name)
    overtaken = set(due.lost)
    ledger = [each for each in ledger if each.window not in overtaken]
    lost = [Interval(name, window, Cover.LOST, cause=due.cause) for window in due.lost]
    parts = sorted([*ledger, *lost], key=lambda each: each.window)
    return StreamCoverage(
        stream=name,
        source=plan.stream.source,
        since=due.since,
        keeps=due.keeps,
        paused="in the configuration" if plan.paused else shut or state.paused,
        intervals=tuple(each for each in parts if _within(each.window, period)),
        unheld=tuple(unheld(parts, period)),
        due=tuple(window for window in due.windows if _within(window, period)),
        risk=at_risk(whole, ledger, engine.clock(), due.keeps),
        snapshot=due.plan.snapshot,
        blind=_blind(engine, plan.stream, streams, period),
        paged=engine.sources[plan.stream.source].provider.capabilities.paged,
    )


def _blind(engine: Engine, stream: Stream, streams: Sequence[Stream], period: Window | None) -> tuple[Blindness, ...]:
    spots = engine.sources[stream.source].provider.capabilities.blind_spots
    if not any(spot.dataset in stream.datasets for spot in spots):
        return ()
    own = [each for each in streams if each.source == stream.source]
    ledgers = {each.name: intervals_of(engine.vault.catalogue, each.name, period) for each in own}
    return tuple(blindness(stream, spots, own, ledgers))


def outlook_of_plans(engine: Engine, plans: Iterable[Plan]) -> list[BacklogForecast]:
    """Return the work ahead at every source: exports, pace, when it is done, and what would come too late."""
    demands: dict[str, list[Demand]] = {}
    for plan in plans:
        due = work_out(engine, plan)
        demand = Demand(
            plan.stream.name, due.windows, not due.plan.snapshot, due.since is not None or due.plan.snapshot
        )
        demands.setdefault(plan.stream.source, []).append(demand)
    now = engine.clock()
    outlooks = []
    for source, wanted in demands.items():
        limits = engine.sources[source].provider.limits
        outlooks.append(look_ahead(source, wanted, limits, now, kept_for(engine, source)))
    return outlooks


def _within(window: Window, period: Window | None) -> bool:
    return period is None or window.overlaps(period)
