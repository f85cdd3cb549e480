"""The writer: clear text in, an age file out. Only an explicit `finish` writes the last chunk.

A file whose writer was left, broken or killed has no last chunk, and every reader refuses it.

Small things sealed and opened whole, such as a key file: no clear text before the end is verified.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from strongroom.age.header import write_header
from strongroom.age.keys import Identity, Recipient
from strongroom.age.reader import CHUNK, PAYLOAD_NONCE, SEALED_CHUNK, TAG, chunk_nonce, open_stream, payload_cipher
from strongroom.age.stanza import FILE_KEY, draw
from strongroom.model.times import Chance


class Sink(Protocol):
    """Where sealed bytes go: a file, a BytesIO. It may take fewer bytes than offered, and must not keep the view."""

    def write(self, data: memoryview, /) -> int | None:
        """Take bytes and return how many."""
        ...


class SealedWriter:
    """Seals a stream into `sink`, which stays open and is not flushed.

    The file key and the nonce come from `random_bytes`.
    After any exception from `write` or `finish` the writer is dead: going on could use a nonce for two texts.
    As a context manager it abandons the file on the way out unless `finish` was called inside.
    """

    def __init__(self, sink: Sink, recipients: Sequence[Recipient], random_bytes: Chance) -> None:
        file_key = draw(random_bytes, FILE_KEY)
        header = write_header(file_key, recipients, random_bytes)
        nonce = draw(random_bytes, PAYLOAD_NONCE)
        self._sink = sink
        self._cipher: ChaCha20Poly1305 | None = payload_cipher(file_key, nonce)
        self._index = 0
        self._held = memoryview(bytearray(CHUNK))  # clear text not yet written: it may be the last chunk
        self._fill = 0
        self._sealed = memoryview(bytearray(SEALED_CHUNK))
        self.size = 0  # bytes of clear text taken
        self.sealed_size = 0  # bytes written to the sink
        self._put(memoryview(header + nonce))

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take all of `data` and return its size in bytes. Blocks of many chunks are sealed without a copy.

        Raises ValueError after `finish`, `abandon` or a failure, and whatever the sink raises.
        """
        cipher, view = self._require_open(), memoryview(data).cast("B")
        try:
            self._take(cipher, view)
        except BaseException:  # an interrupt between sealing and counting is as bad as a full disk
            self.abandon()
            raise
        self.size += len(view)
        return len(view)

    def finish(self) -> None:
        """Write the last chunk: from here on the file is whole. Raises ValueError when there is nothing to finish."""
        cipher = self._require_open()
        try:
            self._emit(cipher, self._held[: self._fill], last=True)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Drop the key and the clear text held. Without a `finish` before, what was written can never be opened."""
        self._cipher = None
        self._held[: self._fill] = bytes(self._fill)
        self._fill = 0

    def _take(self, cipher: ChaCha20Poly1305, view: memoryview) -> None:
        first = min(CHUNK - self._fill, len(view))
        self._hold(view[:first])
        view = view[first:]
        if not view:
            return
        self._emit(cipher, self._held, last=False)
        self._fill = 0
        # A full chunk goes out only when a byte follows it: until then it could be the last.
        while len(view) > CHUNK:
            self._emit(cipher, view[:CHUNK], last=False)
            view = view[CHUNK:]
        self._hold(view)

    def _hold(self, view: memoryview) -> None:
        self._held[self._fill : self._fill + len(view)] = view
        self._fill += len(view)

    def _emit(self, cipher: ChaCha20Poly1305, chunk: memoryview, *, last: bool) -> None:
        sealed = self._sealed[: len(chunk) + TAG]
        cipher.encrypt_into(chunk_nonce(self._index, last=last), chunk, None, sealed)
        self._index += 1
        self._put(sealed)

    def _put(self, view: memoryview) -> None:
        while view:
            count = self._sink.write(view)
            if not count:
                raise BlockingIOError("the sink of a sealed file took no bytes")
            self.sealed_size += count
            view = view[count:]

    def _require_open(self) -> ChaCha20Poly1305:
        if self._cipher is None:
            raise ValueError("this sealed file is finished or abandoned; begin a new one")
        return self._cipher

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cipher is None:
            return
        self.abandon()
        if kind is None:
            raise ValueError("a sealed file was left without finish(); it cannot be opened")


def seal_bytes(data: bytes, recipients: Sequence[Recipient], random_bytes: Chance) -> bytes:
    """Return `data` as an age file; raises KeyRefused when there are no recipients or they cannot be combined."""
    sink = io.BytesIO()
    writer = SealedWriter(sink, recipients, random_bytes)
    writer.write(data)
    writer.finish()
    return sink.getvalue()


def open_bytes(data: bytes, identities: Sequence[Identity]) -> bytes:
    """Return the clear text of a whole age file; raises HeaderRefused, NoMatch, MacMismatch or PayloadDamaged."""
    return b"".join(open_stream(io.BytesIO(data), identities))
