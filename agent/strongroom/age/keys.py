"""Keys as age writes them, in Bech32. Refusals never quote the text: it may be a secret key.

Recipients: those a file is sealed to. Holding one lets you seal; it opens nothing (a passphrase excepted).

Identities: those that open a file. `repr` shows only what is public; `str` of a key is the secret itself.

Best effort: Python may keep copies of secrets in memory until the process ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from msgspec import Struct

from strongroom.age.stanza import (
    MAX_WORK_FACTOR,
    POINT,
    SALT,
    SCRYPT,
    X25519,
    HeaderRefused,
    KeyRefused,
    Stanza,
    decode_base64,
    draw,
    encode_base64,
    require_wrapped,
    scrypt_key,
    unwrap,
    wrap,
    x25519_key,
)
from strongroom.model import bech32
from strongroom.model.bech32 import encode_bech32 as encode_bech32
from strongroom.model.times import Chance

_HINT = "copy the whole key again, from its first letter to its last"


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Return the prefix in the case it came in, and the bytes; raise KeyRefused for anything not exactly Bech32."""
    try:
        return bech32.decode_bech32(text)
    except bech32.NotBech32 as error:
        raise KeyRefused(str(error), hint=_HINT) from None


def decode_key(text: str, prefix: str, size: int, name: str) -> bytes:
    """Return the `size` bytes of a key with exactly this prefix, in this case; `name` is what messages call it."""
    found, data = decode_bech32(text)
    if found != prefix:
        raise KeyRefused(f"this is not {name}: it should begin with {prefix}1", hint=_HINT)
    if len(data) != size:
        raise KeyRefused(f"{name} has {size} bytes, this one {len(data)}", hint=_HINT)
    return data


_PREFIX = "age"


class Recipient(Protocol):
    """Whoever can be given a file key."""

    def wrap(self, file_key: bytes, random_bytes: Chance) -> Stanza:
        """Return the stanza that carries the file key to this recipient, different each time."""
        ...


class X25519Recipient(Struct, frozen=True):
    """A public key, written `age1…`. Raises KeyRefused when the point is of low order: sealing to it hides nothing."""

    point: bytes  # 32 bytes

    def __post_init__(self) -> None:
        _exchange(bytes(POINT), self.point)

    @classmethod
    def parse(cls, text: str) -> X25519Recipient:
        """Read `age1…` in lower case; raise KeyRefused."""
        return cls(decode_key(text, _PREFIX, POINT, "an age public key"))

    def wrap(self, file_key: bytes, random_bytes: Chance) -> Stanza:
        """Return an X25519 stanza; draws 32 bytes for the ephemeral key."""
        ephemeral = draw(random_bytes, POINT)
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

    def wrap(self, file_key: bytes, random_bytes: Chance) -> Stanza:
        """Return a scrypt stanza; draws 16 bytes of salt."""
        salt = draw(random_bytes, SALT)
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


_IDENTITY_PREFIX = "AGE-SECRET-KEY-"
_FACTOR = re.compile(r"[1-9][0-9]?")
_IDENTITY_HINT = "the file is damaged or was forged; take another copy"


class Identity(Protocol):
    """Whoever may hold the key to a file."""

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key, None when no stanza is for this identity; raise HeaderRefused for a malformed one."""
        ...


class X25519Identity:
    """A private key, written `AGE-SECRET-KEY-1…`. Two are equal when their public keys are."""

    __slots__ = ("_key", "recipient")

    def __init__(self, secret: bytes) -> None:
        """Take the 32 secret bytes; any are valid."""
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.recipient = X25519Recipient(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, random_bytes: Chance) -> X25519Identity:
        """Make a new identity from 32 random bytes."""
        return cls(draw(random_bytes, POINT))

    @classmethod
    def parse(cls, text: str) -> X25519Identity:
        """Read `AGE-SECRET-KEY-1…` in upper case; raise KeyRefused, which never quotes the text."""
        return cls(decode_key(text, _IDENTITY_PREFIX, POINT, "an age secret key"))

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key from the first X25519 stanza that opens; all of them must be well formed."""
        shares = [(_parse_share(stanza), stanza.body) for stanza in stanzas if stanza.kind == X25519]
        for share, body in shares:
            key = x25519_key(self._exchange(share), share, self.recipient.point)
            if file_key := unwrap(key, body):
                return file_key
        return None

    def _exchange(self, share: bytes) -> bytes:
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            raise HeaderRefused("an X25519 stanza's share is a point of low order", hint=_IDENTITY_HINT) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, X25519Identity) and self.recipient == other.recipient

    def __hash__(self) -> int:
        return hash(self.recipient)

    def __str__(self) -> str:
        return encode_bech32(_IDENTITY_PREFIX.lower(), self._key.private_bytes_raw()).upper()

    def __repr__(self) -> str:
        return f"X25519Identity(recipient={self.recipient})"


class ScryptIdentity:
    """A passphrase. `max_work_factor` (log2 of N) caps what a stranger's file may make this machine compute."""

    __slots__ = ("_passphrase", "max_work_factor")

    def __init__(self, passphrase: str, max_work_factor: int = MAX_WORK_FACTOR) -> None:
        require_passphrase(passphrase)
        self._passphrase = passphrase
        self.max_work_factor = max_work_factor

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key when the file's only stanza is a scrypt one and the passphrase is right."""
        if stanzas[0].kind != SCRYPT:
            return None
        salt, work_factor = _parse_scrypt(stanzas[0])
        if work_factor > self.max_work_factor:
            raise HeaderRefused(
                f"the file asks for scrypt work factor {work_factor}, at most {self.max_work_factor} is allowed",
                hint="open it with the age tool if you trust where it came from",
            )
        return unwrap(scrypt_key(self._passphrase, salt, work_factor), stanzas[0].body)

    def __repr__(self) -> str:
        return f"ScryptIdentity(max_work_factor={self.max_work_factor})"


def _parse_share(stanza: Stanza) -> bytes:
    if len(stanza.args) != 1:
        raise HeaderRefused(f"an X25519 stanza has one argument, this one {len(stanza.args)}", hint=_IDENTITY_HINT)
    require_wrapped(stanza.body)
    return decode_base64(stanza.args[0].encode("ascii"), POINT)


def _parse_scrypt(stanza: Stanza) -> tuple[bytes, int]:
    if len(stanza.args) != 2:
        raise HeaderRefused(f"a scrypt stanza has two arguments, this one {len(stanza.args)}", hint=_IDENTITY_HINT)
    require_wrapped(stanza.body)
    salt, factor = stanza.args
    if not _FACTOR.fullmatch(factor):
        raise HeaderRefused("a scrypt stanza's work factor is not a plain number from 1 to 99", hint=_IDENTITY_HINT)
    return decode_base64(salt.encode("ascii"), SALT), int(factor)
