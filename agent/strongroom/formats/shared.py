"""Memory that two processes share, so that inflated bytes cross over without passing through the kernel twice.

It is cut into slots that are used in turn. The feeder fills one and says so over its pipe; the parser copies it out and
gives it back with one byte over the other pipe. The feeder only ever writes here, so whatever a parser that was taken
over leaves behind is never read.
"""

from __future__ import annotations

import mmap

SLOT = 256 << 10  # bytes, as much as inflating gives at once
SLOTS = 4


def share_memory() -> mmap.mmap:
    """Return memory that a fork made later has in common with this process."""
    return mmap.mmap(-1, SLOT * SLOTS)


class SlotFeeder:
    """The feeder's end: knows which slot is next and how many are out."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._next = 0
        self.out = 0  # slots that the parser has not given back

    @property
    def full(self) -> bool:
        """Whether every slot is out."""
        return self.out == SLOTS

    def fill(self, data: memoryview) -> None:
        """Put at most SLOT bytes into the next slot; at least one slot must be in."""
        at = self._next * SLOT
        self._memory[at : at + len(data)] = data
        self._next = (self._next + 1) % SLOTS
        self.out += 1


class SlotReader:
    """The parser's end: takes slots in the same turn."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._next = 0

    def take(self, length: int) -> memoryview:
        """Return what the next slot holds."""
        at = self._next * SLOT
        self._next = (self._next + 1) % SLOTS
        return self._memory[at : at + length]
