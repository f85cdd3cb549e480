"""Reading a sealed file's content block by block, each in memory of its own, so that a block can be kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Protocol

from strongroom.formats.plaintext import PlaintextReader

BLOCK = 256 << 10  # bytes; small enough to stay in a core's cache on its way


class Filler(Protocol):
    """A file that fills the caller's memory."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer as far as possible and return the number of bytes; 0 only at the end."""
        ...


def read_blocks(reader: Filler) -> Iterator[memoryview]:
    """Yield everything from the reader's position on. Raises PayloadDamaged where a chunk does not authenticate."""
    while True:
        block = memoryview(bytearray(BLOCK))
        count = reader.readinto(block)
        if not count:
            return
        yield block[:count]


class WatchedReader:
    """A reader that tells of every reading before it happens, as 0 more bytes, so that whoever hears it may stop it."""

    def __init__(self, reader: PlaintextReader, watch: Callable[[int], None]) -> None:
        self._reader = reader
        self._watch = watch

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move, and return the new position from the start."""
        return self._reader.seek(offset, whence)

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a part of the buffer and return how many bytes; 0 at the end. Raises what the watch raises."""
        self._watch(0)
        return self._reader.readinto(buffer)
