"""Archives in the catalogue: the manifest's exact text, and the columns that lists are filtered and sorted by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from strongroom.model.archive import Archive
from strongroom.model.errors import VaultError
from strongroom.model.inspection import Severity
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_text
from strongroom.vault.manifest import read_manifest, write_manifest
from strongroom.vault.retained import put_retained
from strongroom.vault.rows import UNREADABLE, RowUnreadable, unreadable


@dataclass(frozen=True, slots=True)
class Totals:
    """How much the vault holds of one kind."""

    count: int
    size: int  # bytes as delivered
    sealed_size: int  # bytes on disk
    records: int


def put_archive(catalogue: Catalogue, archive: Archive, key_sha256: str, manifest: str = "") -> None:
    """Insert the archive, with the digest of its sealed key file; inside a transaction.

    `manifest` is the text that the archive was read from, where there is one.
    """
    window = archive.spec.window
    catalogue.write(
        queries.PUT_ARCHIVE,
        archive.id,
        archive.holding.value,
        archive.stream,
        archive.source,
        to_text(window.start),
        to_text(window.end),
        archive.job,
        archive.seal.size,
        archive.seal.sealed_size,
        archive.inspection.records,
        sum(finding.severity is not Severity.NOTE for finding in archive.inspection.findings),
        archive.retention,
        to_text(archive.durable_at),
        to_text(archive.verified_at),
        manifest or write_manifest(archive).decode(),
        key_sha256,
    )
    put_retained(catalogue, archive)


def key_digest(catalogue: Catalogue, archive_id: str) -> str:
    """Return the SHA-256 of an archive's sealed key file, as it should be."""
    row = catalogue.read_one(queries.KEY_DIGEST, archive_id)
    return str(row["key_sha256"]) if row else ""


def get_archive(catalogue: Catalogue, archive_id: str) -> Archive | None:
    """Return the archive with exactly this id. Raises RowUnreadable as `read_archive`."""
    row = catalogue.read_one(queries.ARCHIVE, archive_id)
    return read_archive(row) if row else None


def has_archive(catalogue: Catalogue, archive_id: str) -> bool:
    """Say whether there is a row of this archive, whether or not it can be read."""
    return catalogue.read_one(queries.ARCHIVE, archive_id) is not None


def read_archive(row: sqlite3.Row) -> Archive:
    """Return what a row with `id` and `manifest` holds.

    Raises RowUnreadable, which names it, where its manifest cannot be read or is another archive's.
    """
    try:
        archive = read_manifest(row["manifest"])
    except (VaultError, *UNREADABLE) as error:
        raise unreadable("archives", row["id"]) from error
    if archive.id != row["id"]:
        raise unreadable("archives", row["id"])
    return archive


def readable_archives(catalogue: Catalogue, archive_ids: Iterable[str]) -> Iterator[Archive]:
    """Yield those of these archives that are there and can be read: work on the others goes on without them."""
    for archive_id in archive_ids:
        with suppress(RowUnreadable):
            archive = get_archive(catalogue, archive_id)
            if archive is not None:
                yield archive


def all_archive_ids(catalogue: Catalogue) -> list[str]:
    """Return every archive's id, oldest first."""
    return [row["id"] for row in catalogue.read(queries.ALL_ARCHIVE_IDS)]


def matching_archive_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids that begin or end with what a person typed, in any case."""
    return [row["id"] for row in catalogue.read(queries.ARCHIVE_IDS_LIKE, part.lower())]


def sealed_since(catalogue: Catalogue, instant: datetime) -> int:
    """Return how many bytes of sealed archives came since an instant."""
    row = catalogue.read_one(queries.SEALED_SINCE, to_text(instant))
    return int(row["size"]) if row else 0


def archive_totals(catalogue: Catalogue) -> dict[str, Totals]:
    """Sum what the vault holds, by holding."""
    return {
        row["holding"]: Totals(row["count"], row["size"], row["sealed_size"], row["records"])
        for row in catalogue.read(queries.ARCHIVE_TOTALS)
    }
