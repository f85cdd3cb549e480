"""SHA-256 in a thread of its own: hashing releases the interpreter lock, so it runs beside encryption."""

from __future__ import annotations

import hashlib
import queue
import threading
from types import TracebackType

AHEAD = 8


class Digest:
    """Hashes the chunks it is given, in order. Use as a context manager; chunks must not change afterwards."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | memoryview | None] = queue.Queue(AHEAD)
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._run, name="digest", daemon=True)

    def __enter__(self) -> Digest:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self._chunks.put(None)
            self._thread.join()

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next chunk; waits while too many are queued, so that memory stays bounded."""
        self._chunks.put(chunk)

    def result(self) -> bytes:
        """Wait for everything given so far and return the digest, 32 bytes. Nothing may follow."""
        self._chunks.put(None)
        self._thread.join()
        return self._hash.digest()

    def _run(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._hash.update(chunk)
