"""The intake: reads the header off the front of any source and keeps the bytes that were read too far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from strongroom.sealing.header import find_end, parse_header, unlock_header
from strongroom.sealing.identity import Identity
from strongroom.sealing.payload import PAYLOAD_NONCE, payload_cipher
from strongroom.sealing.refusal import HeaderRefused

_BLOCK = 4096


class Source(Protocol):
    """Bytes in order: a file, a pipe, a BytesIO. It blocks until there are some; 0 means the end."""

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:
        """Put up to len(buffer) bytes into the buffer and return how many."""
        ...


class Intake:
    """A source being read from its front. Short reads are healed; the source stays open."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rest = memoryview(b"")
        self.taken = 0  # bytes handed out so far

    def unlock(self, identities: Sequence[Identity]) -> ChaCha20Poly1305:
        """Read and open the header and the nonce; what is left are the chunks.

        Raises HeaderRefused, NoMatch, MacMismatch.
        """
        file_key = unlock_header(parse_header(self._take_header()), identities)
        nonce = bytearray(PAYLOAD_NONCE)
        if self.fill(memoryview(nonce)) < PAYLOAD_NONCE:
            raise HeaderRefused("the file ends right after its header", hint="it was cut off; take another copy")
        return payload_cipher(file_key, bytes(nonce))

    def fill(self, view: memoryview) -> int:
        """Fill the view from the source and return how many bytes there were: fewer only at the end."""
        kept = min(len(view), len(self._rest))
        view[:kept] = self._rest[:kept]
        self._rest = self._rest[kept:]
        count = kept + fill(self._source, view[kept:])
        self.taken += count
        return count

    def _take_header(self) -> bytes:
        held, block = bytearray(), memoryview(bytearray(_BLOCK))
        while (end := find_end(held)) is None:
            count = _read(self._source, block)
            if not count:
                raise HeaderRefused("the file ends within its header", hint="it was cut off; take another copy")
            held += block[:count]
        self._rest = memoryview(bytes(held[end:]))
        self.taken += end
        return bytes(held[:end])


def fill(source: Source, view: memoryview) -> int:
    """Fill the view from a source, healing short reads, and return the number of bytes: fewer only at the end."""
    done = 0
    while done < len(view) and (count := _read(source, view[done:])):
        done += count
    return done


def _read(source: Source, view: memoryview) -> int:
    count = source.readinto(view)
    if count is None:
        raise BlockingIOError("the source of a sealed file must be one that blocks")
    return count
