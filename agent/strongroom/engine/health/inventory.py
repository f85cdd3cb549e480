"""Which archives there are to be checked; one whose row cannot be read is named and does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.engine.health.fixity import Fault
from strongroom.model.archive import Archive
from strongroom.vault.archives import all_archive_ids, get_archive
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.vault import Vault

UNREADABLE = "unreadable"


def each_archive(vault: Vault) -> Iterator[Archive | Fault]:
    """Yield every archive, oldest first; of each whose row cannot be read, what is wrong with it."""
    for archive_id in all_archive_ids(vault.catalogue):
        try:
            archive = get_archive(vault.catalogue, archive_id)
        except RowUnreadable:
            yield row_fault(archive_id)
            continue
        if archive is not None:
            yield archive


def row_fault(archive_id: str) -> Fault:
    """Return the finding about an archive whose row cannot be read."""
    message = "expected a row that can be read, got another; it can be made again: strongroom recover"
    return Fault(archive_id, "catalogue.sqlite", UNREADABLE, message)
