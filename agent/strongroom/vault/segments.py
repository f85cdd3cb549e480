"""Which search segment belongs to an archive: the one that the newest line of the log about it names."""

from __future__ import annotations

import hashlib
from io import FileIO

from strongroom.evidence.line import Fact
from strongroom.model.archive import Archive, Segment
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.files import open_file
from strongroom.vault.layout import Layout
from strongroom.vault.log import chained, told_entries

_BLOCK = 1 << 20

SEGMENT_ENTRIES = f"{told_entries()} WHERE archive = ? AND archive <> '' AND kind IN ('job.proven', 'index.sealed')"


def segment_of(catalogue: Catalogue, archive: Archive) -> Segment | None:
    """Return the segment that an archive should have, None where it was never given one.

    A line of the log decides; the manifest does where there is no such line.
    """
    for entry in reversed(chained(catalogue, SEGMENT_ENTRIES + " ORDER BY seq", archive.id)):
        found = _read(entry.body.get("facts"))
        if found is not None:
            return found
    return archive.segment


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
