"""The small files beside the archives, compared with the log: checkpoints, certificates, tombstones, quarantine.

Nothing is read but files that the log records, and README.txt, whose text the program knows. A file that was set aside
may be removed by a person; one that is there must be what was moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from strongroom.engine.access.fixity import FixityFault, check_payload, check_small_files
from strongroom.model.archive import Holding
from strongroom.vault.archives import get_archive
from strongroom.vault.checkpoints import LoggedLine, entries_matching, note_path, stamp_path
from strongroom.vault.files import is_there, read_file
from strongroom.vault.layout import KNOWN
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.scrubs import put_aside
from strongroom.vault.tombstones import get_tombstone, tombstone_path
from strongroom.vault.vault import Vault

SETTLED_FILES = "SELECT file FROM scrub_findings WHERE archive = ? AND settled_at IS NOT NULL"

MOST = 16 << 20  # bytes of one such file that are read
WHOLE = 64 << 20  # of a file that was set aside
PAGE = 500  # entries read at once


class EvidencePart(StrEnum):
    """What kind of file is read."""

    CHECKPOINT = "checkpoints"
    CERTIFICATE = "certificates"
    TOMBSTONE = "tombstones"
    QUARANTINE = "quarantine"
    README = "readme"


class Looked(Struct, frozen=True):
    """One file that was read, and what is wrong with it."""

    part: EvidencePart
    archive: str  # empty where it belongs to none
    stream: str
    size: int
    fault: FixityFault | None = None
    wanted: frozenset[str] = frozenset()  # the SHA-256 it may have, where a copy could take its place


def evidence_files(vault: Vault, *, deep: bool = True) -> Iterator[Looked]:
    """Read one file after the other and yield what came of it; without `deep` no payload in quarantine."""
    yield _readme(vault)
    for entry in _entries(vault, "checkpoint"):
        yield from _checkpoint(vault, entry)
    for entry in _entries(vault, "archive.destroyed"):
        yield from _destroyed(vault, entry)
    for kind in ("files.moved", "manifest.rewritten", "file.rewritten", "archive.damaged"):
        for entry in _entries(vault, kind):
            yield from _aside(vault, entry)
    for archive_id in put_aside(vault.catalogue) if deep else ():
        yield from _put_aside(vault, archive_id)


def _entries(vault: Vault, kind: str) -> Iterator[LoggedLine]:
    after = 0
    while entries := entries_matching(vault.catalogue, kind=kind, after=after, most=PAGE):
        yield from entries
        after = entries[-1].seq


def _readme(vault: Vault) -> Looked:
    words = "expected the text that tells how to open the vault, got another"
    return _look(vault, EvidencePart.README, vault.layout.readme, KNOWN, words)


def _checkpoint(vault: Vault, entry: LoggedLine) -> Iterator[Looked]:
    facts = entry.body["facts"]
    for path, name in ((note_path, "note_sha256"), (stamp_path, "stamp_sha256")):
        if name in facts:
            words = f"expected the one recorded in entry {entry.seq}, got another"
            yield _look(
                vault,
                EvidencePart.CHECKPOINT,
                path(vault.layout, facts["entries"]),
                frozenset({str(facts[name])}),
                words,
            )


def _destroyed(vault: Vault, entry: LoggedLine) -> Iterator[Looked]:
    archive, stream = str(entry.body["archive"]), str(entry.body.get("stream", ""))
    facts, words = entry.body["facts"], f"expected the one recorded in entry {entry.seq}, got another"
    if "certificate_sha256" in facts:
        path, wanted = vault.layout.certificate(archive), frozenset({str(facts["certificate_sha256"])})
        yield _look(vault, EvidencePart.CERTIFICATE, path, wanted, words, archive, stream)
    if "manifest_sha256" in facts:
        destroyed_archive = get_tombstone(vault.catalogue, archive)
        path = (
            tombstone_path(vault.layout, destroyed_archive.tombstone)
            if destroyed_archive
            else vault.layout.manifest(archive)
        )
        yield _look(
            vault, EvidencePart.TOMBSTONE, path, frozenset({str(facts["manifest_sha256"])}), words, archive, stream
        )


def _aside(vault: Vault, entry: LoggedLine) -> Iterator[Looked]:
    for told in entry.body["facts"].get("aside", ()):
        name, sha256 = (str(each) for each in told)
        path = vault.layout.root / "quarantine" / Path(name).name
        if is_there(path):
            words = f"expected the file that was moved here by entry {entry.seq}, got another"
            yield _look(vault, EvidencePart.QUARANTINE, path, frozenset({sha256}), words, most=WHOLE)


def _put_aside(vault: Vault, archive_id: str) -> Iterator[Looked]:
    """Look at an archive in quarantine that the scrub passes over: all of it but what it was put aside for."""
    try:
        archive = get_archive(vault.catalogue, archive_id)
    except RowUnreadable:
        return  # named where the archives are read
    if archive is None or archive.holding is not Holding.QUARANTINED:
        return
    known = {Path(row["file"]).name for row in vault.catalogue.read(SETTLED_FILES, archive_id)}
    found = [*check_payload(vault, archive), *check_small_files(vault, archive)]
    faults = [each for each in found if Path(each.file).name not in known]
    looked = Looked(EvidencePart.QUARANTINE, "", archive.stream, archive.seal.sealed_size)
    yield from (Looked(EvidencePart.QUARANTINE, "", archive.stream, 0, each) for each in faults)
    yield looked


def _look(
    vault: Vault,
    part: EvidencePart,
    path: Path,
    wanted: frozenset[str],
    words: str,
    archive: str = "",
    stream: str = "",
    most: int = MOST,
) -> Looked:
    name, size, fault = str(path.relative_to(vault.layout.root)), 0, None
    try:
        data = read_file(path, most)
        size = len(data)
        if hashlib.sha256(data).hexdigest() not in wanted:
            fault = FixityFault(archive, name, part.value, words)
    except FileNotFoundError:
        fault = FixityFault(archive, name, "missing", "expected the file to be there")
    except OSError as error:
        fault = FixityFault(archive, name, "unreadable", f"expected a file that can be read, got: {error.strerror}")
    return Looked(part, archive, stream, size, fault, wanted)
