"""Open the search segment of an archive, and say why where it cannot be used."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO, cast

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.reader import SealedReader
from strongroom.engine.worker.compression import WINDOW
from strongroom.model.archive import Archive, Segment
from strongroom.model.errors import StrongroomError
from strongroom.search.chunk import Chunk, read_chunks
from strongroom.search.segment import SegmentDamaged
from strongroom.vault.files import open_file
from strongroom.vault.segments import sealed_fault
from strongroom.vault.vault import Vault

_STEP = 256 << 10


class SegmentUnusable(Exception):
    """The segment is missing, damaged or not the archive's: the archive itself has to be read."""


def open_chunks(vault: Vault, archive: Archive, segment: Segment, key: ArchiveKey) -> Iterator[Chunk]:
    """Yield the chunks of a segment that is exactly the one that was sealed. Raises SegmentUnusable.

    Chunks come before the last one was seen: only the end of the iterator says that all records were in them.
    """
    import zstandard

    try:
        with open_file(vault.layout.segment(archive.id)) as file:
            if fault := sealed_fault(file, segment):
                raise SegmentUnusable(fault)
            sealed = SealedReader(file, [key.identity])
            unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW)
            stream = unpacker.stream_reader(cast("IO[bytes]", sealed), read_size=_STEP, closefd=False)
            counts = Counter[str]()
            for chunk in read_chunks(io.BufferedReader(cast("io.RawIOBase", stream), _STEP), archive.id):
                counts[chunk.head.dataset] += chunk.rows
                yield chunk
            require_whole(archive, counts)
    except FileNotFoundError:
        raise SegmentUnusable("the file is missing") from None
    except (StrongroomError, OSError, SegmentDamaged, zstandard.ZstdError) as error:
        raise SegmentUnusable(str(error)) from error


def require_whole(archive: Archive, counts: Mapping[str, int]) -> None:
    """Raise SegmentDamaged where records of the archive are missing, or there are more."""
    expected = Counter[str]()
    for member in archive.inspection.members:
        if member.dataset:
            expected[member.dataset] += member.records
    if +Counter(counts) != +expected:
        raise SegmentDamaged(f"expected {expected.total():,} records, found {sum(counts.values()):,}")
