"""The person's identity, opened for one command: from a file, with a passphrase that is typed or read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli import terminal
from strongroom.config.secrets import Scheme, SecretRef, resolve
from strongroom.model.errors import UsageError

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.keys import Identities


def open_identities(config: Config, given: Path | None, passphrase_file: Path | None) -> Identities:
    """Read the identity file that was given or configured. Raises UsageError, or SealError for a wrong passphrase."""
    from strongroom.engine.keys import load_identities

    path = given or config.vault.identity
    if path is None:
        raise UsageError("an identity is needed to open an archive", hint="give it with --identity PATH")
    return load_identities(path, lambda: ask_passphrase(path, passphrase_file))


def ask_passphrase(path: Path, passphrase_file: Path | None) -> str:
    """Return the passphrase of an identity file: from a file, or typed unseen."""
    if passphrase_file is not None:
        return read_passphrase(passphrase_file)
    if not terminal.can_ask():
        raise UsageError(
            f"the identity {path} is sealed with a passphrase and there is nobody to ask",
            hint="give the passphrase with --passphrase-file PATH",
        )
    return str(click.prompt(f"Passphrase of {terminal.clean(str(path))}", hide_input=True, err=True))


def read_passphrase(path: Path) -> str:
    """Read a passphrase from a file that only its owner can read. Raises UsageError."""
    return resolve(SecretRef(Scheme.FILE, str(path.absolute()))).reveal()
