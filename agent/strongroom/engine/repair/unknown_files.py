"""Files under ids that the catalogue does not know: what they are by the log, and what can be done about each.

A payload with its key is never set aside while its content can be proven: by a manifest, by an older catalogue whose
manifest the log confirms, or by the digests that the log has of both files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from strongroom.engine.proof.manifests import Told, file_sha256, is_destroyed, manifest_from, newest, told_of
from strongroom.engine.repair.findings import ProblemKind, VaultProblem
from strongroom.vault.files import read_file
from strongroom.vault.key_rotation import logged_key_digest
from strongroom.vault.old_catalogues import Witnesses, witnesses_of
from strongroom.vault.orphans import LeakedCredential, strays
from strongroom.vault.tombstones import is_tombstone
from strongroom.vault.vault import Vault

WHOLE = 3  # files of an archive: payload, key file, manifest


def stray_problems(vault: Vault) -> Iterator[VaultProblem]:
    """Yield what is to be said of each, in the order of ids. Reads payloads only where nothing else tells."""
    witnesses = witnesses_of(vault.layout)
    for stray in strays(vault.layout, vault.catalogue):
        manifest = stray.manifest(vault.layout)
        if manifest is not None and _is_tombstone(manifest):
            continue  # destroyed, and told by its tombstone
        yield _judge(vault, witnesses, stray, manifest)


def _judge(vault: Vault, witnesses: Witnesses, stray: LeakedCredential, manifest: Path | None) -> VaultProblem:
    told = told_of(vault.catalogue, stray.archive)
    logged = "" if is_destroyed(told) else newest(told, "manifest_sha256")
    files = tuple(str(path.relative_to(vault.layout.root)) for path in stray.files)
    if logged and manifest is not None and file_sha256(manifest) == logged:
        logged = ""  # nothing has to be found out: it is the one that was published
    if logged and manifest_from(witnesses, stray.archive, told) is not None:
        words = f"archive {stray.archive} lies in the vault, and the catalogue does not know it"
        remedy = "write its manifest again from an older catalogue, as the log confirms it, and enter the archive"
        return VaultProblem(ProblemKind.UNKNOWN, words, remedy, archive=stray.archive, files=files)
    if logged and _is_proven(vault, stray, told):
        place = f"manifests/{stray.archive[-2:]}/{stray.archive}.json"
        words = (
            f"archive {stray.archive}: payload and key file are those recorded in the log;"
            f" {place} is {'gone' if manifest is None else 'another than the log has'}"
        )
        remedy = "put that file, or an older catalogue, back from a copy of the vault; nothing is moved until then"
        return VaultProblem(
            ProblemKind.NO_MANIFEST, words, remedy, mendable=False, archive=stray.archive, files=(place,)
        )
    return _unproven(stray, manifest, files, other=bool(logged))


def _unproven(stray: LeakedCredential, manifest: Path | None, files: tuple[str, ...], *, other: bool) -> VaultProblem:
    names = ", ".join(files)
    if manifest is None:
        words = f"{names}: a part of an archive that has no manifest"
    elif other:
        words = f"{names}: an archive that the catalogue does not know, and its files are not those of the log"
    elif len(stray.files) < WHOLE:
        words = f"{names}: an archive that the catalogue does not know, and a part of it is not there"
    else:
        words = f"archive {stray.archive} lies in the vault, and the catalogue does not know it"
        remedy = "enter it from its manifest, if its files are whole"
        return VaultProblem(ProblemKind.UNKNOWN, words, remedy, archive=stray.archive, files=files)
    return VaultProblem(ProblemKind.STRAY, words, "move it to quarantine", archive=stray.archive, files=files)


def _is_proven(vault: Vault, stray: LeakedCredential, told: Told) -> bool:
    """Say whether payload and key file are byte for byte what the log records."""
    key = logged_key_digest(vault.catalogue, stray.archive) or newest(told, "key_sha256")
    wanted = {newest(told, "sealed_sha256"), key} - {""}
    pair = [path for path in stray.files if path.suffix == ".age"]
    return len(wanted) == len(pair) == 2 and {file_sha256(path) for path in pair} == wanted


def _is_tombstone(path: Path) -> bool:
    try:
        return is_tombstone(read_file(path))
    except OSError:
        return False  # a folder of that name, or a file of another owner: told as what it is
