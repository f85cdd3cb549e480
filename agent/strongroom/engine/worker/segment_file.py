"""Write a search segment as it lies in the vault: compressed, then sealed to the archive's own key.

age -d -i archive.key index/ab/ID.idx.age | zstd -d
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType

import zstandard

from strongroom.age.keys import X25519Recipient
from strongroom.age.writer import SealedWriter
from strongroom.model.archive import Segment
from strongroom.search.segment import opening_line
from strongroom.vault.durable import flush, remove, write_all
from strongroom.vault.files import create_descriptor

LEVEL = 1  # of zstd: columns of texts get no smaller at level 3, which takes twice the time


class SegmentFile:
    """One segment that is being written. A context manager: what is not finished is removed."""

    def __init__(self, path: Path, archive: str, recipient: X25519Recipient) -> None:
        """`path` must not exist. Raises OSError where it does, WorldError where the disk is full."""
        self._path = path
        self._fd = create_descriptor(path)
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._finished = False
        self._writer = SealedWriter(self, [recipient], os.urandom)
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=False)
        self._packer = compressor.compressobj()
        self.add(opening_line(archive))

    def __enter__(self) -> SegmentFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
        if not self._finished:
            self._writer.abandon()
            remove(self._path)

    def add(self, clear: bytes) -> None:
        """Add the next bytes of the segment."""
        self._writer.write(self._packer.compress(clear))

    def finish(self, records: int) -> Segment:
        """End the file and flush it to the disk."""
        self._writer.write(self._packer.flush())
        self._writer.finish()
        flush(self._fd)
        self._finished = True
        return Segment(self._size, self._sha256.hexdigest(), records)

    def write(self, data: memoryview) -> int:
        """Take sealed bytes, for the writer."""
        write_all(self._fd, data)
        self._sha256.update(data)
        self._size += len(data)
        return len(data)
