"""The small files beside the archives: which of them can be written again, from where, and doing it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from strongroom.engine.proof.manifests import replace_file
from strongroom.engine.repair.evidence_files import EvidencePart, Looked, evidence_files
from strongroom.engine.repair.findings import ProblemKind, Recovery, VaultProblem, keep_found
from strongroom.evidence.line import Entry, Fact
from strongroom.model.errors import VaultError
from strongroom.vault.checkpoints import all_checkpoints, note_path
from strongroom.vault.files import is_folder
from strongroom.vault.layout import README
from strongroom.vault.log import add_entry
from strongroom.vault.old_catalogues import witnesses_of
from strongroom.vault.tombstones import get_tombstone, write_tombstone
from strongroom.vault.vault import Vault


def file_problems(vault: Vault, *, deep: bool) -> Iterator[VaultProblem]:
    """Yield each file beside the archives that is gone or not what the log records."""
    return keep_found("files beside the archives", ProblemKind.FILE, (), lambda: _file_troubles(vault, deep=deep))


def _file_troubles(vault: Vault, *, deep: bool) -> Iterator[VaultProblem]:
    for looked in evidence_files(vault, deep=deep):
        if looked.fault is not None:
            yield _trouble(vault, looked)


def _trouble(vault: Vault, looked: Looked) -> VaultProblem:
    fault = looked.fault
    if fault is None:
        raise ValueError("nothing is wrong with this file")
    words, files = f"{fault.file}: {fault.message}", (fault.file,)
    if _is_in_the_way(vault, fault.file):
        remedy = "see what it is and move it away; then: strongroom recover --apply"
        return VaultProblem(ProblemKind.FILE, words, remedy, mendable=False, archive=looked.archive, files=files)
    if _copy_of(vault, looked) is None:
        remedy = "put the file back from a copy of the vault"
        return VaultProblem(ProblemKind.FILE, words, remedy, mendable=False, archive=looked.archive, files=files)
    remedy = "write it again; another file that is there goes to quarantine"
    return VaultProblem(ProblemKind.FILE, words, remedy, archive=looked.archive, files=files)


def _is_in_the_way(vault: Vault, name: str) -> bool:
    return is_folder(vault.layout.root / name)


def rewrite_file(recovery: Recovery, vault: Vault, trouble: VaultProblem) -> list[str]:
    """Write a file again from what the log confirms; what is in its place goes to quarantine."""
    found = (each for each in evidence_files(vault, deep=False) if each.fault and each.fault.file in trouble.files)
    looked = next(found, None)
    data = _copy_of(vault, looked) if looked is not None else None
    if looked is None or data is None:
        raise VaultError(f"there is no copy of {trouble.files[0]} here", hint="put it back from a copy of the vault")
    aside = replace_file(vault.layout, vault.layout.root / trouble.files[0], data)
    facts: dict[str, Fact] = {"file": trouble.files[0], "aside": aside}
    entry = Entry("file.rewritten", recovery.clock(), "", looked.archive, looked.stream, facts)
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, entry)
    return [f"wrote {trouble.files[0]} again"]


def _copy_of(vault: Vault, looked: Looked) -> bytes | None:
    """Return the bytes that a file should have, if some other place has them and the log confirms them."""
    for data in _candidates(vault, looked):
        if data is not None and hashlib.sha256(data).hexdigest() in looked.wanted:
            return data
    return None


def _candidates(vault: Vault, looked: Looked) -> Iterator[bytes | None]:
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
