"""A source that paused because its key was refused goes on once the provider takes the key again.

A paused source is never asked by itself. A person who starts a run has acted, and that is worth one read-only request.
A pause that a person asked for is another matter: only a person ends it.
"""

from __future__ import annotations

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine
from strongroom.evidence.line import Entry
from strongroom.model.errors import StrongroomError
from strongroom.model.job import BY_PERSON, Cause, State
from strongroom.vault.jobs import get_job, live_jobs, put_job
from strongroom.vault.log import add_entry
from strongroom.vault.sources import get_source, put_source


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


def look_again(engine: Engine) -> None:
    """Let jobs go on at once whose cause may be gone: a person has started a run, and waiting out a delay helps nobody.

    What they wait for is looked at before anything is sent: the disk, the quota as it is reckoned, and one read-only
    request to a provider that was in trouble. The provider's own "not before" stands until it answers again.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    held_up = [job for job in live_jobs(catalogue) if job.source in engine.sources and job.next_at > now]
    troubled = {job.source for job in held_up if job.cause is Cause.TRANSIENT}
    troubled |= {name for name in engine.sources if _in_trouble(engine, name)}
    sound = {name for name in sorted(troubled) if not get_source(catalogue, name).paused and _answers(engine, name)}
    with catalogue.transaction():
        for name in sound:
            state = get_source(catalogue, name)
            if state.refused_cause is Cause.TRANSIENT:
                put_source(catalogue, replace(state, refused_until=None))
        for job in held_up:
            ours = job.cause is Cause.DISK or (job.cause is Cause.QUOTA and job.state is State.PLANNED)
            if ours or (job.cause is Cause.TRANSIENT and job.source in sound):
                put_job(catalogue, replace(get_job(catalogue, job.id) or job, next_at=now))


def _in_trouble(engine: Engine, name: str) -> bool:
    state = get_source(engine.vault.catalogue, name)
    later = state.refused_until is not None and state.refused_until > engine.clock()
    return later and state.refused_cause is Cause.TRANSIENT


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
