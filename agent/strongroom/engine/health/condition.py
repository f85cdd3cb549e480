"""What is wrong with what is covered, gathered for the daemon's status line and heartbeat."""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.engine.coverage.planning import work_out
from strongroom.engine.coverage.sights import LEAST_LOSS, joined
from strongroom.engine.engine import Engine
from strongroom.model.condition import Condition
from strongroom.model.coverage import Cover
from strongroom.model.plan import Plan
from strongroom.model.secondlook import Outcome
from strongroom.vault.secondlooks import second_looks
from strongroom.vault.sources import get_source
from strongroom.vault.streams import get_stream
from strongroom.vault.watching import intervals_covered


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
        doubted=sum(look.stream in names and look.outcome is Outcome.PENDING for look in second_looks(catalogue)),
        paused=(*sources, *streams),
        unknown=tuple(plan.stream.name for plan, due in begun if due.since is None and not due.plan.snapshot),
    )
