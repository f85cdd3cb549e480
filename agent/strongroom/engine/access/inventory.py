"""Archives and jobs by id: as a person typed it, all there are to check, and those that only the log knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from strongroom.engine.access.fixity import FixityFault
from strongroom.engine.retention.verdicts import refuse_destroyed
from strongroom.model.archive import Archive
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.job import Job
from strongroom.model.times import parse_instant
from strongroom.vault.archives import (
    all_archive_ids,
    get_archive,
)
from strongroom.vault.catalogue import find_by_prefix, ids_from
from strongroom.vault.files import is_there
from strongroom.vault.jobs import get_job
from strongroom.vault.log import Logged, entries_of_archive
from strongroom.vault.requests import Request as Request  # as `Vault` below
from strongroom.vault.requests import RequestKind as RequestKind
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.rows import leaving_out as leaving_out  # as `Vault` below
from strongroom.vault.vault import Vault as Vault  # the screen and the command line name it from here


def find_job(vault: Vault, part: str) -> Job:
    """Return the job whose id is, begins or ends with what a person typed. Raises UsageError."""
    job = get_job(vault.catalogue, _clean(part))  # a whole id needs no search
    job = job or get_job(vault.catalogue, single(find_by_prefix(vault.catalogue, "jobs", _clean(part)), "job", part))
    if job is None:
        raise UsageError(f"there is no job {part}", hint="see: strongroom jobs")
    return job


def get_exactly(vault: Vault, archive_id: str) -> Archive | None:
    """Return the archive with exactly this id, or None."""
    return get_archive(vault.catalogue, archive_id)


def find_archive(vault: Vault, part: str) -> Archive:
    """Return the archive whose id is, begins or ends with what a person typed. Raises UsageError."""
    archive = get_archive(vault.catalogue, _clean(part))  # a whole id needs no search
    if archive is None:
        ids = find_by_prefix(vault.catalogue, "archives", _clean(part))
        if not ids:
            refuse_destroyed(vault.catalogue, _clean(part))
        archive = get_archive(vault.catalogue, single(ids, "archive", part))
    if archive is None:
        raise UsageError(f"there is no archive {part}", hint="see: strongroom archives")
    return archive


def archives_from(vault: Vault, part: str, most: int) -> list[Archive]:
    """Return at most so many archives whose ids begin with what a person typed."""
    ids = ids_from(vault.catalogue, "archives", _clean(part), most)
    return [found for each in ids if (found := get_archive(vault.catalogue, each)) is not None]


def jobs_from(vault: Vault, part: str, most: int) -> list[Job]:
    """Return at most so many jobs whose ids begin with what a person typed."""
    ids = ids_from(vault.catalogue, "jobs", _clean(part), most)
    return [found for each in ids if (found := get_job(vault.catalogue, each)) is not None]


def _clean(part: str) -> str:
    return "".join(letter for letter in part.lower() if letter.isalnum())


def single(ids: list[str], noun: str, part: str, hint: str = "") -> str:
    """Return the one id that was found. Raises UsageError where there is none, or more than one."""
    if not ids or not _clean(part):
        raise UsageError(f"there is no {noun} {part!r}", hint=hint or f"see: strongroom {noun}s")
    if len(ids) > 1:
        raise UsageError(f"{part!r} matches several {noun}s: {', '.join(ids)}", hint="type more of the id")
    return ids[0]


UNREADABLE = "unreadable"


def each_archive(vault: Vault) -> Iterator[Archive | FixityFault]:
    """Yield every archive, oldest first, or a fault for each whose row cannot be read."""
    for archive_id in all_archive_ids(vault.catalogue):
        try:
            archive = get_archive(vault.catalogue, archive_id)
        except RowUnreadable:
            yield row_fault(archive_id)
            continue
        if archive is not None:
            yield archive


def row_fault(archive_id: str) -> FixityFault:
    """Return the finding about an archive whose row cannot be read."""
    message = "its row in the catalogue cannot be read; to repair it: strongroom recover"
    return FixityFault(archive_id, "catalogue.sqlite", UNREADABLE, message)


PUBLISHED_UNKNOWN = """
SELECT DISTINCT archive FROM entries
WHERE kind IN ('job.proven', 'job.rejected', 'archive.adopted') AND archive <> ''
    AND archive NOT IN (SELECT id FROM archives)
ORDER BY archive
"""

_PUBLISHED = (EntryKind.JOB_PROVEN, EntryKind.JOB_REJECTED, EntryKind.ARCHIVE_ADOPTED)
_SETTLED = (EntryKind.ARCHIVE_DESTROYED, EntryKind.FILES_MOVED)
CODE = "unlisted"


class Unlisted(Struct, frozen=True):
    """An archive that the log records as archived and the catalogue does not list."""

    archive: str
    stream: str
    at: datetime  # of the entry about its publication
    files: bool  # whether any of its files is there

    @property
    def fault(self) -> FixityFault:
        """What is wrong, and what to do about it."""
        words = f"the log says that it was archived on {self.at:%Y-%m-%d %H:%M} UTC, but the catalogue does not list it"
        if self.files:
            words += "; to see which of its files exist: strongroom recover"
        else:
            words += ", and none of its files exist; restore them from a copy, then run: strongroom recover"
        return FixityFault(self.archive, f"manifests/{self.archive[-2:]}/{self.archive}.json", CODE, words)


def unlisted_archives(vault: Vault) -> Iterator[Unlisted]:
    """Yield each archive that was published by the chained log, is not in the catalogue, and was not destroyed.

    One whose files a recovery moved to quarantine, which has an entry of its own, is left out.
    """
    for row in vault.catalogue.read(PUBLISHED_UNKNOWN):
        entries = entries_of_archive(vault.catalogue, row["archive"])
        kinds = [str(entry.body.get("kind")) for entry in entries]
        published = next((entry for entry in entries if entry.body.get("kind") in _PUBLISHED), None)
        if published is not None and not any(kind in _SETTLED for kind in kinds):
            yield _unlisted(vault, row["archive"], published)


def _unlisted(vault: Vault, archive_id: str, published: Logged) -> Unlisted:
    layout = vault.layout
    try:
        places = [layout.manifest(archive_id), layout.archive(archive_id), layout.key(archive_id)]
        places += [layout.quarantined(archive_id, suffix) for suffix in (".json", ".age", ".key.age")]
    except ValueError:  # an entry may name something that is no id of ours
        places = []
    at = parse_instant(str(published.body["at"]))
    return Unlisted(archive_id, str(published.body.get("stream", "")), at, any(is_there(path) for path in places))
