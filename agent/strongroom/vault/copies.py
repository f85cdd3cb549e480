"""Which archive comes before another: the older version of the same window, or the copy taken before it."""

from __future__ import annotations

from datetime import datetime

from strongroom.model.archive import Archive
from strongroom.vault import copyqueries
from strongroom.vault.catalogue import Catalogue, to_text


def copy_before(catalogue: Catalogue, stream: str, start: datetime) -> str:
    """Return the archive of the newest window of a stream that ended by `start`, or empty."""
    row = catalogue.read_one(copyqueries.COPY_BEFORE, stream, to_text(start))
    return str(row["archive"]) if row else ""


def version_before(catalogue: Catalogue, archive: Archive) -> str:
    """Return the sound archive of the same window that was made before this one, or empty."""
    window = archive.spec.window
    row = catalogue.read_one(
        copyqueries.VERSION_BEFORE, archive.stream, to_text(window.start), to_text(window.end), archive.id
    )
    return str(row["id"]) if row else ""


def version_after(catalogue: Catalogue, archive: Archive) -> str:
    """Return the sound archive of the same window that was made next after this one, or empty."""
    window = archive.spec.window
    row = catalogue.read_one(
        copyqueries.VERSION_AFTER, archive.stream, to_text(window.start), to_text(window.end), archive.id
    )
    return str(row["id"]) if row else ""
