"""The self-test: official age test vectors, opened on this machine, with its libraries.

`vectors.json` holds every vector of C2SP/CCTV for X25519 and scrypt whose file has at most 2 KiB. Their license asks
for no attribution. Sealing draws random bytes and has no known answers, so a vector tests opening and refusing only.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from strongroom.age.keys import Identity, ScryptIdentity, X25519Identity
from strongroom.age.reader import open_stream
from strongroom.age.stanza import HeaderRefused, MacMismatch, NoMatch, PayloadDamaged
from strongroom.model.errors import SealError

_REFUSALS: dict[str, type[SealError]] = {
    "header failure": HeaderRefused,
    "no match": NoMatch,
    "HMAC failure": MacMismatch,
    "payload failure": PayloadDamaged,
}


class Vector(Struct, frozen=True):
    """A sealed file and what opening it must give."""

    name: str
    expect: str  # "success", or the kind of refusal
    payload: str  # SHA-256 in hex of all clear text that may be released; empty if none may
    keys: tuple[str, ...]  # identities, or a passphrase
    zlib: bool  # whether `file` is compressed
    file: bytes

    def passes(self) -> bool:
        """Return whether opening gives the known clear text, or the known refusal."""
        digest, released, refusal = hashlib.sha256(), 0, None
        data = zlib.decompress(self.file) if self.zlib else self.file
        try:
            for piece in open_stream(io.BytesIO(data), list(self._identities())):
                digest.update(piece)
                released += len(piece)
        except SealError as error:
            refusal = type(error)
        known = digest.hexdigest() == self.payload if self.payload else released == 0
        return known and refusal is _REFUSALS.get(self.expect)

    def _identities(self) -> Iterator[Identity]:
        for text in self.keys:
            yield X25519Identity.parse(text) if text.startswith("AGE-SECRET-KEY-1") else ScryptIdentity(text)


_DECODER = msgspec.json.Decoder(list[Vector])


def load_vectors() -> list[Vector]:
    """Return the vectors that came with the program."""
    return _DECODER.decode(Path(__file__).with_name("vectors.json").read_bytes())


def failed_vectors(vectors: list[Vector]) -> list[str]:
    """Return the names of the vectors that do not pass here."""
    return [vector.name for vector in vectors if not vector.passes()]
