"""Fixity without an identity: whether the sealed files are the ones that were published. Their content: content.py."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from strongroom.model.archive import Archive, Holding
from strongroom.vault.archives import key_digest
from strongroom.vault.files import file_size, open_descriptor, open_file, read_file
from strongroom.vault.key_rotation import key_digests, logged_key_digest
from strongroom.vault.log import entries_of_archive
from strongroom.vault.manifest import write_manifest
from strongroom.vault.segments import segment_fault, segment_of
from strongroom.vault.vault import Vault

BLOCK = 1 << 20

SEGMENT = "index"
"""The code of a search segment that cannot be used. The archive itself is whole, and a new one can be made."""

NOT_LOGGED = "expected an entry about its publication in the log, found none"

Watch = Callable[[int], None]
"""Hears how many more bytes were read."""


class FixityFault(Struct, frozen=True):
    """One difference from what was published."""

    archive: str
    file: str  # relative to the vault
    code: str  # missing, size, digest, manifest, key, log, content, counts, index
    message: str  # expected and found


def check_fixity(vault: Vault, archive: Archive, watch: Watch = lambda _count: None) -> list[FixityFault]:
    """Compare payload, key file and manifest with what the catalogue says. Reads every sealed byte."""
    return [*check_payload(vault, archive, watch), *check_small_files(vault, archive)]


def check_small_files(vault: Vault, archive: Archive) -> list[FixityFault]:
    """Compare key file, manifest, search segment and the log's line, and not the payload."""
    checks = (_check_key, _check_manifest, _check_log, _check_segment)
    return [fault for check in checks for fault in check(vault, archive)]


def forget_cached(vault: Vault, archive: Archive) -> None:
    """Drop the small files from the page cache, so that the next read comes from the disk."""
    for path in (vault.key_path(archive), _manifest_path(vault, archive), vault.layout.segment(archive.id)):
        try:
            fd = open_descriptor(path, os.O_RDONLY)
        except OSError:
            continue  # reading it will report the error
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def payload_fault(
    vault: Vault, archive: Archive, *, size: int | None = None, digest: str = "", error: OSError | None = None
) -> FixityFault:
    """Return the fault of a payload: another size, another digest, or an error when reading it."""
    name, seal = str(vault.payload_path(archive).relative_to(vault.layout.root)), archive.seal
    if error is not None:
        return _unreadable(archive, name, error)
    if size is not None:
        return FixityFault(archive.id, name, "size", f"expected {seal.sealed_size} bytes, got {size}")
    message = f"expected SHA-256 {seal.sealed_sha256[:16]}…, got {digest[:16]}…"
    return FixityFault(archive.id, name, "digest", message)


def check_payload(vault: Vault, archive: Archive, watch: Watch = lambda _count: None) -> list[FixityFault]:
    """Compare the sealed payload with the size and digest that the manifest has of it. Reads every byte."""
    path, seal = vault.payload_path(archive), archive.seal
    try:
        size = file_size(path)
        if size != seal.sealed_size:
            return [payload_fault(vault, archive, size=size)]
        found = _sha256(path, watch)
    except OSError as error:
        return [payload_fault(vault, archive, error=error)]
    return [] if found == seal.sealed_sha256 else [payload_fault(vault, archive, digest=found)]


def _check_key(vault: Vault, archive: Archive) -> list[FixityFault]:
    path = vault.key_path(archive)
    name = str(path.relative_to(vault.layout.root))
    try:
        found = vault.key_sha256(archive)
        expected = key_digests(vault.catalogue, archive.id)
        if found not in expected:  # a rotation may have replaced it in between
            found, expected = vault.key_sha256(archive), key_digests(vault.catalogue, archive.id)
    except OSError as error:
        return [_unreadable(archive, name, error)]
    if found in expected:
        return _check_logged_key(vault, archive, expected[0])
    return [FixityFault(archive.id, name, "key", f"expected SHA-256 {expected[0][:16]}…, got {found[:16]}…")]


def _check_logged_key(vault: Vault, archive: Archive, expected: str) -> list[FixityFault]:
    if logged_key_digest(vault.catalogue, archive.id) in (None, expected, key_digest(vault.catalogue, archive.id)):
        return []
    message = "the catalogue and the log have different SHA-256 values for the key file"
    return [FixityFault(archive.id, "log/log.jsonl", "log", message)]


def _check_log(vault: Vault, archive: Archive) -> list[FixityFault]:
    """Compare with the line that the evidence log has of the archive's publication."""
    entries = entries_of_archive(vault.catalogue, archive.id)
    logged = [entry.body.get("facts") for entry in reversed(entries)]  # the newest entry counts
    manifest = hashlib.sha256(write_manifest(archive)).hexdigest()
    for facts in logged:
        if isinstance(facts, dict) and "manifest_sha256" in facts:
            if facts["manifest_sha256"] == manifest and facts.get("sealed_sha256") == archive.seal.sealed_sha256:
                return []
            message = "the catalogue and the log have different digests for it"
            return [FixityFault(archive.id, "log/log.jsonl", "log", message)]
    return [FixityFault(archive.id, "log/log.jsonl", "log", NOT_LOGGED)]


def _check_segment(vault: Vault, archive: Archive) -> list[FixityFault]:
    """Compare the search segment with what the log says of it. An archive without one has no fault."""
    segment = segment_of(vault.catalogue, archive) if archive.holding is Holding.HELD else None
    fault = segment_fault(vault.layout, archive.id, segment) if segment else ""
    name = str(vault.layout.segment(archive.id).relative_to(vault.layout.root))
    return [FixityFault(archive.id, name, SEGMENT, fault)] if fault else []


def _check_manifest(vault: Vault, archive: Archive) -> list[FixityFault]:
    path = _manifest_path(vault, archive)
    name = str(path.relative_to(vault.layout.root))
    try:
        found = read_file(path)
    except OSError as error:
        return [_unreadable(archive, name, error)]
    if found != write_manifest(archive):
        return [
            FixityFault(
                archive.id, name, "manifest", "expected the manifest that the catalogue has, found a different one"
            )
        ]
    return []


def _manifest_path(vault: Vault, archive: Archive) -> Path:
    quarantined = archive.holding is Holding.QUARANTINED
    return vault.layout.quarantined(archive.id, ".json") if quarantined else vault.layout.manifest(archive.id)


def _sha256(path: Path, watch: Watch) -> str:
    digest, block = hashlib.sha256(), bytearray(BLOCK)
    view = memoryview(block)
    with open_file(path) as file:
        while count := file.readinto(block):
            digest.update(view[:count])
            watch(count)
    return digest.hexdigest()


def _unreadable(archive: Archive, name: str, error: OSError) -> FixityFault:
    code = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
    return FixityFault(archive.id, name, code, f"expected the file to be there, got: {error.strerror}")
