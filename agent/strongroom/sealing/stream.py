"""The stream: a sealed file read once from front to back, where seeking is not possible. Each chunk is verified first.

A damaged or cut file shows only when its damage is reached: what came before it was authentic but is not the whole, so
a caller must throw away what it made of it when the stream raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from strongroom.sealing.identity import Identity
from strongroom.sealing.intake import Intake, Source
from strongroom.sealing.payload import SEALED_CHUNK, TAG, chunk_nonce
from strongroom.sealing.refusal import PayloadDamaged

_HINT = "the file is damaged or cut off; throw away what was read and take another copy"


def open_stream(source: Source, identities: Sequence[Identity]) -> Iterator[bytes]:
    """Open the header now, and return an iterator of verified clear text in pieces of up to 64 KiB.

    Raises HeaderRefused, NoMatch or MacMismatch at once; the iterator raises PayloadDamaged, and ends normally only
    after the last chunk and the end of the source. The source stays open.
    """
    intake = Intake(source)
    return _open_chunks(intake, intake.unlock(identities))


def _open_chunks(intake: Intake, cipher: ChaCha20Poly1305) -> Iterator[bytes]:
    buffer = memoryview(bytearray(SEALED_CHUNK))
    index, last = 0, False
    while not last:
        sealed = buffer[: intake.fill(buffer)]
        plain, last = _open_chunk(cipher, index, sealed)
        if plain:
            yield plain
        index += 1
    if intake.fill(buffer[:1]):
        raise PayloadDamaged("bytes follow the last chunk", hint=_HINT)


def _open_chunk(cipher: ChaCha20Poly1305, index: int, sealed: memoryview) -> tuple[bytes, bool]:
    """Return the clear text and whether this is the last chunk; only a full one can be either."""
    if index and len(sealed) == TAG:
        raise PayloadDamaged("the last chunk is empty although others come before it", hint=_HINT)
    for last in (False, True) if len(sealed) == SEALED_CHUNK else (True,):
        try:
            return cipher.decrypt(chunk_nonce(index, last=last), sealed, None), last
        except InvalidTag:
            continue
    if len(sealed) < TAG:
        raise PayloadDamaged("the file ends without its last chunk", hint=_HINT)
    raise PayloadDamaged(f"chunk {index + 1} does not authenticate", hint=_HINT)
