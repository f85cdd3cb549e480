"""A person's identities, opened for one command; and the command that opens an archive with age alone.

A passphrase that the configuration names belongs to the identity that it names, and to no other.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli import terminal
from strongroom.cli.terminal import clean
from strongroom.config.secrets import Scheme, SecretRef, resolve
from strongroom.model.archive import Seal
from strongroom.model.content_coding import undo_command
from strongroom.model.errors import StrongroomError, UsageError

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.core.identities import Identities


def open_identities(config: Config, given: Path | None, passphrase_file: Path | None) -> Identities:
    """Read the identity file that was given or configured. Raises UsageError, or SealError for a wrong passphrase."""
    from strongroom.engine.core.identities import load_identities

    path = given or config.vault.identity
    if path is None:
        raise UsageError(
            "an identity is needed to open an archive", hint="give it with --identity PATH, or set [vault] identity"
        )
    kept = config.vault.passphrase if path == config.vault.identity else None
    return load_identities(path, lambda: ask_passphrase(path, passphrase_file, kept))


def ask_passphrase(path: Path, passphrase_file: Path | None, kept: SecretRef | None = None) -> str:
    """Return the passphrase of an identity file: from a file, from where it is kept, or typed unseen.

    If it is not found, the reason is shown and a person is prompted; without a terminal it is an error.
    """
    if passphrase_file is not None:
        return read_passphrase(passphrase_file)
    if kept is not None:
        try:
            return resolve(kept).reveal()
        except StrongroomError as error:
            if not terminal.can_ask():
                raise
            terminal.report(terminal.clean(error.message))
    if not terminal.can_ask():
        raise UsageError(
            f"the identity {path} is sealed with a passphrase and there is no terminal to prompt on",
            hint="give the passphrase with --passphrase-file PATH",
        )
    return str(click.prompt(f"Passphrase of {terminal.clean(str(path))}", hide_input=True, err=True))


def read_passphrase(path: Path) -> str:
    """Read a passphrase from a file that only its owner can read. Raises UsageError."""
    return resolve(SecretRef(Scheme.FILE, str(path.absolute()))).reveal()


def new_passphrase(file: Path | None, question: str, missing: UsageError) -> str:
    """Return a new passphrase, from a file or typed twice; warn of an easy one. Raises `missing` without a terminal."""
    if file is not None:
        return warn_of_weakness(read_passphrase(file))
    if not terminal.can_ask():
        raise missing
    return warn_of_weakness(str(click.prompt(question, hide_input=True, confirmation_prompt="Repeat it", err=True)))


def warn_of_weakness(passphrase: str) -> str:
    """Warn that a passphrase is easy to guess; return it, because the choice is theirs."""
    from strongroom.engine.access.identity_files import weakness

    if weak := weakness(passphrase):
        terminal.report(f"warning: {weak}. To change it: strongroom key change-passphrase")
    return passphrase


def age_command(
    identity: Path | None, key: Path, payload: Path, delivered_name: str = "", seal: Seal | None = None
) -> str:
    """Return a line for bash that writes the delivered file, to a file where a name is given.

    The inner age opens the archive's own key with the person's identity, and prompts for a passphrase if the
    identity has one; the outer opens the archive with that key, which is never written down. What was compressed before
    sealing goes through the stock zstd tool, what came coded through
    gunzip or Python.
    """
    holder = shlex.quote(clean(str(identity))) if identity else "IDENTITY"
    line = f"age -d -i <(age -d -i {holder} {shlex.quote(str(key))}) {shlex.quote(str(payload))}"
    line += " | zstd -d" if seal and seal.coding else ""
    line += undo_command(seal.delivered_coding) if seal else ""
    return f"{line} > {shlex.quote(clean(delivered_name))}" if delivered_name else line
