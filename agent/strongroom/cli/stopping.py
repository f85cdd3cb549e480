"""Ctrl-C and SIGTERM while work is under way: the first asks to stop and everything is parked, the second ends at once.

What cannot be parked within seconds is given up, as by the second.

Ending at once is safe: whatever was half done is settled when the program next starts.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from strongroom.cli.terminal import tell
from strongroom.engine.ending import EndingLimit
from strongroom.model.errors import ExitCode

_SLICE = 0.25
_NUMBERS = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
"""What the interpreter gives back when a handler is replaced."""


class Stopping:
    """While entered, in the main thread, it takes both signals."""

    def __init__(self) -> None:
        self._asked = False
        self._limit = EndingLimit(ExitCode.INTERRUPTED, say_given_up)
        self._former: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Stopping:
        for number in _NUMBERS:
            self._former[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.cancel()
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def asked(self) -> bool:
        """Say whether to stop."""
        return self._asked

    def pause(self, seconds: float) -> None:
        """Let a little time pass, at most the given seconds; short, so that a wish to stop is heard soon."""
        time.sleep(min(seconds, _SLICE))

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            os.write(2, b"\x1b[?25h\nended at once; the next run settles what was half done\n")
            os._exit(ExitCode.INTERRUPTED)
        self._asked = True
        self._limit.begin()
        tell("stopping: what is under way is parked (once more to end at once)")


def say_given_up() -> None:
    """Say on standard error that the process ends although something was under way; waits for no lock."""
    os.write(2, b"\x1b[?25h\nended: something under way did not stop in time; the next run settles it\n")
