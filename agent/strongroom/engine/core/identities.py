"""A person's identities (private keys): made, sealed with a passphrase, and opened. Never used by the daemon."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from strongroom.age.identity_file import (
    ArchiveKey,
    is_protected,
    open_identity_file,
    parse_archive_key,
    write_identity_file,
)
from strongroom.age.keys import ScryptRecipient, X25519Identity, X25519Recipient
from strongroom.age.stanza import KeyRefused, NoMatch
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.model.archive import Archive
from strongroom.model.copies import Part
from strongroom.model.errors import SealError, UsageError
from strongroom.model.times import Chance
from strongroom.vault.files import read_file
from strongroom.vault.key_rotation import key_digests
from strongroom.vault.vault import Vault

AskPassphrase = Callable[[], str]
Identities = list[X25519Identity]


class WrongPassphrase(SealError):
    """The passphrase does not open the identity file."""


class NewIdentity(Struct, frozen=True):
    """A new identity. `secret` is shown once or sealed, never stored in the clear; empty if others keep it."""

    recipient: str
    secret: str

    def __repr__(self) -> str:
        return f"NewIdentity({self.recipient})"


def make_identity(random_bytes: Chance) -> NewIdentity:
    """Return a new identity."""
    identity = X25519Identity.generate(random_bytes)
    return NewIdentity(str(identity.recipient), str(identity))


def kept_elsewhere(recipient: str) -> NewIdentity:
    """Return the public key of an identity that someone else keeps. Raises UsageError for an invalid key."""
    return NewIdentity(str(public_key(recipient)), "")


def public_key(text: str) -> X25519Recipient:
    """Parse a public key that a person typed or configured. Raises UsageError for an invalid one."""
    try:
        return X25519Recipient.parse(text)
    except KeyRefused as error:
        raise UsageError(error.message, hint=error.hint) from None


def identity_file(identity: NewIdentity, passphrase: str | None, random_bytes: Chance) -> bytes:
    """Return an identity file that stock age reads, sealed with the passphrase where there is one."""
    text = write_identity_file(X25519Identity.parse(identity.secret), "strongroom identity").encode()
    return text if passphrase is None else seal_bytes(text, [ScryptRecipient(passphrase)], random_bytes)


def needs_passphrase(path: Path) -> bool:
    """Return whether the identity file is sealed with a passphrase."""
    return is_protected(read_identity_file(path))


def load_identities(path: Path, ask: AskPassphrase) -> Identities:
    """Return the identities in a file, asking for its passphrase only when it has one.

    Raises WrongPassphrase for a wrong one, UsageError or SealError for a file that is not one's own identity file.
    """
    data = read_identity_file(path)
    with passphrase_of(path, data):
        return list(open_identity_file(data, ask))


@contextmanager
def passphrase_of(path: Path, data: bytes) -> Iterator[None]:
    """Turn a wrong passphrase into WrongPassphrase: for age it is only one of many keys that open nothing."""
    try:
        yield
    except NoMatch as error:
        if b"\n-> scrypt " not in data[:100]:
            raise  # sealed to a key, so that no passphrase opens it
        hint = "type it again, or use a recovery identity"
        raise WrongPassphrase(f"that is not the passphrase of {path}", hint=hint) from error


def typed_identity(text: str) -> X25519Identity:
    """Parse a private key typed from paper: in any case, with spaces anywhere. Raises SealError."""
    return X25519Identity.parse("".join(text.split()).upper())


def unlock(vault: Vault, archive: Archive, identities: Sequence[X25519Identity]) -> ArchiveKey:
    """Open an archive's own key with one of a person's identities. Raises SealError."""
    key = parse_archive_key(open_bytes(_sealed_key(vault, archive), identities))
    if key.archive_id != archive.id:
        raise SealError(
            f"the key file of archive {archive.id} belongs to archive {key.archive_id}",
            hint="restore it from a copy of the vault",
        )
    return key


def _sealed_key(vault: Vault, archive: Archive) -> bytes:
    """Return the key file of an archive: from a copy where the vault's own is missing or damaged."""
    try:
        sealed = read_file(vault.key_path(archive))
    except OSError as error:
        if other := _other_key(vault, archive, b""):
            return other
        if isinstance(error, FileNotFoundError):
            words = f"the key file of archive {archive.id} is missing"
            raise SealError(words, hint="restore it from a copy of the vault") from None
        words = f"the key file of archive {archive.id} cannot be read: {error.strerror}"
        raise SealError(words, hint="run: strongroom doctor") from error
    return _other_key(vault, archive, sealed) or sealed


def _other_key(vault: Vault, archive: Archive, sealed: bytes) -> bytes:
    """Return the key file that a copy has; empty where there is none, or the vault's own is right."""
    if vault.other_files is None:
        return b""
    expected = key_digests(vault.catalogue, archive.id)
    for digest in () if hashlib.sha256(sealed).hexdigest() in expected else expected:
        file = vault.other_files.fetch(archive, Part.KEY, digest)
        if file is not None:
            with file:
                return file.read()
    return b""


def read_identity_file(path: Path) -> bytes:
    """Return an identity file's bytes. Raises UsageError when others can read it too, or it does not exist."""
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"others can read the identity file {path}", hint=f"run: chmod 600 {path}")
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        raise UsageError(
            f"cannot read the identity file {path}: {error.strerror}", hint="give it with --identity PATH"
        ) from error
