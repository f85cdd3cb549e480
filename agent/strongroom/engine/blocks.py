"""Reading a sealed file's content block by block, each in memory of its own, so that a block can be kept."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.sealing.reader import SealedReader

BLOCK = 256 << 10  # bytes; small enough to stay in a core's cache on its way


def read_blocks(reader: SealedReader) -> Iterator[memoryview]:
    """Yield everything from the reader's position on. Raises PayloadDamaged where a chunk does not authenticate."""
    while True:
        block = memoryview(bytearray(BLOCK))
        count = reader.readinto(block)
        if not count:
            return
        yield block[:count]
