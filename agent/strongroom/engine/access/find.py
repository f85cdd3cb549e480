"""Archives and jobs by what a person typed of their ids."""

from __future__ import annotations

from strongroom.engine.retention.tombstones import refuse_destroyed
from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.model.job import Job
from strongroom.vault.archives import (
    get_archive,
    matching_archive_ids,
)
from strongroom.vault.jobs import get_job, matching_job_ids
from strongroom.vault.requests import Request as Request  # as `Vault` below
from strongroom.vault.requests import RequestKind as RequestKind
from strongroom.vault.rows import leaving_out as leaving_out  # as `Vault` below
from strongroom.vault.vault import Vault as Vault  # the screen and the command line name it from here


def find_job(vault: Vault, part: str) -> Job:
    """Return the job whose id is, begins or ends with what a person typed. Raises UsageError."""
    job = get_job(vault.catalogue, _clean(part))  # a whole id needs no search
    job = job or get_job(vault.catalogue, _one(matching_job_ids(vault.catalogue, _clean(part)), "job", part))
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
        ids = matching_archive_ids(vault.catalogue, _clean(part))
        if not ids:
            refuse_destroyed(vault.catalogue, _clean(part))
        archive = get_archive(vault.catalogue, _one(ids, "archive", part))
    if archive is None:
        raise UsageError(f"there is no archive {part}", hint="see: strongroom archives")
    return archive


def _clean(part: str) -> str:
    return "".join(letter for letter in part.lower() if letter.isalnum())


def _one(ids: list[str], noun: str, part: str) -> str:
    if not ids or not _clean(part):
        raise UsageError(f"there is no {noun} {part!r}", hint=f"see: strongroom {noun}s")
    if len(ids) > 1:
        raise UsageError(f"{part!r} fits several {noun}s: {', '.join(ids)}", hint="type more of the id")
    return ids[0]
