"""The bell that wakes the daemon's loop. It may be rung anywhere, in a signal handler too.

An Event may not: its lock cannot be taken twice, and a handler that interrupts the loop while it holds that lock would
wait for itself. SimpleQueue is documented to be safe there.
"""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue


class Bell:
    """Rung any number of times, it wakes once."""

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._rings.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until it rings, at most so long; say whether it rang."""
        try:
            self._rings.get(timeout=seconds)
        except Empty:
            return False
        with suppress(Empty):
            while True:
                self._rings.get_nowait()
        return True
