"""Wrap keys: how the two recipient types turn a secret into the key around the file key. One place for both directions.

age v1 specification, "The X25519 recipient type" and "The scrypt recipient type".
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from strongroom.model.errors import WorldError
from strongroom.model.instants import Chance
from strongroom.sealing.refusal import HeaderRefused

FILE_KEY = 16  # bytes
POINT = 32  # bytes of an X25519 public key, private key or share
SALT = 16  # bytes of a scrypt salt
MAX_WORK_FACTOR = 22  # log2 of N; 22 asks for 4 GiB of memory
X25519, SCRYPT = "X25519", "scrypt"
_LABEL = b"age-encryption.org/v1/"
_WRAPPED = FILE_KEY + 16
_ZERO_NONCE = bytes(12)  # each wrap key encrypts one file key and nothing else


def draw(chance: Chance, count: int) -> bytes:
    """Return `count` random bytes; raise ValueError when the source gives fewer or more."""
    data = chance(count)
    if len(data) != count:
        raise ValueError(f"the source of chance gave {len(data)} bytes, asked for {count}")
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
