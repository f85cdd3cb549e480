"""Recipients: those a file is sealed to. Holding one lets you seal; it opens nothing (a passphrase excepted)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from strongroom.model.instants import Chance
from strongroom.sealing.bech32 import decode_key, encode_bech32
from strongroom.sealing.refusal import KeyRefused
from strongroom.sealing.stanza import Stanza, encode_base64
from strongroom.sealing.wrapkey import (
    MAX_WORK_FACTOR,
    POINT,
    SALT,
    SCRYPT,
    X25519,
    draw,
    scrypt_key,
    wrap,
    x25519_key,
)

_PREFIX = "age"


class Recipient(Protocol):
    """Whoever can be given a file key."""

    def wrap(self, file_key: bytes, chance: Chance) -> Stanza:
        """Return the stanza that carries the file key to this recipient, different each time."""
        ...


@dataclass(frozen=True, slots=True)
class X25519Recipient:
    """A public key, written `age1…`. Raises KeyRefused when the point is of low order: sealing to it hides nothing."""

    point: bytes  # 32 bytes

    def __post_init__(self) -> None:
        _exchange(bytes(POINT), self.point)

    @classmethod
    def parse(cls, text: str) -> X25519Recipient:
        """Read `age1…` in lower case; raise KeyRefused."""
        return cls(decode_key(text, _PREFIX, POINT, "an age public key"))

    def wrap(self, file_key: bytes, chance: Chance) -> Stanza:
        """Return an X25519 stanza; draws 32 bytes for the ephemeral key."""
        ephemeral = draw(chance, POINT)
        share = X25519PrivateKey.from_private_bytes(ephemeral).public_key().public_bytes_raw()
        key = x25519_key(_exchange(ephemeral, self.point), share, self.point)
        return Stanza(X25519, (encode_base64(share).decode("ascii"),), wrap(key, file_key))

    def __str__(self) -> str:
        return encode_bech32(_PREFIX, self.point)


@dataclass(frozen=True, slots=True)
class ScryptRecipient:
    """A passphrase; it must be a file's only recipient. `work_factor` is log2 of scrypt's N, 1 to 22."""

    passphrase: str = field(repr=False)
    work_factor: int = 18  # about a second and 256 MiB

    def __post_init__(self) -> None:
        require_passphrase(self.passphrase)
        if not 1 <= self.work_factor <= MAX_WORK_FACTOR:
            raise ValueError(f"a work factor is 1 to {MAX_WORK_FACTOR}, got {self.work_factor}")

    def wrap(self, file_key: bytes, chance: Chance) -> Stanza:
        """Return a scrypt stanza; draws 16 bytes of salt."""
        salt = draw(chance, SALT)
        key = scrypt_key(self.passphrase, salt, self.work_factor)
        return Stanza(SCRYPT, (encode_base64(salt).decode("ascii"), str(self.work_factor)), wrap(key, file_key))


def require_passphrase(passphrase: str) -> None:
    """Raise KeyRefused for a passphrase that is empty or cannot be written as UTF-8."""
    if not passphrase:
        raise KeyRefused("the passphrase is empty", hint="choose a long one, or use a key instead")
    try:
        passphrase.encode("utf-8")
    except UnicodeEncodeError:
        raise KeyRefused(
            "the passphrase holds characters that cannot be written as UTF-8", hint="type it again"
        ) from None


def _exchange(scalar: bytes, point: bytes) -> bytes:
    try:
        return X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        # Any scalar is clamped to a multiple of the cofactor, so the result is all zero exactly for low order points.
        raise KeyRefused(
            "the public key is a point of low order, or not 32 bytes", hint="ask for the key again"
        ) from None
