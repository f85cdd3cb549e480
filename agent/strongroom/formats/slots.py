"""Memory that two processes share, so that inflated bytes cross over without passing through the kernel twice.

It is cut into slots that are used in turn. The feeder fills one and says so over its pipe; the parser copies it out and
gives it back with one byte over the other pipe. The feeder only ever writes here, so whatever a parser that was taken
over leaves behind is never read.
"""

from __future__ import annotations

import fcntl
import mmap
import os

SLOT = 256 << 10  # bytes, as much as inflating gives at once
SLOTS = 4
_F_SEAL_FUTURE_WRITE = 0x10  # of linux/fcntl.h; Python has no name for it yet


def share_memory() -> mmap.mmap:
    """Return memory that a fork made later has in common with this process."""
    return mmap.mmap(-1, SLOT * SLOTS)


def share_descriptor() -> tuple[int, mmap.mmap]:
    """Return a descriptor for another process and the same memory for this one.

    A process that has the descriptor can read the memory, but cannot write to it or change its size.
    """
    descriptor = os.memfd_create("slots", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, SLOT * SLOTS)
    memory = mmap.mmap(descriptor, SLOT * SLOTS)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | _F_SEAL_FUTURE_WRITE | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor, memory


def take_shared(descriptor: int) -> memoryview:
    """Return the memory behind a descriptor from `share_descriptor`, for reading."""
    return memoryview(mmap.mmap(descriptor, SLOT * SLOTS, prot=mmap.PROT_READ))


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
