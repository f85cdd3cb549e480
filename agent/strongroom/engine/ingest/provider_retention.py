"""How long a source keeps its records: what the configuration says, else what is documented, else what its plan tells.

A provider that tells is asked once a day, and after a failure once an hour. What it told last holds until it tells
otherwise: a plan that cannot be read is no reason to plan as if nothing were ever destroyed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from strongroom.engine.core.engine import Engine
from strongroom.evidence.line import Entry, Fact
from strongroom.model.errors import StrongroomError
from strongroom.vault.log import add_entry
from strongroom.vault.sources import (
    ask_again_at,
    get_source,
    logged_retention,
    put_ask_again_at,
    remember_told_retention,
    told_retention,
)

EVERY = timedelta(days=1)
AFTER_FAILURE = timedelta(hours=1)


def keeps(engine: Engine, source: str) -> timedelta | None:
    """Return how long a source keeps its records, or None where nobody knows."""
    found = engine.sources.get(source)  # None: taken out of the configuration while a job of it was under way
    if found is None:
        return None
    return found.provider.limits.retention or told_retention(engine.vault.catalogue, source)


def learn_retention(engine: Engine, sources: Iterable[str]) -> None:
    """Ask the sources of which nothing is configured or documented, where it is time; outside any transaction.

    The first that cannot be reached ends it: the others come at the next turn, and nothing waits for many time-outs.
    """
    for source in sources:
        if _is_due(engine, source) and not _ask(engine, source):
            return


def _is_due(engine: Engine, source: str) -> bool:
    catalogue, now = engine.vault.catalogue, engine.clock()
    if engine.sources[source].provider.limits.retention is not None or get_source(catalogue, source).paused:
        return False
    later = ask_again_at(catalogue, source)
    return later is None or not now < later <= now + EVERY  # farther off, the clock was set back since


def _ask(engine: Engine, source: str) -> bool:
    catalogue, now = engine.vault.catalogue, engine.clock()
    try:
        told, answered = engine.sources[source].provider.probe().retention, True
    except StrongroomError:  # a key that is not to be had, too: a run meets the same trouble and tells it
        told, answered = None, False
    before = logged_retention(catalogue, source)
    with catalogue.transaction():
        put_ask_again_at(catalogue, source, now + (EVERY if answered else AFTER_FAILURE))
        if told is not None and told != before:
            remember_told_retention(catalogue, source, told)
            facts: dict[str, Fact] = {"source": source, "days": told // timedelta(days=1)}
            add_entry(catalogue, Entry("source.retention-told", now, facts=facts))
    return answered
