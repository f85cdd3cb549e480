"""Identities: those that open a file. `repr` shows only what is public; `str` of a key is the secret itself.

Best effort: Python may keep copies of secrets in memory until the process ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from strongroom.model.instants import Chance
from strongroom.sealing.bech32 import decode_key, encode_bech32
from strongroom.sealing.recipient import X25519Recipient, require_passphrase
from strongroom.sealing.refusal import HeaderRefused
from strongroom.sealing.stanza import Stanza, decode_base64
from strongroom.sealing.wrapkey import (
    MAX_WORK_FACTOR,
    POINT,
    SALT,
    SCRYPT,
    X25519,
    draw,
    require_wrapped,
    scrypt_key,
    unwrap,
    x25519_key,
)

_PREFIX = "AGE-SECRET-KEY-"
_FACTOR = re.compile(r"[1-9][0-9]?")
_HINT = "the file is damaged or was forged; take another copy"


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
    def generate(cls, chance: Chance) -> X25519Identity:
        """Make a new identity from 32 random bytes."""
        return cls(draw(chance, POINT))

    @classmethod
    def parse(cls, text: str) -> X25519Identity:
        """Read `AGE-SECRET-KEY-1…` in upper case; raise KeyRefused, which never quotes the text."""
        return cls(decode_key(text, _PREFIX, POINT, "an age secret key"))

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
            raise HeaderRefused("an X25519 stanza's share is a point of low order", hint=_HINT) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, X25519Identity) and self.recipient == other.recipient

    def __hash__(self) -> int:
        return hash(self.recipient)

    def __str__(self) -> str:
        return encode_bech32(_PREFIX.lower(), self._key.private_bytes_raw()).upper()

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
        raise HeaderRefused(f"an X25519 stanza has one argument, this one {len(stanza.args)}", hint=_HINT)
    require_wrapped(stanza.body)
    return decode_base64(stanza.args[0].encode("ascii"), POINT)


def _parse_scrypt(stanza: Stanza) -> tuple[bytes, int]:
    if len(stanza.args) != 2:
        raise HeaderRefused(f"a scrypt stanza has two arguments, this one {len(stanza.args)}", hint=_HINT)
    require_wrapped(stanza.body)
    salt, factor = stanza.args
    if not _FACTOR.fullmatch(factor):
        raise HeaderRefused("a scrypt stanza's work factor is not a plain number from 1 to 99", hint=_HINT)
    return decode_base64(salt.encode("ascii"), SALT), int(factor)
