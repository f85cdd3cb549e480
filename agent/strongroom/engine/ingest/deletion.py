"""Deleting exports at the provider, where a person wants it: only after the archive is proven and committed.

What is owed stands in the catalogue from the very transaction that commits the archive. Each step is a request that may
be repeated (gone already is a success) and then one transaction, so a crash in between costs one more request.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Holding
from strongroom.model.decision import next_try
from strongroom.model.errors import Interrupted, NotOffered, ProviderError, RequestRefused
from strongroom.vault.archives import get_archive
from strongroom.vault.jobs import Deletion, is_in_use, owe_deletion, owed_deletions, settle_deletion
from strongroom.vault.log import add_entry
from strongroom.vault.sources import get_source


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
