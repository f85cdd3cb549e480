"""Another passphrase for an identity file: the clear identity never reaches the disk, the old file is kept nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from strongroom.age.identity_file import open_identity_file, protect_identity_file
from strongroom.age.keys import ScryptRecipient
from strongroom.engine.core.identities import passphrase_of, read_identity_file
from strongroom.model.errors import WorldError
from strongroom.model.times import Chance
from strongroom.vault.durable import create, flush_folder, in_words

WORK_FACTOR = 18  # log2 of scrypt's N: about a second
LEAST = 14  # characters of a passphrase that nobody is warned of
_LEAST_KINDS = 6  # different characters in it


def change_passphrase(
    path: Path, ask_old: Callable[[], str], new: str, random_bytes: Chance, work_factor: int = WORK_FACTOR
) -> tuple[str, ...]:
    """Seal an identity file with another passphrase, in its place; return the public keys in it.

    The new file is flushed, read back and opened with the new passphrase before it takes the old one's name. Raises
    SealError for a wrong old passphrase, UsageError or WorldError; then the old file is as it was.
    """
    path = path.resolve()
    data = read_identity_file(path)
    with passphrase_of(path, data):
        sealed = protect_identity_file(data, ask_old, ScryptRecipient(new, work_factor), random_bytes)
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.new")
    try:
        create(temporary, sealed)
        if temporary.read_bytes() != sealed:
            raise WorldError("the new identity file read back is not what was written", hint="check the disk")
        identities = open_identity_file(temporary.read_bytes(), lambda: new)
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise in_words(error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return tuple(str(identity.recipient) for identity in identities)


def weakness(passphrase: str) -> str:
    """Say why a passphrase is guessed too soon by whoever has the file, or nothing; it is never refused for that."""
    advice = "take five words or more that belong to nobody's life"
    if len(passphrase) < LEAST:
        return f"this passphrase is short: {len(passphrase)} characters are guessed by trying. {advice}"
    if len(set(passphrase.lower())) < _LEAST_KINDS:
        return f"this passphrase repeats few characters, which is guessed by trying. {advice}"
    return ""
