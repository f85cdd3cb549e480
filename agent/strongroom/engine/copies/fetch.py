"""Fetching an object from a copy into a vault: it gets its name only after its bytes agree with what is recorded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from strongroom.copies.port import CopyStore, ObjectAbsent, Throttle, digest_of
from strongroom.engine.copies.contents import read_blocks
from strongroom.model.archive import Archive, Holding
from strongroom.model.copies import Part, object_name
from strongroom.model.errors import VaultError
from strongroom.vault.durable import flush, in_words, make_folder, publish, write_all
from strongroom.vault.files import create_descriptor, is_there, unlink
from strongroom.vault.layout import Layout


class ObjectDamaged(VaultError):
    """An object of a copy is not what manifest and log say."""


def fetch_object(
    store: CopyStore, name: str, sha256: str, layout: Layout, path: Path, throttle: Throttle | None = None
) -> int:
    """Write an object to its place in a vault and return its size; the whole protocol, nothing is overwritten.

    Raises ObjectAbsent, ObjectDamaged where its SHA-256 is another, CopyAway, WorldError for the vault's own disk.
    """
    blocks = (throttle or Throttle()).passed(store.read(name))
    return write_blocks(layout, path, blocks, sha256, f"{name} in {store.place}")


def write_blocks(layout: Layout, path: Path, blocks: Iterable[bytes], sha256: str = "", what: str = "") -> int:
    """Write a file of a vault by the whole protocol, and return its size. `what` names where the blocks come from.

    Raises ObjectDamaged, having written nothing, where they do not have this SHA-256.
    """
    temporary = layout.tmp / f"{path.name}.fetched"
    make_folder(layout.tmp)
    make_folder(path.parent)
    with suppress(FileNotFoundError):
        unlink(temporary)
    try:
        size = _fill(temporary, blocks, sha256, what)
        publish(temporary, path)
        return size
    finally:
        with suppress(OSError):
            unlink(temporary)


def _fill(temporary: Path, blocks: Iterable[bytes], sha256: str, what: str) -> int:
    found, size = hashlib.sha256(), 0
    try:
        fd = create_descriptor(temporary)
    except OSError as error:
        raise in_words(error) from error
    try:
        for block in blocks:
            found.update(block)
            write_all(fd, block)
            size += len(block)
        flush(fd)
    finally:
        os.close(fd)
    digest = found.hexdigest()
    if sha256 and digest != sha256:
        raise ObjectDamaged(f"{what} is damaged: expected SHA-256 {sha256[:16]}…, got {digest[:16]}…")
    if digest_of(read_blocks(temporary)) != digest:
        raise VaultError(f"{temporary.name} read back from the disk is not what was written", hint="check the disk")
    return size


def names_for(part: Part, archive: Archive, sha256: str) -> tuple[str, ...]:
    """Return the names under which a copy may have a part: an archive may have moved to quarantine since."""
    other = Holding.HELD if archive.holding is Holding.QUARANTINED else Holding.QUARANTINED
    return tuple(object_name(part, archive.id, sha256, holding) for holding in (archive.holding, other))


def fetch_part(
    store: CopyStore, part: Part, archive: Archive, sha256: str, layout: Layout, path: Path, throttle: Throttle
) -> int:
    """Fetch a part of an archive under whichever name the copy has it. Raises as `fetch_object`."""
    first, second = names_for(part, archive, sha256)
    try:
        return fetch_object(store, first, sha256, layout, path, throttle)
    except ObjectAbsent as absent:
        try:
            return fetch_object(store, second, sha256, layout, path, throttle)
        except ObjectAbsent:
            raise absent from None


def is_sound(path: Path, sha256: str) -> bool:
    """Return whether a file of the vault is there and has this SHA-256. Reads every byte."""
    if not is_there(path):
        return False
    try:
        return digest_of(read_blocks(path)) == sha256
    except VaultError:
        return False


def write_small(path: Path, layout: Layout, data: bytes) -> None:
    """Write a small file of a vault that is being restored; one that is there already is left if it is the same."""
    if is_sound(path, hashlib.sha256(data).hexdigest()):
        return
    write_blocks(layout, path, (data,))
