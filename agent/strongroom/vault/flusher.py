"""Flushing while a file is still being written, so that the flush at its end finds little left to do.

A flush that fails in the background has taken the kernel's only report of the error, so the failure is kept and the
last flush, which decides, raises it.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType

from strongroom.vault.durable import in_words

STEP = 16 << 20  # bytes written between two flushes


class Flusher:
    """Flushes what was written to one file, in a thread, whenever enough has come together.

    A context manager: leaving it waits for a flush under way, so that the file can be closed.
    """

    def __init__(self, fd: int, step: int = STEP) -> None:
        self._fd = fd
        self._step = step
        self._unflushed = 0
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None

    def __enter__(self) -> Flusher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait()

    def wrote(self, count: int) -> None:
        """Take note that so many more bytes were written; never waits."""
        self._unflushed += count
        if self._unflushed >= self._step and not (self._thread and self._thread.is_alive()):
            self._unflushed = 0
            self._thread = threading.Thread(target=self._flush, name="flusher")
            self._thread.start()

    def settle(self) -> None:
        """Wait for a flush under way; call it before the last flush.

        Raises WorldError when any flush so far has failed: the file must then be thrown away.
        """
        self._wait()
        if self._failure:
            raise in_words(self._failure) from self._failure

    def _wait(self) -> None:
        if self._thread:
            self._thread.join()

    def _flush(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            self._failure = self._failure or error
