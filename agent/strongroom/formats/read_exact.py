"""The one way this room reads a file: seek, then read exactly; what is not there is a fault, not a short answer."""

from __future__ import annotations

import os
from typing import Protocol

from strongroom.formats.faults import Unreadable


class PlaintextReader(Protocol):
    """A seekable reader of the delivered bytes, such as a decrypting reader or a file. Its errors pass through."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move, and return the new position from the start."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a part of the buffer and return how many bytes; 0 at the end."""


def measure(reader: PlaintextReader) -> int:
    """Return the size in bytes."""
    return reader.seek(0, os.SEEK_END)


def read_at(reader: PlaintextReader, offset: int, length: int) -> bytes:
    """Return exactly `length` bytes from `offset`; raise Unreadable (zip-truncated) where the file ends before."""
    block = bytearray(length)
    reader.seek(offset)
    if fill_from(reader, memoryview(block)) < length:
        raise Unreadable(
            "zip-truncated", f"the file ends before byte {offset + length:,}, which its own tables point to"
        )
    return bytes(block)


def fill_from(reader: PlaintextReader, view: memoryview) -> int:
    """Fill the view from the present position and return how many bytes came; fewer only at the end."""
    filled = 0
    while filled < len(view):
        count = reader.readinto(view[filled:])
        if not count:
            break
        filled += count
    return filled
