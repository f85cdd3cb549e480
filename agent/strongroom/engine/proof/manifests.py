"""Manifests and tombstones entered into a rebuilt catalogue, as far as the log confirms them.

A missing or damaged one is taken from an older catalogue if it has the digest that the log has.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Holding
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.model.job import Job, State
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import write_new
from strongroom.vault.files import is_file, is_there, list_folder, list_shards, open_file, read_file
from strongroom.vault.jobs import get_job, put_job
from strongroom.vault.layout import Layout, id_of
from strongroom.vault.log import add_entry, entries_of_archive
from strongroom.vault.manifest import read_manifest, write_manifest
from strongroom.vault.old_catalogues import Witnesses
from strongroom.vault.orphans import move_aside
from strongroom.vault.tombstones import is_tombstone, put_tombstone, read_tombstone, tombstone_path

SET_JOB_FILTERS = "UPDATE jobs SET filters = ? WHERE id = ? AND filters <> ?"

BLOCK = 1 << 20
LogLines = list[dict[str, Fact]]
"""The entries of the log about one archive, the newest first."""


def manifests_of(layout: Layout) -> list[Path]:
    """Return every manifest and tombstone that has a name of ours, sorted."""
    found = [*list_shards(layout.root / "manifests"), *list_folder(layout.root / "quarantine")]
    return sorted(path for path in found if path.suffix == ".json" and id_of(path) is not None)


def name_of(layout: Layout, path: Path) -> str:
    """Return a path relative to the vault."""
    return str(path.relative_to(layout.root))


def enter_file(layout: Layout, catalogue: Catalogue, path: Path) -> list[str]:
    """Enter one manifest; return what is wrong with it where the log does not confirm it."""
    name = name_of(layout, path)
    try:
        data = read_file(path)
        if is_tombstone(data):
            return enter_tombstone(catalogue, path, data)
        archive = read_manifest(data)
    except OSError as error:
        return [f"{name}: the manifest cannot be read: {error.strerror}"]
    except VaultError as error:
        return [f"{name}: {error.message}"]
    if archive.id != id_of(path) or (archive.holding is Holding.QUARANTINED) != name.startswith("quarantine/"):
        return [f"{name}: it is the manifest of another archive"]
    return enter_archive(layout, catalogue, archive, data, name)


def enter_archive(layout: Layout, catalogue: Catalogue, archive: Archive, data: bytes, name: str) -> list[str]:
    """Enter an archive whose manifest was read as `data`; return what is wrong where the log does not confirm it."""
    lines = lines_of(catalogue, archive.id)
    if is_destroyed(lines):
        return [f"{name}: the archive was destroyed and is not entered; it is destroyed again at the next start"]
    logged = newest(lines, "manifest_sha256")
    if logged and logged != hashlib.sha256(data).hexdigest():
        return [f"{name}: expected SHA-256 {logged[:16]}… from the log, found another manifest"]
    if get_archive(catalogue, archive.id) is not None:
        return [f"{name}: a second manifest of an archive that is already entered"]
    faults = [] if logged else [f"{name}: the log has no entry about it; it was added anyway"]
    _require_job(catalogue, archive)
    text = data.decode() if logged else ""  # what the log confirms, byte for byte
    put_archive(catalogue, archive, newest(lines, "key_sha256") or _key_digest(layout, archive), text)
    return faults


def enter_tombstone(catalogue: Catalogue, path: Path, data: bytes) -> list[str]:
    """Enter a tombstone; return what is wrong with it where the log does not confirm it."""
    tombstone = read_tombstone(data)
    lines = lines_of(catalogue, tombstone.archive)
    known = tombstone_digests(lines)
    if not known and not is_destroyed(lines):
        return [f"{path.name}: a tombstone that the log does not have"]
    if known and hashlib.sha256(data).hexdigest() not in known:
        return [f"{path.name}: expected SHA-256 {known[0][:16]}… from the log, found another tombstone"]
    put_tombstone(catalogue, tombstone, newest(lines, "certificate_sha256"))
    return []


class Restorer(Struct, frozen=True):
    """Restores missing manifests and tombstones from older catalogues, if the log has their digest."""

    layout: Layout
    catalogue: Catalogue  # the rebuilt one, inside a transaction
    witnesses: Witnesses
    now: datetime
    writes: bool = True  # False: only the catalogue is changed, not the vault

    def restore(self, archive_id: str) -> str:
        """Enter an archive or a tombstone without a valid file; return where its file is now, or an empty text."""
        lines = lines_of(self.catalogue, archive_id)
        if is_destroyed(lines):
            return self._restore_tombstone(archive_id, lines)
        found = manifest_from(self.witnesses, archive_id, lines)
        if found is None or get_archive(self.catalogue, archive_id) is not None:
            return ""
        path = manifest_place(self.layout, found)
        if enter_archive(self.layout, self.catalogue, found, write_manifest(found), path.name):
            return ""
        return self._write(path, write_manifest(found), archive_id, found.stream)

    def _restore_tombstone(self, archive_id: str, lines: LogLines) -> str:
        texts = (self.witnesses.tombstone(archive_id, each) for each in tombstone_digests(lines))
        data = next((text for text in texts if text is not None), None)
        if data is None:
            return ""
        tombstone = read_tombstone(data)
        path = tombstone_path(self.layout, tombstone)
        if tombstone.archive != archive_id or enter_tombstone(self.catalogue, path, data):
            return ""
        return self._write(path, data, archive_id, tombstone.stream)

    def _write(self, path: Path, data: bytes, archive_id: str, stream: str) -> str:
        name = name_of(self.layout, path)
        if self.writes:
            facts: dict[str, Fact] = {"file": name, "aside": replace_file(self.layout, path, data)}
            add_entry(self.catalogue, Entry(EntryKind.MANIFEST_REWRITTEN, self.now, "", archive_id, stream, facts))
        return name


def replace_file(layout: Layout, path: Path, data: bytes) -> list[Fact]:
    """Write a small file in its place; a different file there moves to quarantine. Repeating it does nothing more.

    Returns what was moved, for the log: name and SHA-256.
    """
    moved: list[Fact] = []
    if is_there(path):
        if is_file(path) and read_file(path) == data:
            return moved
        moved = [set_aside(layout, path)]
    write_new(path, layout.tmp / path.name, data)
    return moved


def set_aside(layout: Layout, path: Path) -> list[Fact]:
    """Move a file to quarantine; return its name there and its SHA-256 (empty if it is no regular file)."""
    sha256 = file_sha256(path)
    return [move_aside(layout, path).name, sha256]


def file_sha256(path: Path) -> str:
    """Return the digest of a file, or an empty text where it cannot be read."""
    found = hashlib.sha256()
    try:
        with open_file(path) as file:
            while block := file.read(BLOCK):
                found.update(block)
    except OSError:
        return ""
    return found.hexdigest()


def manifest_from(witnesses: Witnesses, archive_id: str, lines: LogLines) -> Archive | None:
    """Return an archive from an older catalogue, if the log confirms the digest of its manifest."""
    logged = newest(lines, "manifest_sha256")
    data = witnesses.manifest(archive_id, logged) if logged else None
    try:
        archive = read_manifest(data) if data is not None else None
    except VaultError:
        return None
    return archive if archive is not None and archive.id == archive_id else None


def manifest_place(layout: Layout, archive: Archive) -> Path:
    """Return the path of an archive's manifest."""
    if archive.holding is Holding.QUARANTINED:
        return layout.quarantined(archive.id, ".json")
    return layout.manifest(archive.id)


def lines_of(catalogue: Catalogue, archive_id: str) -> LogLines:
    """Return the entries of the log about an archive, the newest first."""
    return [entry.body for entry in reversed(entries_of_archive(catalogue, archive_id))]


def is_destroyed(lines: LogLines) -> bool:
    """Return whether an archive was destroyed, by the log."""
    return any(body["kind"] == EntryKind.ARCHIVE_DESTROYED for body in lines)


def tombstone_digests(lines: LogLines) -> list[str]:
    """Return each SHA-256 that the log has of an archive's tombstone, the newest first."""
    ends = [body for body in lines if body["kind"] == EntryKind.ARCHIVE_DESTROYED]
    found = [newest(ends, "manifest_sha256"), newest(lines, "tombstone_sha256")]
    return [each for each in dict.fromkeys(found) if each]


def newest(lines: LogLines, name: str) -> str:
    """Return a fact from the newest entry that has it, or an empty text."""
    found = (body["facts"] for body in lines)
    return next((str(facts[name]) for facts in found if isinstance(facts, dict) and facts.get(name)), "")


def _key_digest(layout: Layout, archive: Archive) -> str:
    held = archive.holding is not Holding.QUARANTINED
    path = layout.key(archive.id) if held else layout.quarantined(archive.id, ".key.age")
    try:
        return hashlib.sha256(read_file(path)).hexdigest()
    except OSError:
        return ""


def _require_job(catalogue: Catalogue, archive: Archive) -> None:
    """Make the archive's job from the manifest if the log has none."""
    filters = json.dumps(archive.spec.filters)
    if get_job(catalogue, archive.job) is not None:
        catalogue.write(SET_JOB_FILTERS, filters, archive.job, filters)  # which are in no entry
        return
    put_job(catalogue, job_of(archive))


def job_of(archive: Archive) -> Job:
    """Return the job that an archive came from, as far as its manifest describes it."""
    return Job(
        id=archive.job,
        stream=archive.stream,
        source=archive.source,
        spec=archive.spec,
        state=State.ARCHIVED if archive.holding is Holding.HELD else State.CANCELLED,
        created_at=archive.durable_at,
        changed_at=archive.verified_at,
        next_at=archive.verified_at,
        retention=archive.retention,
        ref=archive.ref,
        archive=archive.id,
    )
