"""How long a source keeps its records: what the configuration says, else what is documented, else what its plan tells.

A provider that tells is asked once a day, and after a failure once an hour. What it told last holds until it tells
otherwise: a plan that cannot be read is no reason to plan as if nothing were ever destroyed.

A source that paused because its key was refused goes on once the provider takes the key again.

A paused source is never asked by itself. A person who starts a run has acted, and that is worth one read-only request.
A pause that a person asked for is another matter: only a person ends it.

Deleting exports at the provider, where a person wants it: only after the archive is proven and committed.

What is owed stands in the catalogue from the very transaction that commits the archive. Each step is a request that may
be repeated (gone already is a success) and then one transaction, so a crash in between costs one more request.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Holding
from strongroom.model.decision import next_try
from strongroom.model.errors import Interrupted, NotOffered, ProviderError, RequestRefused, StrongroomError
from strongroom.model.job import BY_PERSON, Cause, State
from strongroom.vault.archives import get_archive
from strongroom.vault.jobs import (
    Deletion,
    get_job,
    is_in_use,
    live_jobs,
    owe_deletion,
    owed_deletions,
    put_job,
    settle_deletion,
)
from strongroom.vault.log import add_entry
from strongroom.vault.sources import (
    ask_again_at,
    get_source,
    logged_retention,
    put_ask_again_at,
    put_source,
    remember_told_retention,
    told_retention,
)

EVERY = timedelta(days=1)
AFTER_FAILURE = timedelta(hours=1)


def kept_for(engine: Engine, source: str) -> timedelta | None:
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


def next_deletion(engine: Engine) -> datetime | None:
    """Say when the next deletion is due that may be done at all; None where none is owed."""
    return min((each.next_at for each in _possible(engine)), default=None)


def delete_due(engine: Engine) -> int:
    """Delete what is due, one after another; return how many exports the provider has deleted."""
    due = [each for each in _possible(engine) if each.next_at <= engine.clock()]
    return sum(_delete(engine, each) for each in due if not engine.stop())


def _possible(engine: Engine) -> list[Deletion]:
    """Leave out sources that are paused, taken out of the configuration, or whose exports are to stay by now."""
    catalogue = engine.vault.catalogue
    wanted = {name for name, source in engine.sources.items() if source.deletes}
    open_sources = {name for name in wanted if not get_source(catalogue, name).paused}
    return [each for each in owed_deletions(catalogue) if each.source in open_sources] if open_sources else []


def _delete(engine: Engine, owed: Deletion) -> bool:
    catalogue, archive = engine.vault.catalogue, get_archive(engine.vault.catalogue, owed.archive)
    if is_in_use(catalogue, owed.source, owed.ref):
        return _later(engine, owed)
    if archive is None or archive.holding is not Holding.HELD:
        return _settle(engine, owed, "export.kept", "the archive is not held any more")
    engine.crash_point("before delete")
    try:
        engine.sources[owed.source].provider.delete(owed.ref)
    except (RequestRefused, NotOffered) as error:
        return _settle(engine, owed, "export.kept", error.message)
    except Interrupted:
        return False
    except ProviderError as error:
        if owed.tries + 1 >= engine.retry_policy.deletions:
            return _settle(engine, owed, "export.kept", error.message)
        return _later(engine, owed)
    engine.crash_point("after delete")
    return _settle(engine, owed, "export.deleted")


def _settle(engine: Engine, owed: Deletion, kind: str, words: str = "") -> bool:
    catalogue = engine.vault.catalogue
    facts: dict[str, Fact] = {"source": owed.source, "ref": owed.ref}
    with catalogue.transaction():
        settle_deletion(catalogue, owed)
        add_entry(catalogue, Entry(kind, engine.clock(), owed.job, owed.archive, facts=facts, words=words))
    engine.crash_point("committed delete")
    engine.vault.write_log()
    return kind == "export.deleted"


def _later(engine: Engine, owed: Deletion) -> bool:
    later = next_try(engine.retry_policy, owed.tries, engine.clock(), engine.jitter(), None)
    with engine.vault.catalogue.transaction():
        owe_deletion(engine.vault.catalogue, replace(owed, next_at=later, tries=owed.tries + 1))
    return False
