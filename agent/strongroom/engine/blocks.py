"""Reading a sealed file's content block by block, each in memory of its own, so that a block can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

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
