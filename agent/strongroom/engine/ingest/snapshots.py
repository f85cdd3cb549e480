"""Streams without a time window: which they are, and what is written down of one copy beside the one before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.errors import RequestRefused
from strongroom.model.job import Job
from strongroom.model.plan import ExportSpec, Plan, Stream
from strongroom.model.window import Window
from strongroom.providers.port import Provider
from strongroom.vault.archives import copy_before, get_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import add_entry

MIXED = "it mixes datasets that have a time window with ones that have none"
_ANY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1))


def is_snapshot(provider: Provider, datasets: tuple[str, ...], filters: tuple[tuple[str, str], ...] = ()) -> bool:
    """Say whether an export of this is a copy of all there is at that moment, whatever window it is asked for.

    That is so for a dataset that is declared so, and for one whose filters take the place of a range of time.
    """
    if set(datasets) <= provider.capabilities.snapshots:
        return True
    try:
        ask = provider.ask(ExportSpec(datasets, _ANY, filters))
    except RequestRefused:  # a job of it will be refused, with the reason
        return False
    return ask.lower is None and ask.upper is None


def is_mixed(provider: Provider, stream: Stream) -> bool:
    """Say whether a stream has datasets of both kinds, which no one plan can cover."""
    among = provider.capabilities.snapshots & set(stream.datasets)
    return bool(among) and among != set(stream.datasets)


def marked(engine: Engine, plan: Plan) -> Plan:
    """Return the plan as its source makes it: marked as a snapshot where it is one, and still where it is mixed."""
    source = engine.sources.get(plan.stream.source)
    if source is None:
        return plan
    if is_mixed(source.provider, plan.stream):
        return replace(plan, paused=True)
    return replace(plan, snapshot=is_snapshot(source.provider, plan.stream.datasets, plan.stream.filters))


def note_copy(catalogue: Catalogue, job: Job, archive: Archive, now: datetime) -> None:
    """Write down what a copy holds more or less than the one before it; counts only. Inside a transaction."""
    before = copy_before(catalogue, job.stream, job.spec.window.start)
    older = get_archive(catalogue, before) if before else None
    if older is None:
        return
    counts: list[Fact] = [older.inspection.records, archive.inspection.records]
    facts: dict[str, Fact] = {"older": older.id, "records": counts}
    add_entry(catalogue, Entry("snapshot.taken", now, job.id, archive.id, job.stream, facts))
