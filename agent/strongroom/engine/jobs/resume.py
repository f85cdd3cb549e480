"""A source that paused because its key was refused goes on once the provider takes the key again.

A paused source is never asked by itself. A person who starts a run has acted, and that is worth one read-only request.
A pause that a person asked for is another matter: only a person ends it.
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.engine.engine import Engine
from strongroom.evidence.line import Entry
from strongroom.model.errors import StrongroomError
from strongroom.model.job import Cause
from strongroom.vault.jobs import live_jobs, put_job
from strongroom.vault.log import add_entry
from strongroom.vault.sources import get_source, put_source

BY_PERSON = "paused by "
"""How the reason of a pause begins that a person asked for."""


def resume_sources(engine: Engine) -> list[str]:
    """Try each paused source once; return those that go on. The others stay paused, for the same reason."""
    catalogue = engine.vault.catalogue
    reasons = {name: get_source(catalogue, name).paused for name in engine.sources}
    paused = [name for name, reason in reasons.items() if reason and not reason.startswith(BY_PERSON)]
    resumed = [name for name in paused if _answers(engine, name)]
    for name in resumed:
        with catalogue.transaction():
            put_source(catalogue, replace(get_source(catalogue, name), paused="", refused_until=None))
            hurry_refused(engine, name)
            add_entry(catalogue, Entry("source.resumed", engine.clock(), facts={"source": name}))
    if resumed:
        engine.vault.write_log()
    return resumed


def hurry_refused(engine: Engine, source: str) -> None:
    """Let the jobs that a refused key held up go on at once: what they wait for is over. Inside a transaction."""
    catalogue, now = engine.vault.catalogue, engine.clock()
    for job in live_jobs(catalogue):
        if job.source == source and job.cause is Cause.AUTH and job.next_at > now:
            put_job(catalogue, replace(job, next_at=now))


def _answers(engine: Engine, name: str) -> bool:
    try:
        engine.sources[name].provider.probe()
    except StrongroomError:  # a key that is not to be had, too: the other sources go on without it
        return False
    return True
