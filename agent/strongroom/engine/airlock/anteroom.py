"""The anteroom: one sealer started ahead of time, because starting takes longer than asking for a link.

A sealer that nobody takes costs memory alone: it has no order, no key and no file.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.engine.airlock.airlock import Airlock


class Anteroom:
    """Holds at most one sealer that no job has taken. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._ready: Airlock | None = None

    def prepare(self) -> None:
        """Start a sealer unless one is ready; does not wait for it."""
        with self._guard:
            if self._ready is None:
                self._ready = _start()

    def take(self) -> Airlock:
        """Return the sealer that is ready, or a new one; it is the caller's to close."""
        with self._guard:
            ready, self._ready = self._ready, None
        if ready is not None and not ready.alive:
            ready.close()
            ready = None
        return ready or _start()

    def close(self) -> None:
        """End the sealer that nobody took."""
        with self._guard:
            ready, self._ready = self._ready, None
        if ready is not None:
            ready.close()


def _start() -> Airlock:
    from strongroom.engine.airlock.airlock import Airlock  # slow to import, and who only reads never needs it

    return Airlock()
