"""Jobs that come from jobs: the next try for a window, and a fresh export of one that is held already."""

from __future__ import annotations

from dataclasses import replace

from strongroom.engine.engine import Engine
from strongroom.model.ids import make_id
from strongroom.model.job import Job, State
from strongroom.model.provider import Renewal
from strongroom.vault.jobs import is_in_use


def successor_of(engine: Engine, job: Job, purpose: str = "") -> Job:
    """Return a fresh job for the same window, with its lineage."""
    now = engine.clock()
    return Job(
        id=make_id(now, engine.chance),
        stream=job.stream,
        source=job.source,
        spec=job.spec,
        state=State.PLANNED,
        created_at=now,
        changed_at=now,
        next_at=now,
        purpose=purpose or job.purpose,
        retention=job.retention,
        priority=job.priority,
        parent=job.id,
        generation=0 if purpose else job.generation + 1,
    )


def regeneration_of(engine: Engine, job: Job) -> Job:
    """Return a job that makes the window's export afresh, beside what is held, by the provider's own way.

    Where the provider can make the same export again, the job begins with its name and renews it; where an unfinished
    job works on that export, or the provider cannot, a new export is asked for.
    """
    fresh = replace(successor_of(engine, job, "regenerate"), priority=10)
    source = engine.sources.get(job.source)
    renews = source is not None and source.provider.capabilities.renewal is Renewal.SAME_EXPORT
    if not job.ref or not renews or is_in_use(engine.vault.catalogue, job.source, job.ref):
        return fresh
    return replace(fresh, ref=job.ref)
