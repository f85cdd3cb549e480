"""Which search segment belongs to an archive: the one that the newest line of the log about it names.

A segment is flushed before the log names it, so that a stop at any moment leaves the one that belongs to its archive,
or none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from io import FileIO
from typing import TYPE_CHECKING

from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Segment
from strongroom.model.entry_kind import EntryKind
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import flush_folder, make_folder, remove
from strongroom.vault.files import open_file, rename
from strongroom.vault.layout import Layout
from strongroom.vault.log import add_entry, chained, select_entries
from strongroom.vault.scrubs import is_still_read

if TYPE_CHECKING:  # the sealing process, which checks a digest, opens no vault
    from strongroom.vault.vault import Vault

SEGMENT = ".idx.age"
"""What the name of a search segment ends with."""

_BLOCK = 1 << 20

SEGMENT_ENTRIES = f"{select_entries()} WHERE archive = ? AND archive <> '' AND kind = 'index.sealed'"


def segment_of(catalogue: Catalogue, archive: Archive) -> Segment | None:
    """Return the segment that an archive should have, None where it was never given one."""
    for entry in reversed(chained(catalogue, SEGMENT_ENTRIES + " ORDER BY seq", archive.id)):
        found = _read(entry.body.get("facts"))
        if found is not None:
            return found
    return None


def publish_segment(
    vault: Vault,
    archive: Archive,
    segment: Segment,
    now: datetime,
    witness: Callable[[str], None] = lambda _where: None,
) -> bool:
    """Put a segment from `tmp` in its place and name it in the log; return False where the archive was destroyed.

    `witness` hears of each place where a crash leaves something different behind.
    """
    path, temporary = vault.layout.segment(archive.id), vault.layout.temporary(archive.id, SEGMENT)
    make_folder(path.parent.parent)
    make_folder(path.parent)
    with vault.catalogue.transaction():
        if not is_still_read(vault.catalogue, archive.id):
            with suppress(OSError):
                remove(temporary)
            return False
        rename(temporary, path)
        flush_folder(path.parent)
        witness("published segment")
        facts = segment_facts(segment)
        entry = Entry(EntryKind.INDEX_SEALED, now, archive=archive.id, stream=archive.stream, facts=facts)
        add_entry(vault.catalogue, entry)
    witness("committed segment")
    vault.write_log()
    return True


def note_no_segment(vault: Vault, archive: Archive, why: str, now: datetime) -> None:
    """Log that the segment of an archive could not be made, and why."""
    with suppress(OSError):
        remove(vault.layout.temporary(archive.id, SEGMENT))
    entry = Entry(EntryKind.INDEX_FAILED, now, archive=archive.id, stream=archive.stream, facts={"detail": why})
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, entry)
    vault.write_log()


def segment_facts(segment: Segment) -> dict[str, Fact]:
    """Return what a line of the log has of a segment."""
    return {"index_sha256": segment.sha256, "index_size": segment.size, "index_records": segment.records}


def segment_fault(layout: Layout, archive_id: str, segment: Segment) -> str:
    """Return what is wrong with the file of a segment, in words; empty where it is the one that was sealed."""
    try:
        with open_file(layout.segment(archive_id)) as file:
            return sealed_fault(file, segment)
    except FileNotFoundError:
        return "the file is missing"
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"


def sealed_fault(file: FileIO, segment: Segment) -> str:
    """Return how an open file differs from the segment that was sealed; empty where it is that one."""
    digest, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    if size != segment.size:
        return f"expected {segment.size:,} bytes, got {size:,}"
    found = digest.hexdigest()
    return "" if found == segment.sha256 else f"expected SHA-256 {segment.sha256[:16]}…, got {found[:16]}…"


def _read(facts: Fact) -> Segment | None:
    if not isinstance(facts, dict):
        return None
    size, digest, records = (facts.get(f"index_{name}") for name in ("size", "sha256", "records"))
    if isinstance(size, int) and isinstance(digest, str) and isinstance(records, int):
        return Segment(size, digest, records)
    return None
