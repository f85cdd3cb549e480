"""Open the search segment of an archive, and say why where it cannot be used."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, cast

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.reader import SealedReader, SeekableSource
from strongroom.engine.access.payload import other_file
from strongroom.engine.worker.compression import WINDOW
from strongroom.model.archive import Archive, Segment
from strongroom.model.copies import Part
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
        with _open_segment(vault, archive, segment) as file:
            sealed = SealedReader(file, [key.identity])
            unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW)
            stream = unpacker.stream_reader(cast("IO[bytes]", sealed), read_size=_STEP, closefd=False)
            counts = Counter[str]()
            for chunk in read_chunks(io.BufferedReader(cast("io.RawIOBase", stream), _STEP), archive.id):
                counts[chunk.head.dataset] += chunk.rows
                yield chunk
            require_whole(archive, counts)
    except (StrongroomError, OSError, SegmentDamaged, zstandard.ZstdError) as error:
        raise SegmentUnusable(str(error)) from error


@contextmanager
def _open_segment(vault: Vault, archive: Archive, segment: Segment) -> Iterator[SeekableSource]:
    """Open a segment that is the one that was sealed: from a copy where the vault's is not. Raises SegmentUnusable."""
    with ExitStack() as stack:
        fault, file = "the file is missing", None
        with suppress(FileNotFoundError):
            file = stack.enter_context(open_file(vault.layout.segment(archive.id)))
            fault = sealed_fault(file, segment)
        if file is not None and not fault:
            yield file
            return
        other = other_file(vault, archive, Part.SEGMENT, segment.sha256)
        if other is None:
            raise SegmentUnusable(fault)
        yield cast("SeekableSource", stack.enter_context(other))


def require_whole(archive: Archive, counts: Mapping[str, int]) -> None:
    """Raise SegmentDamaged where records of the archive are missing, or there are more."""
    expected = Counter[str]()
    for member in archive.inspection.members:
        if member.dataset:
            expected[member.dataset] += member.records
    if +Counter(counts) != +expected:
        raise SegmentDamaged(f"expected {expected.total():,} records, found {sum(counts.values()):,}")
