"""A limit to how long the program takes to end once a person or the system asked it to."""

from __future__ import annotations

import _thread
import os
import time
from collections.abc import Callable

LONGEST = 8.0  # seconds; whoever asked waits at most 10


class EndingLimit:
    """Ends the process at once when it has not ended by itself some seconds after the first request to stop.

    That is safe: what was half done is settled when the program next starts, and worker processes end with this one. It
    bounds every state, also a wait that nothing can interrupt, such as one for a hanging disk.
    """

    def __init__(self, code: int, tell: Callable[[], object], seconds: float = LONGEST) -> None:
        """`tell` says that the process is ended; it runs in a thread of its own and must not block."""
        self._code, self._tell, self._seconds = code, tell, seconds
        self._begun = self._over = False

    def begin(self) -> None:
        """Let the time run; safe in a signal handler, since it takes no lock of `threading`."""
        if not self._begun:
            self._begun = True
            _thread.start_new_thread(self._run, ())

    def cancel(self) -> None:
        """Forget it: everything has come to its end."""
        self._over = True

    def _run(self) -> None:
        time.sleep(self._seconds)
        if self._over:
            return
        try:
            self._tell()
        finally:
            os._exit(self._code)
