"""Waiting for a process at the other end of a pipe: never without a limit.

Pipes between our processes are made wide, so that the two ends seldom wait.
"""

from __future__ import annotations

import fcntl
import math
import select
from collections.abc import Callable

PIPE_SIZE = 1 << 20  # bytes; fewer switches between the two processes than with the usual 64 KiB
SLICE = 0.25  # seconds of one wait, so that a request to stop is seen soon
PATIENCE = 600.0  # seconds without any sign of life
FLOOR = 600.0  # seconds of waiting that any peer may cost, however little it was given
PER_MIB = 8.0  # seconds of waiting more for each MiB given, far slower than any disk that works

_MIB = 1 << 20

READABLE = select.POLLIN
WRITABLE = select.POLLOUT


class PeerLate(Exception):
    """The process at the other end kept us waiting for longer than it may."""

    def __init__(self, waited: float) -> None:
        minutes = math.ceil(waited / 60)
        super().__init__("a minute" if minutes == 1 else f"{minutes} minutes")


class Allowance:
    """Seconds that a peer may keep us waiting, in all: a floor, and more for every byte it was given.

    What counts is time spent waiting in short slices, not the clock: a machine that was suspended meanwhile does not
    make a peer late that was suspended with it.
    """

    def __init__(self, floor: float = FLOOR, per_mib: float = PER_MIB, patience: float = PATIENCE) -> None:
        self.patience = patience  # seconds without any sign of life
        self._left = floor
        self._spent = 0.0
        self._per_mib = per_mib

    def earn(self, size: int) -> None:
        """Allow more waiting for bytes that the peer was given."""
        self._left += size * self._per_mib / _MIB

    def spend(self, seconds: float) -> None:
        """Count a wait that brought nothing; raise PeerLate when nothing is left."""
        self._left -= seconds
        self._spent += seconds
        if self._left <= 0:
            raise PeerLate(self._spent)


def wait_for(
    descriptor: int, event: int, allowance: Allowance, more: float = 0.0, heed: Callable[[], None] = lambda: None
) -> None:
    """Wait until a pipe can be read or written, or its other end is closed. Raises PeerLate.

    `more` is added to the allowance's patience; `heed` is called before each slice of waiting and may raise.
    """
    poll = select.poll()
    poll.register(descriptor, event)
    waited = 0.0
    while not poll.poll(0 if waited == 0.0 else SLICE * 1000):
        heed()
        if waited:
            allowance.spend(SLICE)
        waited += SLICE
        if waited > allowance.patience + more:
            raise PeerLate(waited)


def widen_pipe(descriptor: int) -> None:
    """Ask the kernel for a larger pipe buffer; a refusal (a user's quota of pipe memory) only costs speed."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        return
