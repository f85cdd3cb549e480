"""The person's identity, opened for one command: from a file, with a passphrase from where it is kept, or typed.

A passphrase that the configuration names belongs to the identity that it names, and to no other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli import terminal
from strongroom.config.secrets import Scheme, SecretRef, resolve
from strongroom.model.errors import StrongroomError, UsageError

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.keys.identities import Identities


def open_identities(config: Config, given: Path | None, passphrase_file: Path | None) -> Identities:
    """Read the identity file that was given or configured. Raises UsageError, or SealError for a wrong passphrase."""
    from strongroom.engine.keys.identities import load_identities

    path = given or config.vault.identity
    if path is None:
        raise UsageError("an identity is needed to open an archive", hint="give it with --identity PATH")
    kept = config.vault.passphrase if path == config.vault.identity else None
    return load_identities(path, lambda: ask_passphrase(path, passphrase_file, kept))


def ask_passphrase(path: Path, passphrase_file: Path | None, kept: SecretRef | None = None) -> str:
    """Return the passphrase of an identity file: from a file, from where it is kept, or typed unseen.

    Where it is not found, a person is told why and asked; without a person that is the error.
    """
    if passphrase_file is not None:
        return read_passphrase(passphrase_file)
    if kept is not None:
        try:
            return resolve(kept).reveal()
        except StrongroomError as error:
            if not terminal.can_ask():
                raise
            terminal.tell(terminal.clean(error.message))
    if not terminal.can_ask():
        raise UsageError(
            f"the identity {path} is sealed with a passphrase and there is nobody to ask",
            hint="give the passphrase with --passphrase-file PATH",
        )
    return str(click.prompt(f"Passphrase of {terminal.clean(str(path))}", hide_input=True, err=True))


def read_passphrase(path: Path) -> str:
    """Read a passphrase from a file that only its owner can read. Raises UsageError."""
    return resolve(SecretRef(Scheme.FILE, str(path.absolute()))).reveal()


def warn_of_weakness(passphrase: str) -> str:
    """Tell whoever chose a passphrase that it is guessed too soon; return it, as it is theirs to choose."""
    from strongroom.engine.keys.passphrase import weakness

    if weak := weakness(passphrase):
        terminal.tell(f"warning: {weak}. To change it: strongroom key change-passphrase")
    return passphrase
