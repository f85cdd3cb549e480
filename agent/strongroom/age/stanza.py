"""Refusals: a sealed file fails at one of four places, each with an error of its own; a bad key is a fifth.

No message holds a secret, a passphrase or a byte of the payload.

Stanzas: the recipients' lines of a header. One writing only: unpadded canonical base64, body lines of 64 columns.

age v1 specification, "Recipient stanza". A second way to write the same bytes is refused, since what is parsed must be
what the header's MAC covers.

Wrap keys: how the two recipient types turn a secret into the key around the file key. One place for both directions.

age v1 specification, "The X25519 recipient type" and "The scrypt recipient type".
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

from strongroom.model.errors import SealError, WorldError
from strongroom.model.times import Chance


class HeaderRefused(SealError):
    """The header is not one that the age v1 specification allows, or exceeds our caps."""


class NoMatch(SealError):
    """The header is sound, but none of the identities opens it."""


class MacMismatch(SealError):
    """The file key was found, but the header is not the one that was sealed with it."""


class PayloadDamaged(SealError):
    """A chunk does not authenticate, is missing, or bytes follow the last one."""


class KeyRefused(SealError):
    """A text is not the key, passphrase or key file that it should be."""


COLUMNS = 64
LINE_CAP = 4096  # bytes of one line: twice what the longest known stanza type needs
_ARGUMENTS = re.compile(rb"-> [!-~]+(?: [!-~]+)*")
_HINT = "the file is damaged or was not written as age v1; take another copy"


class Stanza(Struct, frozen=True):
    """One recipient's wrapped file key, of any type."""

    kind: str
    args: tuple[str, ...]
    body: bytes

    def encode(self) -> bytes:
        """Write the stanza's lines; the last one is shorter than 64 columns, and may be empty."""
        text = encode_base64(self.body)
        lines = [text[at : at + COLUMNS] for at in range(0, len(text) + 1, COLUMNS)]
        return b"\n".join([" ".join(("->", self.kind, *self.args)).encode("ascii"), *lines, b""])


def encode_base64(data: bytes) -> bytes:
    """Write standard base64 without padding."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=")


def decode_base64(text: bytes, size: int | None = None) -> bytes:
    """Read unpadded base64 of `size` bytes (None: any); raise HeaderRefused unless it is the one canonical writing."""
    try:
        data = binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        raise HeaderRefused("the header holds text that is not base64", hint=_HINT) from None
    # The lenient decoder above skips foreign characters and spare bits; writing it again shows every one of them.
    if encode_base64(data) != text:
        raise HeaderRefused("the header holds base64 that is not canonical", hint=_HINT)
    if size is not None and len(data) != size:
        raise HeaderRefused(f"the header holds a value of {len(data)} bytes where {size} belong", hint=_HINT)
    return data


def parse_stanzas(lines: list[bytes]) -> tuple[Stanza, ...]:
    """Read stanzas from lines without their line ends; raise HeaderRefused unless every line belongs to one."""
    rest = iter(lines)
    return tuple(_parse_stanza(line, rest) for line in rest)


def _parse_stanza(line: bytes, rest: Iterator[bytes]) -> Stanza:
    if len(line) > LINE_CAP:
        raise HeaderRefused(f"a header line is longer than {LINE_CAP} bytes", hint=_HINT)
    if not _ARGUMENTS.fullmatch(line):
        raise HeaderRefused("a recipient stanza does not begin as it must ('-> ' and its arguments)", hint=_HINT)
    kind, *args = line[3:].decode("ascii").split(" ")
    return Stanza(kind, tuple(args), _parse_body(rest))


def _parse_body(rest: Iterator[bytes]) -> bytes:
    body = []
    for line in rest:
        if len(line) > COLUMNS:
            raise HeaderRefused(f"a stanza's line is longer than {COLUMNS} columns", hint=_HINT)
        body.append(line)
        if len(line) < COLUMNS:
            return decode_base64(b"".join(body))
    raise HeaderRefused(f"a recipient stanza has no last line shorter than {COLUMNS} columns", hint=_HINT)


FILE_KEY = 16  # bytes
POINT = 32  # bytes of an X25519 public key, private key or share
SALT = 16  # bytes of a scrypt salt
MAX_WORK_FACTOR = 22  # log2 of N; 22 asks for 4 GiB of memory
X25519, SCRYPT = "X25519", "scrypt"
_LABEL = b"age-encryption.org/v1/"
_WRAPPED = FILE_KEY + 16
_ZERO_NONCE = bytes(12)  # each wrap key encrypts one file key and nothing else


def draw(random_bytes: Chance, count: int) -> bytes:
    """Return `count` random bytes; raise ValueError when the source gives fewer or more."""
    data = random_bytes(count)
    if len(data) != count:
        raise ValueError(f"the random source returned {len(data)} bytes, expected {count}")
    return data


def derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Return 32 bytes by HKDF-SHA-256."""
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def x25519_key(shared: bytes, share: bytes, point: bytes) -> bytes:
    """Return the wrap key for an X25519 stanza: shared secret, ephemeral share, recipient's public key."""
    return derive(shared, share + point, _LABEL + X25519.encode())


def scrypt_key(passphrase: str, salt: bytes, work_factor: int) -> bytes:
    """Return the wrap key for a scrypt stanza; uses 2^(work_factor + 10) bytes of memory while it works."""
    try:
        kdf = Scrypt(_LABEL + SCRYPT.encode() + salt, 32, n=1 << work_factor, r=8, p=1)
        return kdf.derive(passphrase.encode("utf-8"))
    except MemoryError:
        needed = 1 << work_factor >> 10
        raise WorldError(
            f"the passphrase's work factor {work_factor} needs {needed} MiB of memory, which this machine did not give",
            hint="free some memory, or open the file on a larger machine",
        ) from None


def wrap(key: bytes, file_key: bytes) -> bytes:
    """Return the file key sealed with a wrap key: 32 bytes."""
    return ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, file_key, None)


def require_wrapped(body: bytes) -> None:
    """Refuse a stanza body of another size before any decryption, so that no second file key can be smuggled in."""
    if len(body) != _WRAPPED:
        raise HeaderRefused(
            f"a stanza holds {len(body)} bytes where a wrapped file key has {_WRAPPED}",
            hint="the file is damaged or was forged; take another copy",
        )


def unwrap(key: bytes, body: bytes) -> bytes | None:
    """Return the file key, or None when the wrap key is not the one that sealed it; see `require_wrapped` first."""
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO_NONCE, body, None)
    except InvalidTag:
        return None
