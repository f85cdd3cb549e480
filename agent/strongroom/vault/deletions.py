"""Exports to be deleted at the provider: owed from the commit of their archive on, until the provider has done it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from strongroom.model.job import Job
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_text
from strongroom.vault.log import entries_of_job
from strongroom.vault.rows import readable, reads


@dataclass(frozen=True, slots=True)
class Deletion:
    """One export that the provider is still to delete."""

    source: str
    ref: str  # the provider's name for the export
    job: str  # whose export it was
    archive: str  # proven and committed
    next_at: datetime  # not to be tried before
    tries: int = 0  # that failed


def owe_deletion(catalogue: Catalogue, deletion: Deletion) -> None:
    """Write down a deletion, or when it is to be tried next; inside a transaction."""
    row = deletion
    catalogue.write(queries.PUT_DELETION, row.source, row.ref, row.job, row.archive, to_text(row.next_at), row.tries)


def settle_deletion(catalogue: Catalogue, deletion: Deletion) -> None:
    """Forget a deletion that is done, or will never be; inside a transaction."""
    catalogue.write(queries.DROP_DELETION, deletion.source, deletion.ref)


def owed_deletions(catalogue: Catalogue) -> list[Deletion]:
    """Return every deletion that is owed, the one due first at the front."""
    return list(readable(catalogue.read(queries.DELETIONS), _deletion))


def was_accepted(catalogue: Catalogue, job: Job) -> bool:
    """Say whether the provider answered the job's own create with its export: an adopted one may be somebody else's."""
    return any(entry.body["kind"] == "job.accepted" for entry in entries_of_job(catalogue, job.id))


@reads("deletions", "job")
def _deletion(row: sqlite3.Row) -> Deletion:
    return Deletion(row["source"], row["ref"], row["job"], row["archive"], to_instant(row["next_at"]), row["tries"])
