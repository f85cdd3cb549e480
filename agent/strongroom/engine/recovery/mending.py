"""Mending what the diagnosis found. Nothing is deleted: what is damaged is moved aside, and every act is in the log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from strongroom.engine.health.fixity import Fault, check_small_files
from strongroom.engine.jobs.record import enter, note_part
from strongroom.engine.recovery.diagnosis import Kind, Trouble, diagnose, faults_of
from strongroom.engine.recovery.foreign import is_foreign
from strongroom.engine.recovery.rebuild import Rebuild, job_of, rebuild
from strongroom.engine.recovery.replay import cover_adopted
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Holding
from strongroom.model.counts import counted
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import UsageError, VaultError, WorldError
from strongroom.model.horizon import delay_then, settled_until, split_settled
from strongroom.model.ids import make_id, time_of
from strongroom.model.instants import Chance, Clock, format_instant
from strongroom.model.job import Job, State
from strongroom.model.plan import SETTLE
from strongroom.model.stream import Stream
from strongroom.vault import scrubqueries as queries
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import flush_folder, make_folder, write_new
from strongroom.vault.jobs import get_job, put_job
from strongroom.vault.layout import Layout, id_of
from strongroom.vault.ledger import covered_by, put_interval
from strongroom.vault.lock import hold
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import read_manifest, write_manifest
from strongroom.vault.orphans import move_aside, move_to, strays
from strongroom.vault.retained import put_reach
from strongroom.vault.scrubs import Finding, settle_findings
from strongroom.vault.told import told_retention
from strongroom.vault.vault import Vault, open_vault
from strongroom.vault.watching import known_retention

ROUNDS = 5  # one mended thing may uncover another


@dataclass(frozen=True, slots=True)
class Recovery:
    """What mending may use."""

    root: Path
    clock: Clock
    chance: Chance
    streams: Mapping[str, Stream] = field(default_factory=dict)  # as configured, by name
    deep: bool = False
    configured: bool = True


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done, and what is left."""

    done: tuple[str, ...]
    left: tuple[Trouble, ...]


def apply(recovery: Recovery) -> Mended:
    """Diagnose and mend, until nothing that can be mended is left. Raises VaultLocked while somebody works there."""
    done: list[str] = []
    before: list[Trouble] = []
    for _ in range(ROUNDS):
        found = diagnose(recovery.root, deep=recovery.deep, configured=recovery.configured)
        mendable = [each for each in found if each.mendable]
        if not mendable or found == before:
            return Mended(tuple(dict.fromkeys(done)), tuple(found))
        done, before = done + _mend(recovery, mendable), found
        if mendable[0].kind is Kind.UNFINISHED:
            return Mended(tuple(done), ())
    left = diagnose(recovery.root, deep=recovery.deep, configured=recovery.configured)
    return Mended(tuple(dict.fromkeys(done)), tuple(left))


def _mend(recovery: Recovery, found: list[Trouble]) -> list[str]:
    first = found[0].kind
    if first is Kind.UNFINISHED:
        return [_move_folder(recovery)]
    if first in (Kind.NO_CATALOGUE, Kind.BAD_CATALOGUE, Kind.OLD_CATALOGUE):
        return _rebuild(recovery)
    vault = open_vault(recovery.root)
    try:
        with hold(vault.layout.lock, "strongroom recover"):
            vault.make_folders()
            done = [each for trouble in _once_each(found) for each in _try(recovery, vault, trouble)]
            done += _bring_level(vault)
        return done
    finally:
        vault.close()


def _bring_level(vault: Vault) -> list[str]:
    """Append to the log's file what the catalogue has; a file that cannot be written is told, and nothing is lost."""
    try:
        vault.write_log()
    except (VaultError, WorldError, OSError) as error:
        words = error.strerror if isinstance(error, OSError) else error.message
        return [f"left alone log/log.jsonl: {words}; the catalogue has every entry"]
    return []


def _try(recovery: Recovery, vault: Vault, trouble: Trouble) -> list[str]:
    """Mend one thing; one that cannot be mended, or moved, is told, and does not keep the rest from being."""
    try:
        return _MEND[trouble.kind](recovery, vault, trouble)
    except (VaultError, WorldError, OSError) as error:
        told = (error.strerror, "see what it is") if isinstance(error, OSError) else (error.message, error.hint)
        return [f"left alone {', '.join(trouble.files)}: {told[0]}; {told[1]}"]


def _once_each(found: list[Trouble]) -> list[Trouble]:
    """Leave out a second thing that is wrong with an archive whose first is the end of it."""
    lost = {each.archive for each in found if each.kind in (Kind.PAYLOAD, Kind.KEY)}
    seen: set[tuple[str, str]] = set()
    kept = []
    for each in found:
        kind = "lost" if each.archive in lost else each.kind.value
        if (each.archive, kind) in seen and each.archive:
            continue
        if each.archive in lost and each.kind is Kind.MANIFEST:
            continue
        seen.add((each.archive, kind))
        kept.append(each)
    return kept


def _move_folder(recovery: Recovery) -> str:
    root = recovery.root
    aside = root.with_name(f"{root.name}-unfinished-{recovery.clock():%Y%m%dT%H%M%S}")
    with hold(Layout(root).lock, "strongroom recover"):
        if aside.exists():
            raise UsageError(f"{aside} is there already", hint="wait a second and run it again")
        root.rename(aside)
    flush_folder(root.parent)
    return f"moved the unfinished vault to {aside}; now run strongroom init again"


def _rebuild(recovery: Recovery) -> list[str]:
    # What is damaged cannot mend the log; where there is no log at all, the diagnosis leaves this to a person.
    lose = not is_foreign(Layout(recovery.root).catalogue)
    made = rebuild(Rebuild(recovery.root, recovery.clock, recovery.streams, lose_history=lose))
    kept = f"; the one that was there is now {made.aside.name}" if made.aside else ""
    jobs, entries = counted(made.jobs, "job"), counted(made.entries, "entry")
    told = f"made the catalogue again: {counted(made.archives, 'archive')}, {jobs}, {entries}{kept}"
    return [told, *(f"not as it should be: {fault}" for fault in made.faults)]


def _level(_recovery: Recovery, vault: Vault, trouble: Trouble) -> list[str]:
    vault.write_log()
    return [f"brought the log's file level with the catalogue ({trouble.kind})"]


def _quarantine(recovery: Recovery, vault: Vault, trouble: Trouble) -> list[str]:
    """Move what is left of a damaged archive to quarantine; its window is missing, or lost where nobody has it now."""
    archive, now = get_archive(vault.catalogue, trouble.archive), recovery.clock()
    if archive is None:
        return []
    faults = faults_of(vault, archive, deep=recovery.deep)
    cause = _cause(vault, archive, trouble)
    faults = faults or [Fault(archive.id, trouble.files[0], cause, trouble.words)]
    after = replace(archive, holding=Holding.QUARANTINED)
    _move_files(vault, archive, after)
    intervals = covered_by(vault.catalogue, archive.id)
    again = [each for each in intervals if _is_held_there(vault, archive, each, now)]
    jobs = [_fresh_job(recovery, archive, each, now) for each in again]
    catalogue = vault.catalogue
    with catalogue.transaction():
        catalogue.write(queries.REPLACE_MANIFEST, after.holding.value, write_manifest(after).decode(), archive.id)
        put_reach(catalogue, after)
        _uncover(catalogue, after, cause, intervals, again, now)
        settle_findings(
            catalogue, [Finding(each.archive, each.file, each.code, each.message, now) for each in faults], now
        )
        for job in jobs:
            enter(catalogue, job)
    told = f"moved archive {archive.id} to quarantine ({cause})"
    if jobs:
        return [f"{told}; its window is exported again: job {', '.join(job.id for job in jobs)}"]
    return [f"{told}; " + ("its window is lost" if intervals else "another archive covers its window")]


def _cause(vault: Vault, archive: Archive, trouble: Trouble) -> str:
    if trouble.kind is Kind.KEY:
        return "key-missing" if not vault.key_path(archive).exists() else "key-damaged"
    return "payload-missing" if not vault.payload_path(archive).exists() else "payload-damaged"


def _move_files(vault: Vault, archive: Archive, after: Archive) -> None:
    """Manifest first: what is in quarantine then says what it is. Doing it twice does nothing more."""
    layout = vault.layout
    if archive.holding is Holding.QUARANTINED:
        return
    make_folder(layout.root / "quarantine")
    place = layout.quarantined(archive.id, ".json")
    if not place.exists():
        write_new(place, layout.temporary(archive.id, ".json"), write_manifest(after))
    move_to(layout.key(archive.id), layout.quarantined(archive.id, ".key.age"))
    move_to(layout.archive(archive.id), layout.quarantined(archive.id, ".age"))
    if layout.manifest(archive.id).exists():
        move_aside(layout, layout.manifest(archive.id))


def _is_held_there(vault: Vault, archive: Archive, interval: Interval, now: datetime) -> bool:
    """Say whether the provider may still have the window. Where nobody knows how long it keeps records, it may."""
    catalogue = vault.catalogue
    keeps = known_retention(catalogue, archive.source) or told_retention(catalogue, archive.source)
    return keeps is None or interval.window.start >= now - keeps


def _uncover(
    catalogue: Catalogue, after: Archive, cause: str, intervals: list[Interval], again: list[Interval], now: datetime
) -> None:
    facts: dict[str, Fact] = {
        "cause": cause,
        "holding": after.holding.value,
        "manifest_sha256": hashlib.sha256(write_manifest(after)).hexdigest(),
        "sealed_sha256": after.seal.sealed_sha256,
        "uncovered": [
            [format_instant(each.window.start), format_instant(each.window.end), _cover(each, again).value]
            for each in intervals
        ],
    }
    for each in intervals:
        put_interval(catalogue, Interval(each.stream, each.window, _cover(each, again), job=each.job, cause=cause))
    add_entry(catalogue, Entry("archive.damaged", now, after.job, after.id, after.stream, facts))


def _cover(interval: Interval, again: list[Interval]) -> Cover:
    return Cover.MISSING if interval in again else Cover.LOST


def _fresh_job(recovery: Recovery, archive: Archive, interval: Interval, now: datetime) -> Job:
    return Job(
        id=make_id(now, recovery.chance),
        stream=archive.stream,
        source=archive.source,
        spec=replace(archive.spec, window=interval.window),
        state=State.PLANNED,
        created_at=now,
        changed_at=now,
        next_at=now,
        purpose="manual",
        retention=archive.retention,
        priority=10,
        parent=archive.job,
    )


def _rewrite_manifest(recovery: Recovery, vault: Vault, trouble: Trouble) -> list[str]:
    archive = get_archive(vault.catalogue, trouble.archive)
    if archive is None:
        return []
    layout, data = vault.layout, write_manifest(archive)
    held = archive.holding is Holding.HELD
    path = layout.manifest(archive.id) if held else layout.quarantined(archive.id, ".json")
    if any(fault.code == "log" for fault in check_small_files(vault, archive)):
        return []  # the catalogue is not borne out by the log either: a person must look
    if path.exists():
        move_aside(layout, path)
    write_new(path, layout.temporary(archive.id, ".json"), data)
    facts: dict[str, Fact] = {"file": str(path.relative_to(layout.root))}
    with vault.catalogue.transaction():
        add_entry(
            vault.catalogue,
            Entry("manifest.rewritten", recovery.clock(), archive=archive.id, stream=archive.stream, facts=facts),
        )
    return [f"wrote {facts['file']} again from the catalogue"]


def _adopt(recovery: Recovery, vault: Vault, trouble: Trouble) -> list[str]:
    """Enter an archive that the catalogue does not know, if every file of it is whole."""
    layout, catalogue = vault.layout, vault.catalogue
    stray = next((each for each in strays(layout, catalogue) if each.archive == trouble.archive), None)
    path = stray.manifest(layout) if stray else None
    if path is None:
        return []
    data = path.read_bytes()
    archive = read_manifest(data)
    payload = vault.payload_path(archive)
    if (
        archive.id != trouble.archive
        or id_of(Path(archive.job)) != archive.job
        or not payload.exists()
        or not vault.key_path(archive).exists()
    ):
        raise VaultError(
            f"archive {trouble.archive} is not whole", hint="restore its files from a copy, or move it away"
        )
    facts: dict[str, Fact] = {
        "holding": archive.holding.value,
        "manifest_sha256": hashlib.sha256(data).hexdigest(),
        "key_sha256": vault.key_sha256(archive),
        "sealed_sha256": archive.seal.sealed_sha256,
        "records": archive.inspection.records,
        "window": [format_instant(archive.spec.window.start), format_instant(archive.spec.window.end)],
    }
    with catalogue.transaction():
        known = get_job(catalogue, archive.job)
        if known is None or not known.finished:  # it would fetch what is there already
            put_job(catalogue, _archived(known, archive) if known else job_of(archive))
        put_archive(catalogue, archive, vault.key_sha256(archive))
        if archive.holding is Holding.HELD:
            _cover_adopted(catalogue, archive, known, recovery.clock())
        add_entry(catalogue, Entry("archive.adopted", recovery.clock(), archive.job, archive.id, archive.stream, facts))
    return [f"entered archive {archive.id}; check it with: strongroom verify {archive.id}"]


def _cover_adopted(catalogue: Catalogue, archive: Archive, job: Job | None, now: datetime) -> None:
    """Enter what had surely settled when it was asked for; the job's name tells when that was at the earliest."""
    window = archive.spec.window
    asked_at = time_of(archive.job)
    settled, unsettled = split_settled(window, settled_until(asked_at, delay_then(window, SETTLE, asked_at)))
    if unsettled is not None:
        note_part(catalogue, "coverage.unsettled", job or job_of(archive), unsettled, now)
    records = archive.inspection.records
    cover_adopted(catalogue, archive.stream, window, settled, archive.id, archive.job, records=records)


def _archived(job: Job, archive: Archive) -> Job:
    state = State.ARCHIVED if archive.holding is Holding.HELD else job.state
    return replace(job, state=state, archive=archive.id)


def _move_stray(recovery: Recovery, vault: Vault, trouble: Trouble) -> list[str]:
    moved = [move_aside(vault.layout, vault.layout.root / name) for name in trouble.files]
    facts: dict[str, Fact] = {"files": [*trouble.files]}
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry("files.moved", recovery.clock(), archive=trouble.archive, facts=facts))
    return [f"moved {path.name} to quarantine" for path in moved]


_MEND: dict[Kind, Callable[[Recovery, Vault, Trouble], list[str]]] = {
    Kind.NO_LOG: _level,
    Kind.TORN_LOG: _level,
    Kind.SHORT_LOG: _level,
    Kind.PAYLOAD: _quarantine,
    Kind.KEY: _quarantine,
    Kind.MANIFEST: _rewrite_manifest,
    Kind.UNKNOWN: _adopt,
    Kind.STRAY: _move_stray,
}
