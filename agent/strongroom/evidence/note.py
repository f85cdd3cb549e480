"""Signed notes (C2SP signed-note): a text, an empty line, and lines that say who signed it, with Ed25519.

The form that Go's checksum database and other transparency logs use, so that other tools can verify ours. A name must
not hold spaces or plus signs; the text must end in a newline and hold no control character besides it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from strongroom.model.errors import UsageError, VaultError
from strongroom.model.times import Chance

_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "


class NoteRefused(VaultError):
    """A note that is not signed as it should be."""


class Verifier(Struct, frozen=True):
    """A public key with the name it signs under. `str` gives the form `name+hash+key`."""

    name: str
    public: bytes  # 32 bytes

    def __post_init__(self) -> None:
        strange = any(char.isspace() or char == "+" or "\ud800" <= char <= "\udfff" for char in self.name)
        if not self.name or strange:  # a surrogate: bytes on the command line that are no text
            raise UsageError(f"a signer's name has no spaces and no plus signs, got {self.name!r}")

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @property
    def hash(self) -> bytes:
        """The four bytes that a signature line names the key by."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read `name+hash+key`. Raises UsageError."""
        name, named, key = _split(text.strip(), 3)
        verifier = cls(name, _key_bytes(key))
        if verifier.hash.hex() != named:
            raise UsageError("the public key does not fit its own hash", hint="copy it again, whole")
        return verifier


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with the name it signs under. `repr` hides the key; `reveal` gives the form to store."""

    name: str
    seed: bytes = field(repr=False)  # 32 bytes

    @classmethod
    def generate(cls, name: str, random_bytes: Chance) -> Signer:
        """Make a fresh key."""
        return cls(name, random_bytes(32))

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read `PRIVATE+KEY+name+hash+key`. Raises UsageError, which quotes nothing."""
        first, second, name, named, key = _split(text.strip(), 5)
        signer = cls(name, _key_bytes(key))
        if (first, second) != ("PRIVATE", "KEY") or signer.verifier.hash.hex() != named:
            raise UsageError("this is not a signing key: expected PRIVATE+KEY+name+hash+key")
        return signer

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return Verifier(self.name, private.public_key().public_bytes_raw())

    def reveal(self) -> str:
        """Return the private key's text."""
        key = base64.b64encode(_ED25519 + self.seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.hash.hex()}+{key}"

    def sign(self, text: str) -> str:
        """Return the signed note of a text that ends in a newline."""
        if not text.endswith("\n") or any(char != "\n" and not char.isprintable() for char in text):
            raise ValueError("a note's text ends in a newline and has no other control characters")
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        line = base64.b64encode(self.verifier.hash + signature).decode()
        return f"{text}\n{_DASH}{self.name} {line}\n"


def open_note(note: str, verifier: Verifier) -> str:
    """Return the text of a note that this key has signed. Raises NoteRefused."""
    text, found, signatures = note.rpartition("\n\n")
    if not found:
        raise NoteRefused("this is not a signed note: it has no signature after an empty line")
    text += "\n"
    for line in signatures.splitlines():
        if line.startswith(f"{_DASH}{verifier.name} ") and _fits(line, text, verifier):
            return text
    raise NoteRefused(f"the note is not signed by {verifier.name}, or was changed since", hint="get it again")


def _fits(line: str, text: str, verifier: Verifier) -> bool:
    try:
        blob = base64.b64decode(line.rsplit(" ", 1)[1], validate=True)
        if blob[:4] != verifier.hash:
            return False
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(blob[4:], text.encode())
    except (ValueError, InvalidSignature, IndexError):  # ValueError: no base64, or not ASCII
        return False
    return True


def _split(text: str, parts: int) -> list[str]:
    pieces = text.split("+", parts - 1)
    if len(pieces) != parts:
        raise UsageError("this is not a note key: parts are missing", hint="copy it again, whole")
    return pieces


def _key_bytes(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error, or text that is not ASCII
        key = b""
    if len(key) != 33 or key[:1] != _ED25519:
        raise UsageError("this is not an Ed25519 note key")
    return key[1:]
