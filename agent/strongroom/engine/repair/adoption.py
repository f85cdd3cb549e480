"""An archive that the catalogue does not know, entered from its files: whole, and not other than the log has them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from strongroom.engine.access.fixity import check_payload
from strongroom.engine.ingest.coverage import note_part
from strongroom.engine.proof.manifests import job_of, manifest_from, manifest_place, newest, replace_file, told_of
from strongroom.engine.proof.replay import cover_adopted
from strongroom.engine.repair.findings import Recovery, VaultProblem
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import VaultError
from strongroom.model.horizon import delay_then, settled_until, split_settled
from strongroom.model.job import Job, State
from strongroom.model.names import time_of
from strongroom.model.plan import SETTLE
from strongroom.model.times import format_instant
from strongroom.vault.archives import put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.files import is_file, read_file
from strongroom.vault.jobs import get_job, put_job
from strongroom.vault.layout import id_of
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import read_manifest, write_manifest
from strongroom.vault.old_catalogues import witnesses_of
from strongroom.vault.vault import Vault


def adopt(recovery: Recovery, vault: Vault, trouble: VaultProblem) -> list[str]:
    """Enter an archive that the catalogue does not know, if every file of it is whole."""
    catalogue = vault.catalogue
    archive = _whole(vault, trouble.archive)
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
        if known is None or not known.finished:  # it would fetch what is there already
            put_job(catalogue, _archived(known, archive) if known else job_of(archive))
        put_archive(catalogue, archive, vault.key_sha256(archive))
        if archive.holding is Holding.HELD:
            _cover_adopted(catalogue, archive, known, recovery.clock())
        add_entry(catalogue, Entry("archive.adopted", recovery.clock(), archive.job, archive.id, archive.stream, facts))
    return [f"entered archive {archive.id}; check it with: strongroom verify {archive.id}"]


def _whole(vault: Vault, archive_id: str) -> Archive:
    """Return an archive whose files are those of its manifest. Raises VaultError, OSError."""
    archive = _read(vault, archive_id)
    sound = archive.id == archive_id and id_of(Path(archive.job)) == archive.job
    if not sound or check_payload(vault, archive) or not is_file(vault.key_path(archive)):
        raise VaultError(f"archive {archive_id} is not whole", hint="restore its files from a copy, or move it away")
    return archive


def _read(vault: Vault, archive_id: str) -> Archive:
    """Read an archive's manifest: the one in its place, or the one of an older catalogue that the log confirms."""
    told = told_of(vault.catalogue, archive_id)
    logged = newest(told, "manifest_sha256")
    for path in (vault.layout.manifest(archive_id), vault.layout.quarantined(archive_id, ".json")):
        data = read_file(path) if is_file(path) else b""
        if data and (not logged or hashlib.sha256(data).hexdigest() == logged):
            return _exact(data)
    archive = manifest_from(witnesses_of(vault.layout), archive_id, told)
    if archive is None:
        raise VaultError(f"the manifest of archive {archive_id} is missing", hint="restore it from a copy")
    return archive


def _exact(data: bytes) -> Archive:
    archive = read_manifest(data)
    if write_manifest(archive) != data:  # it is written and compared byte for byte from now on
        raise VaultError(f"the manifest of archive {archive.id} was changed", hint="restore it from a copy")
    return archive


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
