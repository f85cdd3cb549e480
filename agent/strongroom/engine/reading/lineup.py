"""Which archive another is compared with when a person names one alone."""

from __future__ import annotations

from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.vault.archives import get_archive
from strongroom.vault.copies import copy_before, version_before
from strongroom.vault.vault import Vault


def archive_before(vault: Vault, archive: Archive) -> Archive:
    """Return the older version of the archive's window, or the copy before it of a dataset without time windows.

    Raises UsageError where there is none: archives of different windows hold different records by their nature.
    """
    catalogue = vault.catalogue
    before = version_before(catalogue, archive)
    if not before and not any(shape.time_field for shape in archive.expectation.datasets):
        before = copy_before(catalogue, archive.stream, archive.spec.window.start)
    older = get_archive(catalogue, before) if before else None
    if older is None:
        raise UsageError(f"nothing comes before archive {archive.id}", hint="name two archives: strongroom diff A B")
    return older
