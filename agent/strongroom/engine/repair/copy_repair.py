"""Repair between the vault and its copies: what is damaged on one side is written again from the other.

Nothing is taken from anywhere before its SHA-256 agrees with manifest, catalogue and log. A damaged file of the vault
is moved aside, never deleted. What is damaged everywhere is named as lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from strongroom.copies.port import CopyAway, CopyStore, ObjectAbsent, Throttle, digest_of
from strongroom.engine.access.fixity import check_payload, check_small_files
from strongroom.engine.copies.contents import CopyObject, certificate_object, checkpoint_object, objects_of
from strongroom.engine.copies.copy_scrub import lines_object
from strongroom.engine.copies.copying import CopyContext
from strongroom.engine.copies.fetch import fetch_object, is_sound, names_for
from strongroom.engine.copies.findings import clear_finding
from strongroom.engine.copies.targets import CopyTarget, require_known
from strongroom.engine.proof.manifests import set_aside
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.copies import Part, lines_of
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, VaultError, VaultLocked
from strongroom.vault.archives import all_archive_ids, get_archive
from strongroom.vault.copies import CopyFinding, copies_alone, copy_findings, get_copy_finding
from strongroom.vault.files import is_there
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.log import add_entry
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.scrubs import ScrubFinding, open_findings, put_findings
from strongroom.vault.vault import Vault

VAULT = "the vault"
"""Where something is taken from, or is damaged, if that is no copy."""


class RepairStep(Struct, frozen=True):
    """One file that is damaged or missing, and where it is taken from."""

    where: str  # VAULT, or the name of a copy
    file: str  # relative to the vault, or the name of the object
    archive: str
    sha256: str  # that it must have
    source: str  # VAULT, or the name of a copy; empty where it is damaged everywhere

    @property
    def lost(self) -> bool:
        """Return whether no sound copy was found."""
        return not self.source


class RepairReport(Struct, frozen=True):
    """What was done, and what was not."""

    done: tuple[RepairStep, ...]
    lost: tuple[RepairStep, ...]
    failed: tuple[str, ...] = ()  # in words


class Repair(Struct, frozen=True):
    """Where is repaired: the vault and the copies that can be reached."""

    context: CopyContext
    targets: Sequence[CopyTarget]
    away: tuple[str, ...] = ()  # copies that could not be reached, each with the reason

    @property
    def vault(self) -> Vault:
        """The vault."""
        return self.context.vault

    def store(self, name: str) -> CopyStore:
        """Return the store of a copy."""
        return next(each.store for each in self.targets if each.name == name)


def open_repair(context: CopyContext, targets: Iterable[CopyTarget]) -> Repair:
    """Return a repair with the copies that can be reached now."""
    reached, away = [], []
    for target in targets:
        try:
            require_known(target, context.vault)
            reached.append(target)
        except StrongroomError as error:
            away.append(f"{target.name}: {error.message}")
    return Repair(context, reached, tuple(away))


def plan_repair(repair: Repair, *, deep: bool = False) -> list[RepairStep]:
    """Return what is damaged and where it is taken from. Changes nothing; reads each source to its end.

    Looks at what scrubs have found; with `deep` at every file of the vault.
    """
    found = [step for archive in _suspects(repair.vault, deep=deep) for step in _of_vault(repair, archive)]
    for target in repair.targets:
        for finding in copy_findings(repair.vault.catalogue, target.name):
            found += _of_copy(repair, target, finding)
    return found


def _suspects(vault: Vault, *, deep: bool) -> Iterator[Archive]:
    for archive_id in all_archive_ids(vault.catalogue) if deep else _found_damaged(vault):
        try:
            archive = get_archive(vault.catalogue, archive_id)
        except RowUnreadable:
            continue  # strongroom recover
        if archive is not None:
            yield archive


def _found_damaged(vault: Vault) -> list[str]:
    found = (each.archive for each in open_findings(vault.catalogue, 1_000_000) if each.archive)
    return list(dict.fromkeys(found))


def _of_vault(repair: Repair, archive: Archive) -> Iterator[RepairStep]:
    layout = repair.vault.layout
    for each in objects_of(repair.vault, archive):
        if each.path is None or each.part is None or is_sound(each.path, each.sha256):
            continue
        source = next((name for name, _object in _sources(repair, archive, each.part, each.sha256)), "")
        yield RepairStep(VAULT, str(each.path.relative_to(layout.root)), archive.id, each.sha256, source)


def _sources(repair: Repair, archive: Archive, part: Part, sha256: str, but: str = "") -> Iterator[tuple[str, str]]:
    """Yield each copy that has a part with this SHA-256, and the object's name there."""
    for target in repair.targets:
        for name in names_for(part, archive, sha256) if target.name != but else ():
            if _has(target.store, name, sha256):
                yield target.name, name
                break


def _has(store: CopyStore, name: str, sha256: str) -> bool:
    try:
        return digest_of(store.read(name)) == sha256
    except (ObjectAbsent, CopyAway):
        return False


def _of_copy(repair: Repair, target: CopyTarget, finding: CopyFinding) -> list[RepairStep]:
    expected = _expected(repair.vault, finding)
    if expected is None:
        return []  # nothing expects this object any more
    sha256, source = expected.sha256, VAULT
    archive = get_archive(repair.vault.catalogue, finding.archive) if finding.archive else None
    if archive is not None and expected.path is not None and _is_damaged(expected):
        others = _sources(repair, archive, expected.part or Part.PAYLOAD, sha256, but=target.name)
        source = next((name for name, _object in others), "")
    if _has(target.store, finding.object, sha256):
        clear_finding(repair.vault, target.name, finding.object, repair.context.clock())
        return []
    return [RepairStep(target.name, finding.object, finding.archive, sha256, source)]


def _is_damaged(each: CopyObject) -> bool:
    """Return whether the vault cannot give an object; a manifest comes from the catalogue."""
    return each.part is not Part.MANIFEST and each.path is not None and not is_sound(each.path, each.sha256)


def _expected(vault: Vault, finding: CopyFinding) -> CopyObject | None:
    """Return the object as it must be, None where no such object must be there."""
    archive = get_archive(vault.catalogue, finding.archive) if finding.archive else None
    if archive is not None:
        return next((each for each in objects_of(vault, archive) if each.name == finding.object), None)
    if (bounds := lines_of(finding.object)) is not None:
        return lines_object(vault, *bounds)
    stem = Path(finding.object).stem
    if finding.object.startswith("log/checkpoints/") and stem.isdecimal():
        return checkpoint_object(vault, int(stem))
    return certificate_object(vault, stem) if finding.object.startswith("log/certificates/") else None


def apply_repair(repair: Repair, steps: Sequence[RepairStep]) -> RepairReport:
    """Repair what a plan has; each file is checked once more. One that fails is named, and the rest goes on."""
    done, failed = [], []
    for step in steps:
        if step.lost:
            continue
        try:
            (_repair_vault if step.where == VAULT else _repair_copy)(repair, step)
            done.append(step)
        except StrongroomError as error:
            failed.append(f"{step.file} of {step.where}: {error.message}")
        repair.context.crash_point("repaired")
    repaired = [step.archive for step in done if step.where == VAULT]
    for archive in dict.fromkeys([*repaired, *_found_damaged(repair.vault)]):
        _judge_again(repair.vault, archive, repair.context.clock())
    repair.vault.write_log()
    return RepairReport(tuple(done), tuple(each for each in steps if each.lost), tuple(failed))


def _repair_vault(repair: Repair, step: RepairStep) -> None:
    vault, layout = repair.vault, repair.vault.layout
    with keys_alone(layout):  # a destruction, or a rotation, must not come between
        archive = get_archive(vault.catalogue, step.archive)
        found = [each for each in objects_of(vault, archive) if each.sha256 == step.sha256] if archive else []
        path = layout.root / step.file
        if archive is None or not found or found[0].path != path or found[0].part is None:
            raise VaultError("it is no longer what the catalogue has", hint="run it again")
        sources = dict(_sources(repair, archive, found[0].part, step.sha256))
        if step.source not in sources:
            raise VaultError(f"copy {step.source} no longer has it", hint="run it again")
        aside: list[Fact] = [*set_aside(layout, path)] if is_there(path) else []
        repair.context.crash_point("set aside")
        fetch_object(repair.store(step.source), sources[step.source], step.sha256, layout, path, Throttle())
        facts: dict[str, Fact] = {"file": step.file, "from": step.source, "sha256": step.sha256, "aside": aside}
        _log(vault, repair.context.clock(), archive, facts)


def _repair_copy(repair: Repair, step: RepairStep) -> None:
    vault, store = repair.vault, repair.store(step.where)
    finding = get_copy_finding(vault.catalogue, step.where, step.file)
    expected = _expected(vault, finding) if finding else None
    with copies_alone(vault.layout) as mine:
        if not mine:
            raise VaultLocked("another process is writing to the copies of this vault", hint="wait for it")
        archive = get_archive(vault.catalogue, step.archive) if step.archive else None
        if expected is None or expected.sha256 != step.sha256 or (step.archive and archive is None):
            raise VaultError("it is no longer what the copy must have", hint="run it again")
        blocks = expected.blocks()
        if step.source != VAULT and archive is not None and expected.part is not None:
            sources = dict(_sources(repair, archive, expected.part, step.sha256, but=step.where))
            blocks = repair.store(step.source).read(sources[step.source])
        store.delete(step.file)
        repair.context.crash_point("deleted object")
        store.put(step.file, blocks, step.sha256)
    facts: dict[str, Fact] = {"copy": step.where, "object": step.file, "from": step.source, "sha256": step.sha256}
    _log(vault, repair.context.clock(), archive, facts)
    clear_finding(vault, step.where, step.file, repair.context.clock())


def _log(vault: Vault, now: datetime, archive: Archive | None, facts: dict[str, Fact]) -> None:
    about = (archive.id, archive.stream) if archive else ("", "")
    with vault.catalogue.transaction():
        entry = Entry(EntryKind.COPY_REPAIRED, now, archive=about[0], stream=about[1], facts=facts)
        add_entry(vault.catalogue, entry)


def _judge_again(vault: Vault, archive_id: str, now: datetime) -> None:
    """Clear what a scrub had found of an archive, as far as it is right again."""
    archive = get_archive(vault.catalogue, archive_id)
    if archive is None:
        return
    faults = [*check_payload(vault, archive), *check_small_files(vault, archive)]
    found = [ScrubFinding(each.archive, each.file, each.code, each.message, now) for each in faults]
    with vault.catalogue.transaction():
        put_findings(vault.catalogue, archive_id, archive.stream, found, now)


def repair_unattended(context: CopyContext, target: CopyTarget, tried: dict[str, frozenset[str]]) -> list[str]:
    """Repair what is known to be damaged, with one copy; return in words what was done.

    `tried` remembers what was damaged at the last try: what cannot be repaired is not read again and again.
    """
    catalogue = context.vault.catalogue
    known = frozenset(
        [f"{each.file} {each.message}" for each in open_findings(catalogue, 10_000) if each.archive]
        + [f"{each.object} {each.message}" for each in copy_findings(catalogue, target.name)]
    )
    if not known or tried.get(target.name) == known:
        return []
    tried[target.name] = known
    repair = open_repair(context, [target])
    made = apply_repair(repair, plan_repair(repair))
    words = [f"{each.file} of {each.where} was repaired from {each.source}" for each in made.done]
    words += [f"{each.file} of {each.where} is lost: it is damaged everywhere" for each in made.lost]
    return [*words, *made.failed]
