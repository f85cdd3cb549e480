"""Repairs of one archive: enter one that the catalogue does not know, or move a damaged one to quarantine.

An archive is entered only if its files are complete and match the log. The window of a damaged archive is missing
where the provider may still have it, and lost otherwise.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from strongroom.engine.access.fixity import FixityFault, check_payload
from strongroom.engine.ingest.coverage import log_part
from strongroom.engine.ingest.transitions import enter
from strongroom.engine.proof.manifests import (
    job_of,
    lines_of,
    manifest_from,
    manifest_place,
    newest,
    replace_file,
    set_aside,
)
from strongroom.engine.proof.replay import cover_adopted
from strongroom.engine.repair.diagnosis import faults_of
from strongroom.engine.repair.findings import ProblemKind, Recovery, VaultProblem
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Holding
from strongroom.model.coverage import Cover, Interval
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.model.horizon import delay_then, settled_until, split_settled
from strongroom.model.job import Job, Purpose, State
from strongroom.model.names import make_id, time_of
from strongroom.model.plan import SETTLE
from strongroom.model.times import format_instant
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import covered_by, put_interval
from strongroom.vault.durable import make_folder
from strongroom.vault.files import is_file, is_there, read_file
from strongroom.vault.jobs import get_job, put_job
from strongroom.vault.layout import id_of
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import read_manifest, write_manifest
from strongroom.vault.old_catalogues import witnesses_of
from strongroom.vault.orphans import move_to
from strongroom.vault.retention_records import put_reach
from strongroom.vault.scrubs import ScrubFinding, settle_findings
from strongroom.vault.sources import known_retention, reported_retention
from strongroom.vault.vault import Vault


def adopt(recovery: Recovery, vault: Vault, problem: VaultProblem) -> list[str]:
    """Enter an archive that the catalogue does not know, if all its files are intact."""
    catalogue = vault.catalogue
    archive = _whole(vault, problem.archive)
    data = write_manifest(archive)
    replace_file(vault.layout, manifest_place(vault.layout, archive), data)
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
        if known is None or not known.finished:  # it would download the archive again
            put_job(catalogue, _archived(known, archive) if known else job_of(archive))
        put_archive(catalogue, archive, vault.key_sha256(archive))
        if archive.holding is Holding.HELD:
            _cover_adopted(catalogue, archive, known, recovery.clock())
        add_entry(
            catalogue,
            Entry(EntryKind.ARCHIVE_ADOPTED, recovery.clock(), archive.job, archive.id, archive.stream, facts),
        )
    return [f"entered archive {archive.id}; check it with: strongroom verify {archive.id}"]


def _whole(vault: Vault, archive_id: str) -> Archive:
    """Return an archive whose files match its manifest. Raises VaultError, OSError."""
    archive = _read(vault, archive_id)
    sound = archive.id == archive_id and id_of(Path(archive.job)) == archive.job
    if not sound or check_payload(vault, archive) or not is_file(vault.key_path(archive)):
        raise VaultError(f"archive {archive_id} is not intact", hint="restore its files from a copy, or move it away")
    return archive


def _read(vault: Vault, archive_id: str) -> Archive:
    """Read an archive's manifest: the one in its place, or the one of an older catalogue that the log confirms."""
    lines = lines_of(vault.catalogue, archive_id)
    logged = newest(lines, "manifest_sha256")
    for path in (vault.layout.manifest(archive_id), vault.layout.quarantined(archive_id, ".json")):
        data = read_file(path) if is_file(path) else b""
        if data and (not logged or hashlib.sha256(data).hexdigest() == logged):
            return _exact(data)
    archive = manifest_from(witnesses_of(vault.layout), archive_id, lines)
    if archive is None:
        raise VaultError(f"the manifest of archive {archive_id} is missing", hint="restore it from a copy")
    return archive


def _exact(data: bytes) -> Archive:
    archive = read_manifest(data)
    if write_manifest(archive) != data:  # from now on it is compared byte for byte
        raise VaultError(f"the manifest of archive {archive.id} was changed", hint="restore it from a copy")
    return archive


def _cover_adopted(catalogue: Catalogue, archive: Archive, job: Job | None, now: datetime) -> None:
    """Enter what had certainly settled when it was requested; the job's id has the earliest possible time."""
    window = archive.spec.window
    asked_at = time_of(archive.job)
    settled, unsettled = split_settled(window, settled_until(asked_at, delay_then(window, SETTLE, asked_at)))
    if unsettled is not None:
        log_part(catalogue, EntryKind.COVERAGE_UNSETTLED, job or job_of(archive), unsettled, now)
    records = archive.inspection.records
    cover_adopted(catalogue, archive.stream, window, settled, archive.id, archive.job, records=records)


def _archived(job: Job, archive: Archive) -> Job:
    state = State.ARCHIVED if archive.holding is Holding.HELD else job.state
    return replace(job, state=state, archive=archive.id)


REPLACE_MANIFEST = "UPDATE archives SET holding = ?, manifest = ? WHERE id = ?"


def quarantine(recovery: Recovery, vault: Vault, problem: VaultProblem) -> list[str]:
    """Move what is left of a damaged archive to quarantine; its window is then missing, or lost."""
    archive, now = get_archive(vault.catalogue, problem.archive), recovery.clock()
    if archive is None:
        return []
    faults = faults_of(vault, archive, deep=recovery.deep)
    cause = _cause(vault, archive, problem)
    faults = faults or [FixityFault(archive.id, problem.files[0], cause, problem.words)]
    after = replace(archive, holding=Holding.QUARANTINED)
    aside = _move_files(vault, archive, after)
    intervals = covered_by(vault.catalogue, archive.id)
    again = [each for each in intervals if _may_be_exported(vault, archive, each, now)]
    jobs = [_fresh_job(recovery, archive, each, now) for each in again]
    catalogue = vault.catalogue
    with catalogue.transaction():
        catalogue.write(REPLACE_MANIFEST, after.holding.value, write_manifest(after).decode(), archive.id)
        put_reach(catalogue, after)
        _uncover(catalogue, after, cause, aside, intervals, again, now)
        settle_findings(
            catalogue, [ScrubFinding(each.archive, each.file, each.code, each.message, now) for each in faults], now
        )
        for job in jobs:
            enter(catalogue, job)
    done = f"moved archive {archive.id} to quarantine ({cause})"
    if jobs:
        return [f"{done}; its window is exported again: job {', '.join(job.id for job in jobs)}"]
    return [f"{done}; " + ("its window is lost" if intervals else "another archive covers its window")]


def _cause(vault: Vault, archive: Archive, problem: VaultProblem) -> str:
    if problem.kind is ProblemKind.KEY:
        return "key-missing" if not is_there(vault.key_path(archive)) else "key-damaged"
    return "payload-missing" if not is_there(vault.payload_path(archive)) else "payload-damaged"


def _move_files(vault: Vault, archive: Archive, after: Archive) -> list[Fact]:
    """Move the manifest first, so that the files in quarantine are described. Repeating it does nothing more.

    Returns other files that were moved, for the log.
    """
    layout = vault.layout
    if archive.holding is Holding.QUARANTINED:
        return []
    make_folder(layout.root / "quarantine")
    moved = replace_file(layout, layout.quarantined(archive.id, ".json"), write_manifest(after))
    move_to(layout.key(archive.id), layout.quarantined(archive.id, ".key.age"))
    move_to(layout.archive(archive.id), layout.quarantined(archive.id, ".age"))
    manifest = layout.manifest(archive.id)
    return [*moved, set_aside(layout, manifest)] if is_there(manifest) else moved


def _may_be_exported(vault: Vault, archive: Archive, interval: Interval, now: datetime) -> bool:
    """Return whether the provider may still have the window; True if its retention is unknown."""
    catalogue = vault.catalogue
    keeps = known_retention(catalogue, archive.source) or reported_retention(catalogue, archive.source)
    return keeps is None or interval.window.start >= now - keeps


def _uncover(
    catalogue: Catalogue,
    after: Archive,
    cause: str,
    aside: list[Fact],
    intervals: list[Interval],
    again: list[Interval],
    now: datetime,
) -> None:
    facts: dict[str, Fact] = {
        "aside": aside,
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
    add_entry(catalogue, Entry(EntryKind.ARCHIVE_DAMAGED, now, after.job, after.id, after.stream, facts))


def _cover(interval: Interval, again: list[Interval]) -> Cover:
    return Cover.MISSING if interval in again else Cover.LOST


def _fresh_job(recovery: Recovery, archive: Archive, interval: Interval, now: datetime) -> Job:
    return Job(
        id=make_id(now, recovery.random_bytes),
        stream=archive.stream,
        source=archive.source,
        spec=replace(archive.spec, window=interval.window),
        state=State.PLANNED,
        created_at=now,
        changed_at=now,
        next_at=now,
        purpose=Purpose.MANUAL,
        retention=archive.retention,
        priority=10,
        parent=archive.job,
    )
