"""A person's identity file: a new passphrase for it, and the paper sheet for a recovery identity."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from strongroom.age.identity_file import open_identity_file, protect_identity_file
from strongroom.age.keys import ScryptRecipient
from strongroom.engine.core.identities import passphrase_of, read_identity_file
from strongroom.model.errors import WorldError
from strongroom.model.times import Chance
from strongroom.vault.durable import create, flush_folder, in_words

WORK_FACTOR = 18  # log2 of scrypt's N: about a second
LEAST = 14  # characters of a passphrase that raises no warning
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
    """Return why somebody who has the file could guess the passphrase, or an empty text; weak ones are allowed."""
    advice = "use five or more random words"
    if len(passphrase) < LEAST:
        return f"this passphrase is short: {len(passphrase)} characters can be guessed by trying; {advice}"
    if len(set(passphrase.lower())) < _LEAST_KINDS:
        return f"this passphrase repeats a few characters and can be guessed by trying; {advice}"
    return ""


ASKED = 8
"""How many of its last characters a person must type back."""


def sheet(secret: str, recipient: str, at: datetime) -> list[str]:
    """Return the sheet, line by line, in a box of 72 columns."""
    body = [
        "RECOVERY IDENTITY OF A STRONGROOM VAULT",
        f"made on {at:%Y-%m-%d}",
        "",
        f"{PREFIX} and then, without the spaces:",
        "",
        *(f"    {line}" for line in _groups(secret.removeprefix(PREFIX))),
        "",
        "Its public key:",
        recipient,
        "",
        "Anyone who has this can open every archive in the vault.",
        "Copy it to paper and keep it in a safe, away from this machine.",
        "You need it if the working identity or its passphrase is lost:",
        "write it on one line in a file and give that with --identity,",
        "or use it with the age tool (age -d -i FILE).",
    ]
    edge = "+" + "-" * (_INNER + 2) + "+"
    return [edge, *(f"| {line:<{_INNER}} |" for line in body), edge]


def copied(secret: str, typed: str) -> bool:
    """Return whether the last characters match the sheet; spaces and case are ignored."""
    return "".join(char for char in typed.upper() if char.isalnum())[-ASKED:] == secret[-ASKED:]


PREFIX = "AGE-SECRET-KEY-1"


_GROUP = 4


_GROUPS_A_LINE = 8


_INNER = 68


def _groups(text: str) -> list[str]:
    groups = [text[start : start + _GROUP] for start in range(0, len(text), _GROUP)]
    return [" ".join(groups[start : start + _GROUPS_A_LINE]) for start in range(0, len(groups), _GROUPS_A_LINE)]
