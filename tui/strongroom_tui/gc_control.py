"""When the memory is tidied: while nobody types. A look through all that is there holds a key up for 0.2 seconds.

Until the first picture stands nothing is tidied at all: it is mostly imports, and what they make is no garbage. What
stands then is passed over for good. Later the collector's full looks wait for a calm moment; only where there is none
for very long do they come by themselves, so that memory stays bounded.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import monotonic

CALM = 2.0  # seconds without a key
BETWEEN = 60.0  # seconds between two looks
SELDOM = 500  # lesser looks that a full one follows without a calm moment; usually 10


class GcControl:
    """The garbage collector of the process, held back while a person types."""

    def __init__(self, ticking: Callable[[], float] = monotonic) -> None:
        self._ticking = ticking
        self._typed = self._tidied = ticking()

    def begin(self) -> None:
        """Let it work again, on what comes to be from now on."""
        gc.freeze()
        first, second, _third = gc.get_threshold()
        gc.set_threshold(first, second, SELDOM)
        gc.enable()

    def touch(self) -> None:
        """Hear that a person did something."""
        self._typed = self._ticking()

    def tidy_if_calm(self) -> bool:
        """Look through everything where nobody would wait for it; say whether that was done."""
        now = self._ticking()
        if now - self._typed < CALM or now - self._tidied < BETWEEN:
            return False
        gc.collect()
        self._tidied = now
        return True
