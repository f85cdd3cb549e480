"""Destruction in the copies: the key file goes first, in every copy, then the rest; and the copies are looked at again.

A copy that cannot be reached makes the destruction incomplete. It is tried again until it is reached, or until a
person records that this copy is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.copies.port import CopyAway, CopyStore, ObjectLocked
from strongroom.engine.copies.contents import tombstone_object
from strongroom.engine.copies.findings import note_failure
from strongroom.engine.copies.targets import CopyTarget, require_known, targets_of
from strongroom.model.archive import Tombstone
from strongroom.model.copies import is_key, prefixes_of
from strongroom.model.errors import StrongroomError
from strongroom.model.times import Clock
from strongroom.vault.copies import copies_alone, drop_findings_of, forgotten_copies, known_copies
from strongroom.vault.vault import Vault


class CopyRemoval(Struct, frozen=True):
    """What became of an archive in the copies of the vault."""

    reached: tuple[str, ...] = ()  # copies in which nothing is left of it, by reading them
    away: tuple[str, ...] = ()  # copies that could not be reached, each with the reason
    forgotten: tuple[str, ...] = ()  # copies of which a person said that they are gone

    @property
    def complete(self) -> bool:
        """Return whether every copy was reached."""
        return not self.away


def remove_from_copies(
    config: Config,
    vault: Vault,
    tombstone: Tombstone,
    clock: Clock,
    crash_point: Callable[[str], None] = lambda _where: None,
) -> CopyRemoval:
    """Remove an archive whose destruction has begun from every copy that the log has. Never raises for one copy.

    The caller has destroyed the archive in the vault. Repeating it does nothing more.
    """
    known = known_copies(vault.catalogue)
    if not known:
        return CopyRemoval(forgotten=tuple(forgotten_copies(vault.catalogue)))
    targets = {each.name: each for each in targets_of(config, vault)}
    away: list[str] = []
    with copies_alone(vault.layout) as mine:
        for name in known if mine else ():
            target = targets.get(name)
            failure = _remove(target, vault, tombstone, crash_point) if target else _NOT_CONFIGURED
            away += [f"{name}: {failure}"] if failure else []
            if failure:
                note_failure(vault, name, failure, clock())
    if not mine:
        away = [f"{name}: something is being copied now" for name in known]
    named = {each.partition(":")[0] for each in away}
    reached = tuple(name for name in known if name not in named)
    return CopyRemoval(reached, tuple(away), tuple(forgotten_copies(vault.catalogue)))


_NOT_CONFIGURED = "it is not in the configuration; add its [[copy]] again, or run: strongroom copy forget"


def _remove(target: CopyTarget, vault: Vault, tombstone: Tombstone, crash_point: Callable[[str], None]) -> str:
    """Remove it from one copy; return why that failed, empty where nothing is left there."""
    try:
        require_known(target, vault)
        remove_archive(target.store, tombstone, crash_point)
    except StrongroomError as error:
        return error.message
    with vault.catalogue.transaction():
        drop_findings_of(vault.catalogue, target.name, tombstone.archive)
    return ""


def remove_archive(
    store: CopyStore, tombstone: Tombstone, crash_point: Callable[[str], None] = lambda _where: None
) -> list[str]:
    """Remove every object of an archive, key files first, and look again; return what was removed.

    The tombstone is stored before: a vault that is restored from this copy then knows what was intended. Raises
    ObjectLocked where the store must keep something, CopyAway where anything else is left.
    """
    stone = tombstone_object(tombstone)
    store.put(stone.name, stone.blocks(), stone.sha256)
    crash_point("copy: put tombstone")
    found = list(_remnants(store, tombstone.archive))
    _delete_each(store, sorted(dict.fromkeys(found), key=lambda each: (not is_key(each), each)), crash_point)
    left = list(_remnants(store, tombstone.archive))
    if left:
        raise CopyAway(f"{left[0]} is still in {store.place} after it was removed", hint="check who may delete there")
    return found


def _delete_each(store: CopyStore, names: list[str], crash_point: Callable[[str], None]) -> None:
    """Remove each object, also after one that is locked. Raises ObjectLocked for the first of these at the end."""
    locked: list[ObjectLocked] = []
    for name in names:
        try:
            store.delete(name)
        except ObjectLocked as error:
            locked.append(error)
        crash_point("copy: removed object")
    if locked:
        raise locked[0]


def _remnants(store: CopyStore, archive: str) -> Iterator[str]:
    return (each.name for prefix in prefixes_of(archive) for each in store.remnants(prefix))
