"""What is done at a source besides exporting: learn its retention, end a pause, and delete archived exports.

A provider that reports its retention is asked daily, and hourly after a failure. Its last answer holds until it gives
another: an unreadable answer is no reason to plan as if nothing were ever deleted.

A source that paused because its key was refused resumes once the provider accepts the key. It is asked only when a
person starts a run. A pause that a person requested is ended only by a person.

Exports are deleted only where the configuration asks for it, and only after the archive is verified and committed and
its worker has finished with the job, so that the log file has its line too. The transaction that commits the archive
also records the deletion. Each deletion is a request that may be repeated, then one transaction, so a crash in between
costs one more request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Holding
from strongroom.model.decision import next_try
from strongroom.model.entry_kind import EntryKind
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
    reported_retention,
    store_reported_retention,
)

EVERY = timedelta(days=1)
AFTER_FAILURE = timedelta(hours=1)

_DELETED = EntryKind.EXPORT_DELETED
_KEPT = EntryKind.EXPORT_KEPT


def kept_for(engine: Engine, source: str) -> timedelta | None:
    """Return how long a source keeps its records: as configured, documented or reported; None where that is unknown."""
    found = engine.sources.get(source)  # None: removed from the configuration while its job was in progress
    if found is None:
        return None
    return found.provider.limits.retention or reported_retention(engine.vault.catalogue, source)


def learn_retention(engine: Engine, sources: Iterable[str]) -> None:
    """Ask the sources whose retention is neither configured nor documented, where that is due; outside a transaction.

    Ends at the first source that cannot be reached: the others follow next time, and no run waits for many timeouts.
    """
    for source in sources:
        if _is_due(engine, source) and not _ask_retention(engine, source):
            return


def _is_due(engine: Engine, source: str) -> bool:
    catalogue, now = engine.vault.catalogue, engine.clock()
    if engine.sources[source].provider.limits.retention is not None or get_source(catalogue, source).paused:
        return False
    later = ask_again_at(catalogue, source)
    return later is None or not now < later <= now + EVERY  # later than that, the clock was set back since


def _ask_retention(engine: Engine, source: str) -> bool:
    catalogue, now = engine.vault.catalogue, engine.clock()
    try:
        retention, answered = engine.sources[source].provider.probe().retention, True
    except StrongroomError:  # including a missing key: a run meets the same error and reports it
        retention, answered = None, False
    before = logged_retention(catalogue, source)
    with catalogue.transaction():
        put_ask_again_at(catalogue, source, now + (EVERY if answered else AFTER_FAILURE))
        if retention is not None and retention != before:
            store_reported_retention(catalogue, source, retention)
            facts: dict[str, Fact] = {"source": source, "days": retention // timedelta(days=1)}
            add_entry(catalogue, Entry(EntryKind.SOURCE_RETENTION_TOLD, now, facts=facts))
    return answered


def resume_sources(engine: Engine) -> list[str]:
    """Try each source once that is paused for a refused key; return those that resume."""
    catalogue = engine.vault.catalogue
    reasons = {name: get_source(catalogue, name).paused for name in engine.sources}
    paused = [name for name, reason in reasons.items() if reason and not reason.startswith(BY_PERSON)]
    resumed = [name for name in paused if _answers(engine, name)]
    for name in resumed:
        with catalogue.transaction():
            put_source(catalogue, replace(get_source(catalogue, name), paused="", refused_until=None))
            hurry_refused(engine, name)
            add_entry(catalogue, Entry(EntryKind.SOURCE_RESUMED, engine.clock(), facts={"source": name}))
    if resumed:
        engine.vault.write_log()
    return resumed


def look_again(engine: Engine) -> None:
    """Retry delayed jobs at once whose cause may be gone: a person has started a run and should not wait for a delay.

    Their cause is checked before anything is sent: the disk, the estimated quota, and one read-only request to a
    provider that had failed. The provider's own retry time applies until it answers again.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    delayed = [job for job in live_jobs(catalogue) if job.source in engine.sources and job.next_at > now]
    failing = {job.source for job in delayed if job.cause is Cause.TRANSIENT}
    failing |= {name for name in engine.sources if _is_failing(engine, name)}
    working = {name for name in sorted(failing) if not get_source(catalogue, name).paused and _answers(engine, name)}
    with catalogue.transaction():
        for name in working:
            state = get_source(catalogue, name)
            if state.refused_cause is Cause.TRANSIENT:
                put_source(catalogue, replace(state, refused_until=None))
        for job in delayed:
            ours = job.cause is Cause.DISK or (job.cause is Cause.QUOTA and job.state is State.PLANNED)
            if ours or (job.cause is Cause.TRANSIENT and job.source in working):
                put_job(catalogue, replace(get_job(catalogue, job.id) or job, next_at=now))


def _is_failing(engine: Engine, name: str) -> bool:
    state = get_source(engine.vault.catalogue, name)
    later = state.refused_until is not None and state.refused_until > engine.clock()
    return later and state.refused_cause is Cause.TRANSIENT


def hurry_refused(engine: Engine, source: str) -> None:
    """Retry at once the jobs that a refused key delayed; inside a transaction."""
    catalogue, now = engine.vault.catalogue, engine.clock()
    for job in live_jobs(catalogue):
        if job.source == source and job.cause is Cause.AUTH and job.next_at > now:
            put_job(catalogue, replace(job, next_at=now))


def _answers(engine: Engine, name: str) -> bool:
    try:
        engine.sources[name].provider.probe()
    except StrongroomError:  # including a missing key: the other sources resume without it
        return False
    return True


def next_deletion(engine: Engine) -> datetime | None:
    """Return when the next possible deletion is due; None where there is none."""
    return min((each.next_at for each in _possible(engine)), default=None)


def due_deletions(engine: Engine) -> list[Deletion]:
    """Return the possible deletions that are due, the earliest first."""
    return [each for each in _possible(engine) if each.next_at <= engine.clock()]


def delete_exports(engine: Engine, due: Sequence[Deletion]) -> int:
    """Delete these exports, one after another; return how many the provider has deleted."""
    return sum(_delete(engine, each) for each in due if not engine.stop())


def _possible(engine: Engine) -> list[Deletion]:
    """Return the deletions of sources that are configured, still delete exports, and are not paused."""
    catalogue = engine.vault.catalogue
    deleting = {name for name, source in engine.sources.items() if source.deletes}
    active = {name for name in deleting if not get_source(catalogue, name).paused}
    return [each for each in owed_deletions(catalogue) if each.source in active] if active else []


def _delete(engine: Engine, owed: Deletion) -> bool:
    catalogue, archive = engine.vault.catalogue, get_archive(engine.vault.catalogue, owed.archive)
    if is_in_use(catalogue, owed.source, owed.ref):
        return _postpone(engine, owed)
    if archive is None or archive.holding is not Holding.HELD:
        return _settle(engine, owed, _KEPT, "the archive is no longer in the vault")
    engine.crash_point("before delete")
    try:
        engine.sources[owed.source].provider.delete(owed.ref)
    except (RequestRefused, NotOffered) as error:
        return _settle(engine, owed, _KEPT, error.message)
    except Interrupted:
        return False
    except ProviderError as error:
        if owed.tries + 1 >= engine.retry_policy.deletions:
            return _settle(engine, owed, _KEPT, error.message)
        return _postpone(engine, owed)
    engine.crash_point("after delete")
    return _settle(engine, owed, _DELETED)


def _settle(engine: Engine, owed: Deletion, kind: EntryKind, words: str = "") -> bool:
    catalogue = engine.vault.catalogue
    facts: dict[str, Fact] = {"source": owed.source, "ref": owed.ref}
    with catalogue.transaction():
        settle_deletion(catalogue, owed)
        add_entry(catalogue, Entry(kind, engine.clock(), owed.job, owed.archive, facts=facts, words=words))
    engine.crash_point("committed delete")
    engine.vault.write_log()
    return kind == _DELETED


def _postpone(engine: Engine, owed: Deletion) -> bool:
    later = next_try(engine.retry_policy, owed.tries, engine.clock(), engine.jitter(), None)
    with engine.vault.catalogue.transaction():
        owe_deletion(engine.vault.catalogue, replace(owed, next_at=later, tries=owed.tries + 1))
    return False
