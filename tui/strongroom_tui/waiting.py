"""A word on the terminal while the vault is being opened, where that takes longer than a person expects.

The catalogue waits some ten seconds for a program that holds it. Until then the screen is not there yet, and a blank
terminal looks like one that hangs. The line is taken back before anything else is written.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

AFTER = 1.0  # seconds without an answer
WORDS = "opening the vault; another program may hold its catalogue: waiting …"
_TAKE_BACK = "\r\x1b[K"


@contextmanager
def told_to_wait(terminal: TextIO, after: float = AFTER) -> Iterator[None]:
    """Have it told on the terminal that the block takes longer than `after` seconds; the line goes with the block."""
    told = threading.Event()

    def tell() -> None:
        with suppress(OSError, ValueError):  # nobody is there to be told
            told.set()
            terminal.write(WORDS)
            terminal.flush()

    timer = threading.Timer(after, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if told.is_set():
            timer.join(1)  # so that the line is complete before it is taken back
            with suppress(OSError, ValueError):
                terminal.write(_TAKE_BACK)
                terminal.flush()
