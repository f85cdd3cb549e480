"""The small files beside the archives, compared with the log: checkpoints, certificates, tombstones, quarantine.

Only files that the log records are read, and README.txt, whose text the program knows. A person may remove a file that
was set aside; if it is there, it must be the one that was moved. What the log confirms can be written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from strongroom.engine.access.fixity import FixityFault, check_payload, check_small_files
from strongroom.engine.proof.manifests import replace_file
from strongroom.engine.repair.findings import ProblemKind, Recovery, VaultProblem, keep_found
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Holding
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.vault.archives import get_archive
from strongroom.vault.checkpoints import LoggedLine, all_checkpoints, entries_matching, note_path, stamp_path
from strongroom.vault.files import is_folder, is_there, read_file
from strongroom.vault.layout import KNOWN, README
from strongroom.vault.log import add_entry
from strongroom.vault.old_catalogues import witnesses_of
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.scrubs import put_aside
from strongroom.vault.tombstones import get_tombstone, tombstone_path, write_tombstone
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


class CheckedFile(Struct, frozen=True):
    """One file that was read, and what is wrong with it."""

    part: EvidencePart
    archive: str  # empty where it belongs to none
    stream: str
    size: int
    fault: FixityFault | None = None
    wanted: frozenset[str] = frozenset()  # the SHA-256 values allowed, where a copy could replace it


def evidence_files(vault: Vault, *, deep: bool = True) -> Iterator[CheckedFile]:
    """Read the files one by one and yield each result; without `deep` no payload in quarantine."""
    yield _readme(vault)
    for entry in _entries(vault, "checkpoint"):
        yield from _checkpoint(vault, entry)
    for entry in _entries(vault, EntryKind.ARCHIVE_DESTROYED):
        yield from _destroyed(vault, entry)
    for kind in (
        EntryKind.FILES_MOVED,
        EntryKind.MANIFEST_REWRITTEN,
        EntryKind.FILE_REWRITTEN,
        EntryKind.ARCHIVE_DAMAGED,
    ):
        for entry in _entries(vault, kind):
            yield from _aside(vault, entry)
    for archive_id in put_aside(vault.catalogue) if deep else ():
        yield from _put_aside(vault, archive_id)


def _entries(vault: Vault, kind: str) -> Iterator[LoggedLine]:
    after = 0
    while entries := entries_matching(vault.catalogue, kind=kind, after=after, most=PAGE):
        yield from entries
        after = entries[-1].seq


def _readme(vault: Vault) -> CheckedFile:
    words = "expected the text about opening the vault, found another"
    return _look(vault, EvidencePart.README, vault.layout.readme, KNOWN, words)


def _checkpoint(vault: Vault, entry: LoggedLine) -> Iterator[CheckedFile]:
    facts = entry.body["facts"]
    for path, name in ((note_path, "note_sha256"), (stamp_path, "stamp_sha256")):
        if name in facts:
            words = f"expected the one recorded in entry {entry.seq}, found another"
            yield _look(
                vault,
                EvidencePart.CHECKPOINT,
                path(vault.layout, facts["entries"]),
                frozenset({str(facts[name])}),
                words,
            )


def _destroyed(vault: Vault, entry: LoggedLine) -> Iterator[CheckedFile]:
    archive, stream = str(entry.body["archive"]), str(entry.body.get("stream", ""))
    facts, words = entry.body["facts"], f"expected the one recorded in entry {entry.seq}, found another"
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


def _aside(vault: Vault, entry: LoggedLine) -> Iterator[CheckedFile]:
    for moved in entry.body["facts"].get("aside", ()):
        name, sha256 = (str(each) for each in moved)
        path = vault.layout.root / "quarantine" / Path(name).name
        if is_there(path):
            words = f"expected the file that entry {entry.seq} says was moved here, found another"
            yield _look(vault, EvidencePart.QUARANTINE, path, frozenset({sha256}), words, most=WHOLE)


def _put_aside(vault: Vault, archive_id: str) -> Iterator[CheckedFile]:
    """Check an archive in quarantine that the scrub skips, except for the damage it was set aside for."""
    try:
        archive = get_archive(vault.catalogue, archive_id)
    except RowUnreadable:
        return  # reported where the archives are read
    if archive is None or archive.holding is not Holding.QUARANTINED:
        return
    known = {Path(row["file"]).name for row in vault.catalogue.read(SETTLED_FILES, archive_id)}
    found = [*check_payload(vault, archive), *check_small_files(vault, archive)]
    faults = [each for each in found if Path(each.file).name not in known]
    looked = CheckedFile(EvidencePart.QUARANTINE, "", archive.stream, archive.seal.sealed_size)
    yield from (CheckedFile(EvidencePart.QUARANTINE, "", archive.stream, 0, each) for each in faults)
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
) -> CheckedFile:
    name, size, fault = str(path.relative_to(vault.layout.root)), 0, None
    try:
        data = read_file(path, most)
        size = len(data)
        if hashlib.sha256(data).hexdigest() not in wanted:
            fault = FixityFault(archive, name, part.value, words)
    except FileNotFoundError:
        fault = FixityFault(archive, name, "missing", "the file is missing")
    except OSError as error:
        fault = FixityFault(archive, name, "unreadable", f"the file cannot be read: {error.strerror}")
    return CheckedFile(part, archive, stream, size, fault, wanted)


def file_problems(vault: Vault, *, deep: bool) -> Iterator[VaultProblem]:
    """Yield each file beside the archives that is gone or not what the log records."""
    return keep_found("files beside the archives", ProblemKind.FILE, (), lambda: _each_problem(vault, deep=deep))


def _each_problem(vault: Vault, *, deep: bool) -> Iterator[VaultProblem]:
    for looked in evidence_files(vault, deep=deep):
        if looked.fault is not None:
            yield _problem(vault, looked)


def _problem(vault: Vault, looked: CheckedFile) -> VaultProblem:
    fault = looked.fault
    if fault is None:
        raise ValueError("nothing is wrong with this file")
    words, files = f"{fault.file}: {fault.message}", (fault.file,)
    if _is_in_the_way(vault, fault.file):
        remedy = "check what it is and move it away; then run: strongroom recover --apply"
        return VaultProblem(ProblemKind.FILE, words, remedy, mendable=False, archive=looked.archive, files=files)
    if _copy_of(vault, looked) is None:
        remedy = "restore the file from a copy of the vault"
        return VaultProblem(ProblemKind.FILE, words, remedy, mendable=False, archive=looked.archive, files=files)
    remedy = "write it again; a different file there moves to quarantine"
    return VaultProblem(ProblemKind.FILE, words, remedy, archive=looked.archive, files=files)


def _is_in_the_way(vault: Vault, name: str) -> bool:
    return is_folder(vault.layout.root / name)


def rewrite_file(recovery: Recovery, vault: Vault, problem: VaultProblem) -> list[str]:
    """Write a file again from what the log confirms; what is in its place moves to quarantine."""
    found = (each for each in evidence_files(vault, deep=False) if each.fault and each.fault.file in problem.files)
    looked = next(found, None)
    data = _copy_of(vault, looked) if looked is not None else None
    if looked is None or data is None:
        raise VaultError(f"there is no copy of {problem.files[0]} here", hint="restore it from a copy of the vault")
    aside = replace_file(vault.layout, vault.layout.root / problem.files[0], data)
    facts: dict[str, Fact] = {"file": problem.files[0], "aside": aside}
    entry = Entry(EntryKind.FILE_REWRITTEN, recovery.clock(), "", looked.archive, looked.stream, facts)
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, entry)
    return [f"wrote {problem.files[0]} again"]


def _copy_of(vault: Vault, looked: CheckedFile) -> bytes | None:
    """Return the bytes that a file should have, if another place has them and the log confirms them."""
    for data in _candidates(vault, looked):
        if data is not None and hashlib.sha256(data).hexdigest() in looked.wanted:
            return data
    return None


def _candidates(vault: Vault, looked: CheckedFile) -> Iterator[bytes | None]:
    if looked.part is EvidencePart.README:
        yield README.encode()
    elif looked.part is EvidencePart.TOMBSTONE:
        destroyed_archive = get_tombstone(vault.catalogue, looked.archive)
        yield write_tombstone(destroyed_archive.tombstone) if destroyed_archive else None
        witnesses = witnesses_of(vault.layout)
        yield from (witnesses.tombstone(looked.archive, each) for each in looked.wanted)
    elif looked.part is EvidencePart.CHECKPOINT and looked.fault is not None:
        for kept in all_checkpoints(vault.catalogue):
            if str(note_path(vault.layout, kept.size).relative_to(vault.layout.root)) == looked.fault.file:
                yield kept.note.encode()
