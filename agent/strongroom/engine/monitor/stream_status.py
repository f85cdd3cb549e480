"""What is seen of each stream at one look: what is held, at risk, lost and missing, and how much its windows brought.

Everything comes from plan, ledger and clock, never from how a run went: a daemon that did nothing for a week sees the
same at its first look as one that worked.

What one run found lost: time that entered the ledger as lost, and open alerts of lost or missing windows.

A run can do all its work well and still be the one that found out. Whoever only looks at its end must learn of it.

What is wrong with what is covered, gathered for the daemon's status line and heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.alert_store import AlertRecord, newest_alerts, open_alerts
from strongroom.engine.core.engine import Engine
from strongroom.engine.ingest.planning import work_out
from strongroom.engine.ingest.source_upkeep import kept_for
from strongroom.model.alert import AlertKind, Condition, happens_once
from strongroom.model.coverage import Cover, Interval
from strongroom.model.horizon import NO_COPY, AtRisk, asked_after, at_risk
from strongroom.model.plan import Plan
from strongroom.model.second_look import SecondLookOutcome
from strongroom.model.window import Window
from strongroom.vault.archives import Sample, newest_samples
from strongroom.vault.coverage import held_intervals, held_until, intervals_covered
from strongroom.vault.second_looks import second_looks
from strongroom.vault.sources import get_source
from strongroom.vault.streams import all_streams, get_stream
from strongroom.vault.vault import Vault

Keeps = Mapping[str, timedelta | None]
"""How long each source keeps its records; None where nobody knows."""

SAMPLES = 36  # of the newest windows
LEAST_LOSS = timedelta(minutes=1)
"""A plan that begins where the provider's memory ends loses moments between being made and being carried out.

They are in the ledger; no alert is raised for them.
"""


class StreamStatus(Struct, frozen=True):
    """One stream as it is seen now."""

    stream: str
    source: str
    keeps: timedelta | None
    risk: AtRisk | None
    held_until: datetime | None  # the end of the newest archived window
    lost: tuple[Window, ...]  # adjacent windows as one; without copies that were not taken
    missing: tuple[Interval, ...]  # every try failed; waits for a person
    samples: tuple[Sample, ...]  # newest first
    late: bool = False  # windows settle only when the provider has destroyed what is in them
    late_pass: bool = False  # the same of the second pass
    uncopied: tuple[Window, ...] = ()  # of a stream without time windows: when no copy was taken; adjacent ones as one


def keeps_of(engine: Engine) -> Keeps:
    """Return how long each source keeps its records, as far as is known now."""
    return {name: kept_for(engine, name) for name, _source in engine.sources.items()}


def stream_statuses_of(vault: Vault, plans: Iterable[Plan], keeps: Keeps, now: datetime) -> list[StreamStatus]:
    """Look at every planned stream."""
    floors = {state.name: state.floor for state in all_streams(vault.catalogue)}
    return [_sight(vault, _floored(plan, floors), keeps.get(plan.stream.source), now) for plan in plans]


def _floored(plan: Plan, floors: Mapping[str, datetime | None]) -> Plan:
    return replace(plan, since=plan.since or floors.get(plan.stream.name))


def _sight(vault: Vault, plan: Plan, keeps: timedelta | None, now: datetime) -> StreamStatus:
    catalogue, name = vault.catalogue, plan.stream.name
    risk = None
    lost = intervals_covered(catalogue, name, Cover.LOST)
    if keeps is not None:
        risk = at_risk(plan, held_intervals(catalogue, name, now - keeps), now, keeps)
    return StreamStatus(
        stream=name,
        source=plan.stream.source,
        keeps=keeps,
        risk=risk,
        held_until=held_until(catalogue, name),
        lost=tuple(joined([each.window for each in lost if each.cause != NO_COPY])),
        missing=tuple(intervals_covered(catalogue, name, Cover.MISSING)),
        samples=tuple(newest_samples(catalogue, name, SAMPLES)),
        late=_is_late(plan, plan.settle, keeps),
        late_pass=_is_late(plan, plan.settled_pass, keeps),
        uncopied=tuple(joined([each.window for each in lost if each.cause == NO_COPY])),
    )


def _is_late(plan: Plan, delay: timedelta | None, keeps: timedelta | None) -> bool:
    """Return whether a window is requested only after its first records are deleted."""
    if delay is None or keeps is None or plan.snapshot:
        return False
    return asked_after(plan.span, delay) >= keeps


def joined(windows: Sequence[Window]) -> list[Window]:
    """Join windows that touch or overlap; they come in order of time."""
    joined: list[Window] = []
    for window in windows:
        if joined and window.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, window.end))
        else:
            joined.append(window)
    return joined


_ABOUT = frozenset({AlertKind.LOST, AlertKind.FAILED})
_MOST = 1000  # alerts that one run is expected to report
NONE = timedelta(0)

Lost = Mapping[str, timedelta]
"""How much of each stream is lost."""


class Losses(Struct, frozen=True):
    """What is gone, or failed for good."""

    fresh: timedelta = NONE  # entered as lost since the run began
    streams: int = 0  # that this is of
    standing: tuple[AlertRecord, ...] = ()  # open alerts of lost or missing windows, sent or not

    @property
    def any(self) -> bool:
        """Return whether there is anything to report."""
        return bool(self.fresh or self.standing)


def lost_of(vault: Vault, plans: Iterable[Plan]) -> Lost:
    """Return how much of each planned stream is lost now."""
    return {plan.stream.name: _length(vault, plan.stream.name) for plan in plans}


def losses_since(vault: Vault, plans: Iterable[Plan], before: Lost, unheard: datetime | None = None) -> Losses:
    """Return what was lost since `before`, and the open alerts about lost and missing windows.

    Without a channel an alert counts as sent at once: those sent from `unheard` on are included.
    """
    grown = [now - before.get(name, NONE) for name, now in lost_of(vault, plans).items()]
    fresh = [each for each in grown if each >= LEAST_LOSS]
    stand = {each.key: each for each in open_alerts(vault)}
    if unheard is not None:
        sent = [each for each in newest_alerts(vault, _MOST) if each.told_at is not None and each.told_at >= unheard]
        stand |= {each.key: each for each in sent if happens_once(each.key)}
    standing = [each for each in stand.values() if each.key.partition(" ")[0] in _ABOUT]
    return Losses(sum(fresh, NONE), len(fresh), tuple(standing))


def _length(vault: Vault, stream: str) -> timedelta:
    windows = joined([each.window for each in intervals_covered(vault.catalogue, stream, Cover.LOST)])
    return sum((window.length for window in windows), NONE)


def condition_of(engine: Engine, plans: Iterable[Plan]) -> Condition:
    """Return what failed, is lost, is paused or is not known of the planned streams."""
    catalogue, chosen = engine.vault.catalogue, list(plans)
    names = [plan.stream.name for plan in chosen]
    lost = [
        window
        for name in names
        for window in joined([each.window for each in intervals_covered(catalogue, name, Cover.LOST)])
    ]
    sources = [name for name in engine.sources if get_source(catalogue, name).paused]
    streams = [name for name in names if get_stream(catalogue, name).paused]
    begun = [(plan, work_out(engine, plan)) for plan in chosen if plan.since is None]
    return Condition(
        failed=sum(len(intervals_covered(catalogue, name, Cover.MISSING)) for name in names),
        lost=sum(window.length >= LEAST_LOSS for window in lost),
        doubted=sum(
            look.stream in names and look.outcome is SecondLookOutcome.PENDING for look in second_looks(catalogue)
        ),
        paused=(*sources, *streams),
        unknown=tuple(plan.stream.name for plan, due in begun if due.since is None and not due.plan.snapshot),
    )
