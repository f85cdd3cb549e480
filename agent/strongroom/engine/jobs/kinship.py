"""Which jobs a job comes from and leads to, and which other archives hold the same window."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.model.archive import Archive
from strongroom.model.job import Job
from strongroom.vault.archives import get_archive
from strongroom.vault.copies import version_after, version_before
from strongroom.vault.jobs import get_job, successor_of
from strongroom.vault.vault import Vault

MOST = 20  # generations told in each direction


@dataclass(frozen=True, slots=True)
class Kin:
    """What a job comes from, leads to and has brought."""

    before: tuple[Job, ...]  # its parent and theirs, the oldest first
    after: tuple[Job, ...]  # what replaced it and what replaced that
    archive: Archive | None  # which may be quarantined; None where there is none, or none any more


@dataclass(frozen=True, slots=True)
class Versions:
    """Other sound archives of an archive's window; empty ids where there are none."""

    older: str
    newer: str


def kin_of(vault: Vault, job: Job) -> Kin:
    """Return the lineage of a job."""
    before: list[Job] = []
    while len(before) < MOST and (parent := get_job(vault.catalogue, (before[-1] if before else job).parent)):
        before.append(parent)
    after: list[Job] = []
    while len(after) < MOST and (child := get_job(vault.catalogue, _child(vault, after[-1] if after else job))):
        after.append(child)
    archive = get_archive(vault.catalogue, job.archive) if job.archive else None
    return Kin(tuple(before[::-1]), tuple(after), archive)


def versions_of(vault: Vault, archive: Archive) -> Versions:
    """Return the versions of the archive's window that were made just before and just after it."""
    return Versions(version_before(vault.catalogue, archive), version_after(vault.catalogue, archive))


def _child(vault: Vault, job: Job) -> str:
    return successor_of(vault.catalogue, job.id)
