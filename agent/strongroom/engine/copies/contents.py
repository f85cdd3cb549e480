"""What a copy must have of an archive, and of the files beside the archives: names, digests, and where the bytes are.

Digests come from the manifest, the catalogue and the log, never from the file that is to be copied: a damaged file is
not copied, and is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from strongroom.copies.port import SourceChanged
from strongroom.model.archive import Archive, Holding, Tombstone
from strongroom.model.copies import Part, object_name
from strongroom.vault.archives import key_digest
from strongroom.vault.checkpoints import get_checkpoint, stamp_path
from strongroom.vault.files import read_file, read_in_blocks
from strongroom.vault.manifest import write_manifest
from strongroom.vault.segments import segment_of
from strongroom.vault.tombstones import write_tombstone
from strongroom.vault.vault import Vault

Blocks = Callable[[], Iterator[bytes]]


class CopyObject(Struct, frozen=True):
    """One object as a copy must have it."""

    name: str
    sha256: str
    blocks: Blocks  # the bytes, from the vault; raises SourceChanged where they cannot be read
    part: Part | None = None
    path: Path | None = None  # in the vault; None where the bytes come from the catalogue


def objects_of(vault: Vault, archive: Archive) -> list[CopyObject]:
    """Return the objects of an archive in the order in which they are written: the manifest comes last."""
    layout, catalogue, holding = vault.layout, vault.catalogue, archive.holding
    segment = segment_of(catalogue, archive) if holding is Holding.HELD else None
    key, manifest = key_digest(catalogue, archive.id), write_manifest(archive)
    found = [
        _of_file(Part.KEY, archive, key, vault.key_path(archive)),
        _of_file(Part.PAYLOAD, archive, archive.seal.sealed_sha256, vault.payload_path(archive)),
    ]
    if segment is not None:
        found.append(_of_file(Part.SEGMENT, archive, segment.sha256, layout.segment(archive.id)))
    name = object_name(Part.MANIFEST, archive.id, holding=holding)
    path = layout.quarantined(archive.id, ".json") if holding is Holding.QUARANTINED else layout.manifest(archive.id)
    return [*found, of_bytes(name, manifest, Part.MANIFEST, path)]


def _of_file(part: Part, archive: Archive, sha256: str, path: Path) -> CopyObject:
    name = object_name(part, archive.id, sha256, archive.holding)
    return CopyObject(name, sha256, lambda: read_blocks(path), part, path)


def of_bytes(name: str, data: bytes, part: Part | None = None, path: Path | None = None) -> CopyObject:
    """Return the object of these bytes."""
    return CopyObject(name, hashlib.sha256(data).hexdigest(), lambda: iter((data,)), part, path)


def tombstone_object(tombstone: Tombstone) -> CopyObject:
    """Return the object of a tombstone."""
    return of_bytes(object_name(Part.TOMBSTONE, tombstone.archive), write_tombstone(tombstone), Part.TOMBSTONE)


def checkpoint_object(vault: Vault, size: int) -> CopyObject | None:
    """Return the object of a checkpoint, None where the catalogue has none of this size."""
    kept = get_checkpoint(vault.catalogue, size)
    return of_bytes(f"log/checkpoints/{size}.note", kept.note.encode()) if kept else None


def stamp_object(vault: Vault, size: int) -> CopyObject | None:
    """Return the object of a time stamp, None where it cannot be read."""
    return _small(f"log/checkpoints/{size}.tsr", stamp_path(vault.layout, size))


def certificate_object(vault: Vault, archive: str) -> CopyObject | None:
    """Return the object of a certificate of destruction, None where it cannot be read."""
    return _small(f"log/certificates/{archive}.note", vault.layout.certificate(archive))


def _small(name: str, path: Path) -> CopyObject | None:
    with suppress(OSError):
        return of_bytes(name, read_file(path), path=path)
    return None


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file of the vault. Raises SourceChanged where it cannot be read."""
    try:
        yield from read_in_blocks(path)
    except OSError as error:
        raise SourceChanged(
            f"{path.name} cannot be read: {error.strerror}", hint="see: strongroom scrub run"
        ) from error
