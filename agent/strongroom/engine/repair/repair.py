"""Repairing what the diagnosis found. Nothing is deleted: damaged files are moved aside, and every change is logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from strongroom.engine.access.fixity import check_small_files
from strongroom.engine.proof.manifests import manifest_place, replace_file, set_aside
from strongroom.engine.repair.archive_repair import adopt, quarantine
from strongroom.engine.repair.catalogue_check import is_foreign
from strongroom.engine.repair.diagnosis import diagnose
from strongroom.engine.repair.evidence_files import rewrite_file
from strongroom.engine.repair.findings import ProblemKind, Recovery, VaultProblem
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.engine.repair.vault_folder import move_unfinished
from strongroom.evidence.line import Entry, Fact
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.text import counted
from strongroom.vault.archives import get_archive
from strongroom.vault.layout import Layout
from strongroom.vault.lock import hold
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import Vault, open_vault

ROUNDS = 5  # one repair may uncover another problem


class Repaired(Struct, frozen=True):
    """What was done, and what is left."""

    done: tuple[str, ...]
    left: tuple[VaultProblem, ...]


def apply(recovery: Recovery) -> Repaired:
    """Diagnose and repair until nothing repairable is left. Raises VaultLocked while another process works there."""
    done: list[str] = []
    before: list[VaultProblem] = []
    for _ in range(ROUNDS):
        found = diagnose(recovery.root, deep=recovery.deep, configured=recovery.configured)
        mendable = [each for each in found if each.mendable]
        if not mendable or found == before:
            return Repaired(tuple(dict.fromkeys(done)), tuple(found))
        done, before = done + _repair_all(recovery, mendable), found
        if mendable[0].kind is ProblemKind.UNFINISHED:
            return Repaired(tuple(done), ())
    left = diagnose(recovery.root, deep=recovery.deep, configured=recovery.configured)
    return Repaired(tuple(dict.fromkeys(done)), tuple(left))


def _repair_all(recovery: Recovery, found: list[VaultProblem]) -> list[str]:
    first = found[0].kind
    if first is ProblemKind.UNFINISHED:
        return [move_unfinished(recovery.root, recovery.clock)]
    if first in (ProblemKind.NO_CATALOGUE, ProblemKind.BAD_CATALOGUE, ProblemKind.OLD_CATALOGUE):
        return _rebuild(recovery)
    vault = open_vault(recovery.root)
    try:
        with hold(vault.layout.lock, "strongroom recover"):
            vault.make_folders()
            done = [each for problem in _once_each(found) for each in _try(recovery, vault, problem)]
            done += _bring_level(vault)
        return done
    finally:
        vault.close()


def _bring_level(vault: Vault) -> list[str]:
    """Append the catalogue's entries to the log file; if it cannot be written, that is reported and nothing is lost."""
    try:
        vault.write_log()
    except (VaultError, WorldError, OSError) as error:
        words = error.strerror if isinstance(error, OSError) else error.message
        return [f"did not change log/log.jsonl: {words}; the catalogue has every entry"]
    return []


def _try(recovery: Recovery, vault: Vault, problem: VaultProblem) -> list[str]:
    """Repair one problem; one that cannot be repaired is reported, and the rest continues."""
    try:
        return _REPAIRS[problem.kind](recovery, vault, problem)
    except (VaultError, WorldError, OSError) as error:
        words = (error.strerror, "check what it is") if isinstance(error, OSError) else (error.message, error.hint)
        return [f"did not change {', '.join(problem.files)}: {words[0]}; {words[1]}"]


def _once_each(found: list[VaultProblem]) -> list[VaultProblem]:
    """Leave out further problems of an archive that will be moved to quarantine."""
    lost = {each.archive for each in found if each.kind in (ProblemKind.PAYLOAD, ProblemKind.KEY)}
    seen: set[tuple[str, str]] = set()
    kept = []
    for each in found:
        kind = "lost" if each.archive in lost else each.kind.value
        if (each.archive, kind) in seen and each.archive:
            continue
        if each.archive in lost and each.kind is ProblemKind.MANIFEST:
            continue
        seen.add((each.archive, kind))
        kept.append(each)
    return kept


def _rebuild(recovery: Recovery) -> list[str]:
    # A damaged catalogue cannot repair the log; without any log, the diagnosis leaves this to a person.
    lose = not is_foreign(Layout(recovery.root).catalogue)
    made = rebuild(Rebuild(recovery.root, recovery.clock, recovery.streams, lose_history=lose))
    kept = f"; the old one is now {made.aside.name}" if made.aside else ""
    jobs, entries = counted(made.jobs, "job"), counted(made.entries, "entry")
    words = f"rebuilt the catalogue: {counted(made.archives, 'archive')}, {jobs}, {entries}{kept}"
    sealed = f"{counted(made.sealed, 'hold')} with a sealed name: strongroom rebuild --identity FILE opens it"
    return [
        words,
        *([sealed] if made.sealed else []),
        *made.restored,
        *(f"still wrong: {fault}" for fault in made.faults),
    ]


def _level(_recovery: Recovery, vault: Vault, problem: VaultProblem) -> list[str]:
    vault.write_log()
    return [f"updated the log file from the catalogue ({problem.kind})"]


def _rewrite_manifest(recovery: Recovery, vault: Vault, problem: VaultProblem) -> list[str]:
    archive = get_archive(vault.catalogue, problem.archive)
    if archive is None:
        return []
    path = manifest_place(vault.layout, archive)
    if any(fault.code == "log" for fault in check_small_files(vault, archive)):
        return []  # the log does not confirm the catalogue either: a person must decide
    name, aside = str(path.relative_to(vault.layout.root)), replace_file(vault.layout, path, write_manifest(archive))
    facts: dict[str, Fact] = {"file": name, "aside": aside}
    with vault.catalogue.transaction():
        add_entry(
            vault.catalogue,
            Entry(
                EntryKind.MANIFEST_REWRITTEN, recovery.clock(), archive=archive.id, stream=archive.stream, facts=facts
            ),
        )
    return [f"wrote {facts['file']} again from the catalogue"]


def _move_stray(recovery: Recovery, vault: Vault, problem: VaultProblem) -> list[str]:
    moved = [set_aside(vault.layout, vault.layout.root / name) for name in problem.files]
    facts: dict[str, Fact] = {"files": [*problem.files], "aside": [*moved]}
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(EntryKind.FILES_MOVED, recovery.clock(), archive=problem.archive, facts=facts))
    return [f"moved {Path(name).name} to quarantine" for name in problem.files]


_REPAIRS: dict[ProblemKind, Callable[[Recovery, Vault, VaultProblem], list[str]]] = {
    ProblemKind.NO_LOG: _level,
    ProblemKind.TORN_LOG: _level,
    ProblemKind.SHORT_LOG: _level,
    ProblemKind.PAYLOAD: quarantine,
    ProblemKind.KEY: quarantine,
    ProblemKind.MANIFEST: _rewrite_manifest,
    ProblemKind.UNKNOWN: adopt,
    ProblemKind.STRAY: _move_stray,
    ProblemKind.FILE: rewrite_file,
}
