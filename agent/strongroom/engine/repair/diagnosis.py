"""What is wrong with a vault, found by reading alone, and what can be done about it.

The order matters: archives are not judged by a catalogue that is lost, damaged, or of another age than its log.

A payload with its key is never set aside while its content can be proven: by a manifest, by an older catalogue whose
manifest the log confirms, or by the digests that the log has of both files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from strongroom.engine.access.fixity import (
    NOT_LOGGED,
    SEGMENT,
    FixityFault,
    check_fixity,
    check_small_files,
    payload_fault,
)
from strongroom.engine.access.inventory import each_archive
from strongroom.engine.destruction.log_consistency import held_otherwise, planned_otherwise
from strongroom.engine.proof.derived import Wrong, row_differences
from strongroom.engine.proof.log_continuity import begins_anew, is_accepted
from strongroom.engine.proof.manifests import LogLines, file_sha256, is_destroyed, lines_of, manifest_from, newest
from strongroom.engine.repair.catalogue_check import (
    catalogue_problems,
    log_problems,
)
from strongroom.engine.repair.evidence_files import file_problems
from strongroom.engine.repair.findings import ProblemKind, VaultProblem, keep_found
from strongroom.engine.repair.vault_folder import is_unfinished, misplaced
from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.text import counted, noun_of
from strongroom.vault.archives import all_archive_ids, get_archive
from strongroom.vault.files import file_size, open_descriptor, read_file
from strongroom.vault.jobs import interrupted_jobs
from strongroom.vault.key_rotation import logged_key_digest
from strongroom.vault.layout import Layout
from strongroom.vault.old_catalogues import Witnesses, witnesses_of
from strongroom.vault.orphans import StrayFiles, strays
from strongroom.vault.scrubs import findings_of, is_still_read
from strongroom.vault.tombstones import is_tombstone
from strongroom.vault.vault import Vault, open_vault, require_sound_places

_DECISIVE = (ProblemKind.BAD_CATALOGUE, ProblemKind.OLD_CATALOGUE, ProblemKind.FORKED_LOG, ProblemKind.BROKEN_LOG)
"""What must be repaired before anything else in a vault can be judged."""


def diagnose(root: Path, *, deep: bool = False, configured: bool = True) -> list[VaultProblem]:
    """Return everything that is wrong, in the order in which to repair it. Changes nothing.

    `deep` reads every sealed byte; without it payloads are judged by their size and by what scrubs found. An empty
    vault that no configuration names (`configured` is False) is what an interrupted init left.
    """
    layout = Layout(root)
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}", hint="run: strongroom init, or check [vault] path")
    try:
        require_sound_places(layout)
    except VaultError as error:
        return [VaultProblem(ProblemKind.PLACE, error.message, error.hint, mendable=False)]
    if is_unfinished(layout, configured=configured):
        words = "init was interrupted: the vault is empty, and init refuses the folder"
        remedy = "move the folder aside, so that strongroom init can be run again"
        return [VaultProblem(ProblemKind.UNFINISHED, words, remedy)]
    found = list(catalogue_problems(layout))
    if found:
        return found
    vault = open_vault(root)
    try:
        found = list(keep_found("the log", ProblemKind.UNREADABLE_LOG, ("log/log.jsonl",), lambda: log_problems(vault)))
        found += [] if found else _of_unreadable(vault)
        if any(each.kind in _DECISIVE for each in found):
            return found
        found += [*_of_holds(vault), *_of_jobs(vault), *_of_archives(vault, deep=deep)]
        found += keep_found("stray files", ProblemKind.FILE, (), lambda: stray_problems(vault))
        found += file_problems(vault, deep=deep)
        found += keep_found("the kinds of files", ProblemKind.FILE, (), lambda: _of_places(layout, list(found)))
        return found if any(each.mendable for each in found) else [*found, *_of_rows(vault)]  # files first
    finally:
        vault.close()


def _keep_of_rows(what: str, look: Callable[[], Iterable[VaultProblem]]) -> Iterator[VaultProblem]:
    return keep_found(what, ProblemKind.ROWS, ("catalogue.sqlite",), look)


def _of_places(layout: Layout, found: list[VaultProblem]) -> Iterator[VaultProblem]:
    """Yield what is in the place of a file and is none, unless already reported."""
    named = {name for each in found for name in each.files}
    for name in misplaced(layout):
        if name not in named:
            words = f"{name} is a symbolic link or not a regular file, so it is not opened"
            remedy = "check what it is, remove it, and restore the file from a copy if there was one"
            yield VaultProblem(ProblemKind.PLACE, words, remedy, mendable=False, files=(name,))


def _of_unreadable(vault: Vault) -> Iterator[VaultProblem]:
    """Yield the archives whose rows cannot be read; a rebuild makes them again."""
    names = [each.archive for each in each_archive(vault) if isinstance(each, FixityFault)]
    if names:
        row = f"the row of archive {names[0]}" if len(names) == 1 else f"{len(names)} rows ({', '.join(names[:3])})"
        words = f"the catalogue is damaged: {row} cannot be read or belongs to another archive"
        remedy = "rebuild the catalogue from log and manifests (strongroom rebuild); the damaged one is kept"
        yield VaultProblem(ProblemKind.BAD_CATALOGUE, words, remedy, files=("catalogue.sqlite",))


def _of_holds(vault: Vault) -> Iterator[VaultProblem]:
    """Compare the holds with the log, which is intact here: a hold without its row would not be shown to anybody."""
    remedy = "rebuild the catalogue from log and manifests: strongroom rebuild; until then nothing is destroyed"

    def look() -> Iterator[VaultProblem]:
        for words in held_otherwise(vault.catalogue):
            yield VaultProblem(ProblemKind.HOLDS, words, remedy, mendable=False, files=("catalogue.sqlite",))

    return _keep_of_rows("holds", look)


def _of_rows(vault: Vault) -> Iterator[VaultProblem]:
    """Compare the rows that decisions depend on with log and manifests; holds have their own kind of problem."""
    return _keep_of_rows("rows of the catalogue", lambda: _differing_rows(vault))


def _differing_rows(vault: Vault) -> Iterator[VaultProblem]:
    wrong = [each for each in row_differences(vault) if not each.where.startswith("holds ")]
    wrong += [Wrong("row", "plans", words) for words in planned_otherwise(vault.catalogue)]
    if wrong:
        more = f" (and {len(wrong) - 1} more; strongroom audit verify names each)" if len(wrong) > 1 else ""
        words = f"the log and the manifests do not confirm the catalogue: {wrong[0].where}: {wrong[0].message}{more}"
        remedy = "rebuild the catalogue from log and manifests: strongroom rebuild; the current one is kept"
        yield VaultProblem(ProblemKind.ROWS, words, remedy, mendable=False, files=("catalogue.sqlite",))


def _of_jobs(vault: Vault) -> Iterator[VaultProblem]:
    return _keep_of_rows("jobs", lambda: _interrupted(vault))


def _interrupted(vault: Vault) -> Iterator[VaultProblem]:
    jobs = interrupted_jobs(vault.catalogue)
    if jobs:
        words = f"{counted(len(jobs), 'job')} {noun_of(len(jobs), 'was', 'were')} in progress when the process ended"
        yield VaultProblem(ProblemKind.INTERRUPTED, words, "nothing to do: the next run resumes them", mendable=False)


def _of_archives(vault: Vault, *, deep: bool) -> Iterator[VaultProblem]:
    not_logged, anew = 0, begins_anew(vault)
    for archive_id in all_archive_ids(vault.catalogue):
        faults: list[FixityFault] = []
        look = partial(_look_at, vault, archive_id, faults, deep=deep, anew=anew)
        yield from _keep_of_rows(f"archive {archive_id}", look)
        not_logged += sum(anew and each.message == NOT_LOGGED for each in faults)
    if not_logged and not is_accepted(vault):
        older = f"{counted(not_logged, 'archive')} {noun_of(not_logged, 'is', 'are')} older than the log"
        words = f"the log begins with a rebuild without a log: {older}, and so may be legal holds"
        remedy = "restore log/log.jsonl from a copy and rebuild; without a copy, place the legal holds again, then:"
        remedy += " strongroom recover --accept-lost-history WHY"
        yield VaultProblem(ProblemKind.NO_HISTORY, words, remedy, mendable=False, files=("log/log.jsonl",))


def _look_at(
    vault: Vault, archive_id: str, faults: list[FixityFault], *, deep: bool, anew: bool
) -> Iterator[VaultProblem]:
    """Yield the problems of one archive; also fills in the faults."""
    archive = get_archive(vault.catalogue, archive_id)
    if archive is not None and is_still_read(vault.catalogue, archive_id):
        faults += faults_of(vault, archive, deep=deep)
        yield from _of_archive(vault, archive, [each for each in faults if not (anew and each.message == NOT_LOGGED)])


def faults_of(vault: Vault, archive: Archive, *, deep: bool) -> list[FixityFault]:
    """Return what is wrong with an archive's files."""
    if deep:
        return check_fixity(vault, archive)
    return [*_quick_payload_faults(vault, archive), *check_small_files(vault, archive)]


def _quick_payload_faults(vault: Vault, archive: Archive) -> list[FixityFault]:
    path = vault.payload_path(archive)
    try:
        size = file_size(path)
    except OSError as error:
        return [payload_fault(vault, archive, error=error)]
    if size != archive.seal.sealed_size:
        return [payload_fault(vault, archive, size=size)]
    name = os.path.relpath(path, vault.layout.root)
    found = [each for each in findings_of(vault.catalogue, archive.id) if each.file == name]
    return [FixityFault(archive.id, each.file, each.code, f"{each.message} (found by a scrub)") for each in found]


def _of_archive(vault: Vault, archive: Archive, faults: list[FixityFault]) -> Iterator[VaultProblem]:
    payload, key = (
        str(path.relative_to(vault.layout.root)) for path in (vault.payload_path(archive), vault.key_path(archive))
    )
    about = f"archive {archive.id} of {archive.stream}"
    for fault in faults:
        words, files = f"{about}: {fault.file}: {fault.message}", (fault.file,)
        if fault.code == SEGMENT:
            remedy = "searches read the archive instead; to make a new segment: strongroom index build"
            yield VaultProblem(ProblemKind.SEGMENT, words, remedy, mendable=False, archive=archive.id, files=files)
        elif fault.code == "unreadable" and not _is_readable(vault.layout.root / fault.file):
            kind = {payload: ProblemKind.PAYLOAD, key: ProblemKind.KEY}.get(fault.file, ProblemKind.MANIFEST)
            remedy = "check its type, owner and mode; make it readable, or move it away; then check again"
            yield VaultProblem(kind, words, remedy, mendable=False, archive=archive.id, files=files)
        elif fault.file in (payload, key):
            kind = ProblemKind.KEY if fault.file == key else ProblemKind.PAYLOAD
            remedy = (
                "restore the file from a copy of the vault; without a copy, --apply moves the rest to quarantine"
                " and the window is exported again if the provider still has it"
            )
            yield VaultProblem(kind, words, remedy, archive=archive.id, files=files)
        elif fault.code == "log":
            remedy = "the catalogue or the log was changed; compare both with a copy of the vault"
            yield VaultProblem(ProblemKind.MANIFEST, words, remedy, mendable=False, archive=archive.id, files=files)
        else:
            remedy = "write it again from the catalogue, which the log confirms; the damaged one moves to quarantine"
            yield VaultProblem(ProblemKind.MANIFEST, words, remedy, archive=archive.id, files=files)


def _is_readable(path: Path) -> bool:
    """Return whether the file can be opened: then the content is at fault, not its mode, owner or type."""
    try:
        os.close(open_descriptor(path, os.O_RDONLY))
    except OSError:
        return False
    return True


WHOLE = 3  # files of an archive: payload, key file, manifest


def stray_problems(vault: Vault) -> Iterator[VaultProblem]:
    """Yield the files under ids that the catalogue does not know, by id. Reads payloads only where necessary."""
    witnesses = witnesses_of(vault.layout)
    for stray in strays(vault.layout, vault.catalogue):
        manifest = stray.manifest(vault.layout)
        if manifest is not None and _is_tombstone(manifest):
            continue  # destroyed, as its tombstone shows
        yield _judge(vault, witnesses, stray, manifest)


def _judge(vault: Vault, witnesses: Witnesses, stray: StrayFiles, manifest: Path | None) -> VaultProblem:
    lines = lines_of(vault.catalogue, stray.archive)
    logged = "" if is_destroyed(lines) else newest(lines, "manifest_sha256")
    files = tuple(str(path.relative_to(vault.layout.root)) for path in stray.files)
    if logged and manifest is not None and file_sha256(manifest) == logged:
        logged = ""  # it is the one that was published
    if logged and manifest_from(witnesses, stray.archive, lines) is not None:
        words = f"archive {stray.archive} is in the vault, but not in the catalogue"
        remedy = "write its manifest again from an older catalogue, which the log confirms, and enter the archive"
        return VaultProblem(ProblemKind.UNKNOWN, words, remedy, archive=stray.archive, files=files)
    if logged and _is_proven(vault, stray, lines):
        place = f"manifests/{stray.archive[-2:]}/{stray.archive}.json"
        words = (
            f"archive {stray.archive}: payload and key file are those recorded in the log;"
            f" {place} is {'missing' if manifest is None else 'not the one in the log'}"
        )
        remedy = "restore that file, or an older catalogue, from a copy of the vault; nothing is moved until then"
        return VaultProblem(
            ProblemKind.NO_MANIFEST, words, remedy, mendable=False, archive=stray.archive, files=(place,)
        )
    return _unproven(stray, manifest, files, other=bool(logged))


def _unproven(stray: StrayFiles, manifest: Path | None, files: tuple[str, ...], *, other: bool) -> VaultProblem:
    names = ", ".join(files)
    if manifest is None:
        words = f"{names}: part of an archive without a manifest"
    elif other:
        words = f"{names}: an archive that is not in the catalogue, with files that are not those of the log"
    elif len(stray.files) < WHOLE:
        words = f"{names}: an archive that is not in the catalogue and not complete"
    else:
        words = f"archive {stray.archive} is in the vault, but not in the catalogue"
        remedy = "enter it from its manifest, if its files are intact"
        return VaultProblem(ProblemKind.UNKNOWN, words, remedy, archive=stray.archive, files=files)
    return VaultProblem(ProblemKind.STRAY, words, "move it to quarantine", archive=stray.archive, files=files)


def _is_proven(vault: Vault, stray: StrayFiles, lines: LogLines) -> bool:
    """Return whether payload and key file are exactly what the log records."""
    key = logged_key_digest(vault.catalogue, stray.archive) or newest(lines, "key_sha256")
    wanted = {newest(lines, "sealed_sha256"), key} - {""}
    pair = [path for path in stray.files if path.suffix == ".age"]
    return len(wanted) == len(pair) == 2 and {file_sha256(path) for path in pair} == wanted


def _is_tombstone(path: Path) -> bool:
    try:
        return is_tombstone(read_file(path))
    except OSError:
        return False  # a folder of that name, or a file of another owner: reported elsewhere
