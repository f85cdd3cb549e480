"""The copies that a configuration names: opened, told apart from others, begun and forgotten.

A copy has a folder of its own, named after the vault, with an identity file in it. A place without that file is never
taken for a copy that was begun: its disk may not be mounted, and everything would be written to another one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from strongroom.config.copies import CopySettings
from strongroom.config.schema import Config
from strongroom.copies.folder import FolderStore, list_prefixes, require_apart
from strongroom.copies.port import CopyAway, ObjectAbsent, read_whole
from strongroom.copies.port import CopyStore as CopyStore  # the command line names it from here
from strongroom.copies.stores import open_store, vaults_in
from strongroom.model.copies import IDENTITY, LINES, PREFIX_DIGITS, README, is_object_name, lines_name, lines_of
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, UsageError, VaultError
from strongroom.model.names import make_id
from strongroom.model.text import counted
from strongroom.model.times import Chance, format_instant
from strongroom.vault.copies import copy_state, forget_copy, known_copies, log_copy, put_copy_state
from strongroom.vault.log import ENTRY, last_entry_number
from strongroom.vault.log_reader import LINES_AFTER
from strongroom.vault.vault import Vault

FORMAT = 1
"""The format of a copy; docs/format.md describes it."""

COPY_README = """This folder is a copy of a Strongroom vault. Each object is written once and never changed.

    strongroom-copy.json          which vault this is a copy of
    archives/ab/ID.age            as in the vault
    keys/ab/ID.SHA256.key.age     the key file of an archive; its SHA-256 is in the name
    index/ab/ID.SHA256.idx.age    the search segment; its SHA-256 is in the name
    manifests/ab/ID.json          as in the vault
    tombstones/ab/ID.json         what is left of a destroyed archive
    quarantine/                   as in the vault
    log/lines/FIRST-LAST.jsonl    lines of the evidence log; together, in order, they are log.jsonl
    log/checkpoints/  log/certificates/   as in the vault

To make a vault from it: strongroom copy restore --from THIS-FOLDER --to NEW-FOLDER
To open an archive with the age tool and an identity file alone:

    age -d -i <(age -d -i IDENTITY keys/ab/ID.*.key.age) archives/ab/ID.age > delivered-file
"""


class CopyIdentity(Struct, frozen=True):
    """What an identity file says."""

    vault: str  # SHA-256 of the first line of the vault's log
    place: str  # the random ID of this copy


class CopyTarget(Struct, frozen=True):
    """One configured copy and its store."""

    name: str
    settings: CopySettings
    store: CopyStore


def vault_digest(vault: Vault) -> str:
    """Return what identifies a vault: the SHA-256 of the first line of its log. Raises VaultError."""
    rows = vault.catalogue.read(LINES_AFTER, 0, 1)
    if not rows or rows[0]["seq"] != 1:
        raise VaultError("the vault's log has no first line", hint="see: strongroom recover")
    return hashlib.sha256(bytes(rows[0]["line"])).hexdigest()


def open_target(settings: CopySettings, vault: Vault) -> CopyTarget:
    """Return a configured copy of this vault; nothing is written and nothing is looked up yet."""
    if settings.path is not None:
        require_apart(vault.layout.root, settings.path)
    return CopyTarget(settings.name, settings, open_store(settings, vault_digest(vault)[:PREFIX_DIGITS]))


def targets_of(config: Config, vault: Vault) -> list[CopyTarget]:
    """Return every configured copy."""
    return [open_target(each, vault) for each in config.copies]


def target_named(config: Config, vault: Vault, name: str) -> CopyTarget:
    """Return the configured copy of that name. Raises UsageError."""
    for each in config.copies:
        if each.name == name:
            return open_target(each, vault)
    known = ", ".join(each.name for each in config.copies) or "none"
    raise UsageError(f"there is no copy {name!r:.70} in the configuration", hint=f"the configuration has {known}")


def read_identity(store: CopyStore) -> CopyIdentity:
    """Return which vault a store has a copy of. Raises ObjectAbsent, CopyAway, VaultError."""
    try:
        body = json.loads(read_whole(store, IDENTITY, 1 << 16))
        if body["strongroom-copy"] > FORMAT:
            raise VaultError(f"the copy in {store.place} has a later format", hint="install a newer strongroom")
        return CopyIdentity(str(body["vault"]), str(body["copy"]))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise VaultError(f"{IDENTITY} in {store.place} cannot be read", hint="is this a copy of a vault?") from error


def require_known(target: CopyTarget, vault: Vault) -> None:
    """Raise CopyAway or VaultError unless the place has the copy of this vault that the log has under this name."""
    place = known_copies(vault.catalogue).get(target.name)
    try:
        found = read_identity(target.store)
    except (ObjectAbsent, CopyAway) as error:
        if isinstance(error, CopyAway) and not target.settings.path:  # nothing is known about the copy itself
            raise CopyAway(f"the copy {target.name} is away: {error.message}", hint=error.hint) from None
        hint = f"{target.store.if_missing} If this copy is lost for good: strongroom copy forget {target.name}"
        raise CopyAway(f"the copy {target.name} is not in {target.store.place}", hint=hint) from None
    if found.vault != vault_digest(vault):
        raise VaultError(f"{target.store.place} has a copy of another vault", hint="choose another path for the copy")
    if found.place != place:
        hint = f"attach the right disk; to use this one: strongroom copy forget {target.name}"
        raise CopyAway(f"{target.store.place} has another copy of this vault than {target.name}", hint=hint)


def begin_copy(target: CopyTarget, vault: Vault, now: datetime, random_bytes: Chance) -> None:
    """Make the place ready. A copy that is not in the log yet is begun: its identity is written and logged.

    A copy of this vault that is there already, as after a rebuild, is taken over. The caller is alone with the copies.
    """
    if target.name in known_copies(vault.catalogue):
        require_known(target, vault)
        target.store.begin()
        return
    target.store.begin()
    identity = _taken_over(target, vault) or _write_identity(target, vault, now, random_bytes)
    with vault.catalogue.transaction():
        forget_copy(vault.catalogue, target.name)
        put_copy_state(vault.catalogue, copy_state(vault.catalogue, target.name))
        log_copy(vault.catalogue, EntryKind.COPY_BEGUN, now, copy=target.name, place=identity.place)
    vault.write_log()


def _taken_over(target: CopyTarget, vault: Vault) -> CopyIdentity | None:
    try:
        found = read_identity(target.store)
    except ObjectAbsent:
        return None
    if found.vault != vault_digest(vault):
        raise VaultError(f"{target.store.place} has a copy of another vault", hint="choose another path for the copy")
    return found


def _write_identity(target: CopyTarget, vault: Vault, now: datetime, random_bytes: Chance) -> CopyIdentity:
    identity = CopyIdentity(vault_digest(vault), make_id(now, random_bytes))
    body = {"strongroom-copy": FORMAT, "vault": identity.vault, "copy": identity.place, "begun_at": format_instant(now)}
    put_bytes(target.store, README, COPY_README.encode())
    put_bytes(target.store, IDENTITY, (json.dumps(body, indent=2, sort_keys=True) + "\n").encode())
    return identity


def put_bytes(store: CopyStore, name: str, data: bytes) -> bool:
    """Store a small object."""
    return store.put(name, (data,), hashlib.sha256(data).hexdigest())


def forget(vault: Vault, name: str, by: str, reason: str, now: datetime) -> None:
    """Record that a copy is no longer reached, because a person says that it is destroyed or lost.

    Destructions no longer wait for it, and each later certificate names it. Raises UsageError for an unknown one.
    """
    known = known_copies(vault.catalogue)
    if name not in known:
        raise UsageError(f"there is no copy {name!r:.70}", hint=f"known: {', '.join(known) or 'none'}")
    with vault.catalogue.transaction():
        forget_copy(vault.catalogue, name)
        log_copy(vault.catalogue, EntryKind.COPY_FORGOTTEN, now, reason, copy=name, place=known[name], by=by)
    vault.write_log()


def stores_in(
    folder: Path, vault: str = "", unreadable: list[str] | None = None
) -> Iterator[tuple[CopyIdentity, CopyStore]]:
    """Yield each copy in a folder, which may be a copy itself; with `vault` only of vaults whose digest begins so.

    What is wrong with an identity file is added to `unreadable`, and the others are found; without it VaultError is
    raised.
    """
    above = Path(os.path.realpath(folder))
    stores = (FolderStore(above.parent, above.name), *_below(above))
    yield from _identified(stores, vault, (ObjectAbsent, CopyAway), unreadable)


def stores_of(
    settings: CopySettings, vault: str = "", unreadable: list[str] | None = None
) -> Iterator[tuple[CopyIdentity, CopyStore]]:
    """Yield each copy where a configured copy is, as `stores_in` does. Raises CopyAway where a bucket is away."""
    if settings.path is not None:
        yield from stores_in(settings.path, vault, unreadable)
        return
    stores = (open_store(settings, name) for name in vaults_in(settings) if is_object_name(name))
    yield from _identified(stores, vault, (ObjectAbsent,), unreadable)


def _identified(
    stores: Iterable[CopyStore], vault: str, none: tuple[type[StrongroomError], ...], unreadable: list[str] | None
) -> Iterator[tuple[CopyIdentity, CopyStore]]:
    for store in stores:
        try:
            identity = read_identity(store)
        except none:
            continue
        except VaultError as error:
            if unreadable is None:
                raise
            unreadable.append(error.message)
            continue
        if identity.vault.startswith(vault):
            yield identity, store


def _below(above: Path) -> Iterator[FolderStore]:
    try:
        names = list_prefixes(above)
    except OSError as error:
        raise CopyAway(f"cannot list {above}: {error.strerror}", hint="is the disk mounted?") from error
    yield from (FolderStore(above, name) for name in names if is_object_name(name))


def sent_lines(target: CopyTarget) -> tuple[int, int, str]:
    """Return how many lines the copy has without a gap, the last line it has, and the name of that object."""
    found = sorted(bounds for each in target.store.list(LINES) if (bounds := lines_of(each.name)) is not None)
    whole = 0
    for first, last in found:
        if first > whole + 1:
            break
        whole = max(whole, last)
    first, last = max(found, key=lambda bounds: (bounds[1], -bounds[0]), default=(0, 0))
    return whole, last, lines_name(first, last) if found else ""


def require_same_history(vault: Vault, target: CopyTarget) -> int:
    """Return how many lines the copy has. Raises VaultError where its log is not the beginning of the vault's.

    An older state of the vault, as from a backup, must not write to a copy that has more: they would part for good.
    """
    whole, last, name = sent_lines(target)
    newest = last_entry_number(vault.catalogue)
    if last > newest:
        raise VaultError(
            f"the copy {target.name} has {counted(last, 'entry')} of the log, the vault {newest:,}: the vault is an"
            " older state of itself, and nothing was copied",
            hint=f"the copy is newer; a vault from it: strongroom copy restore --from {target.name} --to NEW-FOLDER",
        )
    if last and _last_line(target, name) != bytes(vault.catalogue.read(ENTRY, last)[0]["line"]):
        raise other_history(target, last)
    return whole


def _last_line(target: CopyTarget, name: str) -> bytes:
    return read_whole(target.store, name).rstrip(b"\n").rpartition(b"\n")[2]


def other_history(target: CopyTarget, entry: int) -> VaultError:
    """Return the error for a copy whose log is not the beginning of the vault's."""
    return VaultError(
        f"entry {entry} of the log in the copy {target.name} is not the one in the vault: nothing was copied",
        hint="one of the two was changed; compare both with the checkpoints: strongroom audit verify",
    )
