"""Fixity without a key: are the sealed files the ones that were published? Content needs an identity: content.py."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strongroom.model.archive import Archive, Holding
from strongroom.vault.archives import key_digest
from strongroom.vault.log import entries_of_archive
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import Vault

BLOCK = 1 << 20

Watch = Callable[[int], None]
"""Hears how many more bytes were read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was published."""

    archive: str
    file: str  # relative to the vault
    code: str  # missing, size, digest, manifest, key, log, content, counts
    message: str  # expected and got


def check_fixity(vault: Vault, archive: Archive, watch: Watch = lambda _count: None) -> list[Fault]:
    """Compare payload, key file and manifest with what the catalogue says. Reads every sealed byte."""
    return [
        *_check_payload(vault, archive, watch),
        *_check_key(vault, archive),
        *_check_manifest(vault, archive),
        *_check_log(vault, archive),
    ]


def _check_payload(vault: Vault, archive: Archive, watch: Watch) -> list[Fault]:
    path, seal = vault.payload_path(archive), archive.seal
    name = str(path.relative_to(vault.layout.root))
    try:
        size = path.stat().st_size
        if size != seal.sealed_size:
            return [Fault(archive.id, name, "size", f"expected {seal.sealed_size} bytes, got {size}")]
        found = _sha256(path, watch)
    except OSError as error:
        return [_unreadable(archive, name, error)]
    if found != seal.sealed_sha256:
        message = f"expected SHA-256 {seal.sealed_sha256[:16]}…, got {found[:16]}…"
        return [Fault(archive.id, name, "digest", message)]
    return []


def _check_key(vault: Vault, archive: Archive) -> list[Fault]:
    path = vault.key_path(archive)
    name = str(path.relative_to(vault.layout.root))
    try:
        found = vault.key_sha256(archive)
    except OSError as error:
        return [_unreadable(archive, name, error)]
    expected = key_digest(vault.catalogue, archive.id)
    if found != expected:
        return [Fault(archive.id, name, "key", f"expected SHA-256 {expected[:16]}…, got {found[:16]}…")]
    return []


def _check_log(vault: Vault, archive: Archive) -> list[Fault]:
    """Compare with the line that the evidence log has of the archive's publication."""
    told = [entry.body.get("facts") for entry in entries_of_archive(vault.catalogue, archive.id)]
    manifest = hashlib.sha256(write_manifest(archive)).hexdigest()
    for facts in told:
        if isinstance(facts, dict) and "manifest_sha256" in facts:
            if facts["manifest_sha256"] == manifest and facts.get("sealed_sha256") == archive.seal.sealed_sha256:
                return []
            message = "expected the digests that the log has of it, the catalogue has others"
            return [Fault(archive.id, "log/log.jsonl", "log", message)]
    return [Fault(archive.id, "log/log.jsonl", "log", "expected a line about its publication, the log has none")]


def _check_manifest(vault: Vault, archive: Archive) -> list[Fault]:
    layout = vault.layout
    quarantined = archive.holding is Holding.QUARANTINED
    path = layout.quarantined(archive.id, ".json") if quarantined else layout.manifest(archive.id)
    name = str(path.relative_to(layout.root))
    try:
        found = path.read_bytes()
    except OSError as error:
        return [_unreadable(archive, name, error)]
    if found != write_manifest(archive):
        return [Fault(archive.id, name, "manifest", "expected the manifest that the catalogue holds, got another")]
    return []


def _sha256(path: Path, watch: Watch) -> str:
    digest, block = hashlib.sha256(), bytearray(BLOCK)
    view = memoryview(block)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(view[:count])
            watch(count)
    return digest.hexdigest()


def _unreadable(archive: Archive, name: str, error: OSError) -> Fault:
    code = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
    return Fault(archive.id, name, code, f"expected the file to be there, got: {error.strerror}")
