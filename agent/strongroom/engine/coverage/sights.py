"""What is seen of each stream at one look: what is held, at risk, lost and missing, and how much its windows brought.

Everything comes from plan, ledger and clock, never from how a run went: a daemon that did nothing for a week sees the
same at its first look as one that worked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from strongroom.engine.coverage.keeping import keeps
from strongroom.engine.engine import Engine
from strongroom.model.coverage import Cover, Interval
from strongroom.model.horizon import NO_COPY, AtRisk, asked_after, at_risk
from strongroom.model.plan import Plan
from strongroom.model.window import Window
from strongroom.vault.streams import all_streams
from strongroom.vault.vault import Vault
from strongroom.vault.watching import Sample, held_intervals, held_until, intervals_covered, newest_samples

Keeps = Mapping[str, timedelta | None]
"""How long each source keeps its records; None where nobody knows."""

SAMPLES = 36  # of the newest windows
LEAST_LOSS = timedelta(minutes=1)
"""A plan that begins where the provider's memory ends loses moments between being made and being carried out.

They stand in the ledger; nobody is called for them.
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """One stream as it is seen now."""

    stream: str
    source: str
    keeps: timedelta | None
    risk: AtRisk | None
    held_until: datetime | None  # the end of the newest held window
    lost: tuple[Window, ...]  # adjacent windows as one; without copies that were not taken
    missing: tuple[Interval, ...]  # every try failed; waits for a person
    samples: tuple[Sample, ...]  # newest first
    late: bool = False  # windows settle only when the provider has destroyed what is in them
    late_pass: bool = False  # the same of the second pass
    uncopied: tuple[Window, ...] = ()  # of a stream without time windows: when no copy was taken; adjacent ones as one


def keeps_of(engine: Engine) -> Keeps:
    """Return how long each source keeps its records, as far as is known now."""
    return {name: keeps(engine, name) for name, _source in engine.sources.items()}


def sights_of(vault: Vault, plans: Iterable[Plan], keeps: Keeps, now: datetime) -> list[Sight]:
    """Look at every planned stream."""
    floors = {state.name: state.floor for state in all_streams(vault.catalogue)}
    return [_sight(vault, _floored(plan, floors), keeps.get(plan.stream.source), now) for plan in plans]


def _floored(plan: Plan, floors: Mapping[str, datetime | None]) -> Plan:
    return replace(plan, since=plan.since or floors.get(plan.stream.name))


def _sight(vault: Vault, plan: Plan, keeps: timedelta | None, now: datetime) -> Sight:
    catalogue, name = vault.catalogue, plan.stream.name
    risk = None
    lost = intervals_covered(catalogue, name, Cover.LOST)
    if keeps is not None:
        risk = at_risk(plan, held_intervals(catalogue, name, now - keeps), now, keeps)
    return Sight(
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
    """Say whether a window is asked for only when its first records are destroyed."""
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
