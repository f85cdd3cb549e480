"""The identities of a new vault: a passphrase for the working one, paper or a file for the recovery one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from strongroom.cli import terminal
from strongroom.cli.identities import new_passphrase
from strongroom.cli.terminal import report
from strongroom.model.errors import UsageError

if TYPE_CHECKING:
    from strongroom.engine.core.identities import NewIdentity

TRIES = 3


class RecoveryAnswers(Struct, frozen=True):
    """Where the recovery identity goes: a new file, a person who has it already, or paper."""

    file: Path | None
    recipient: str | None  # its public key
    no_confirm: bool


def choose_passphrase(file: Path | None, *, no_passphrase: bool) -> str | None:
    """Return the passphrase of the working identity, from a file or typed twice. Raises UsageError."""
    if no_passphrase:
        return None
    if file is None and terminal.can_ask():
        report("Choose a passphrase for the working identity. You need it whenever you open an archive.")
    missing = UsageError(
        "the working identity needs a passphrase, and there is no terminal to ask for it",
        hint="give --passphrase-file PATH, or --no-passphrase to store it without one",
    )
    return new_passphrase(file, "Passphrase", missing)


def choose_recovery(answers: RecoveryAnswers, random_bytes: Callable[[int], bytes], now: datetime) -> NewIdentity:
    """Return the recovery identity, shown and confirmed first where a person is to keep it. Raises UsageError."""
    from strongroom.engine.core.identities import kept_elsewhere, make_identity

    if answers.recipient:
        return kept_elsewhere(answers.recipient)
    recovery = make_identity(random_bytes)
    if answers.file:
        return recovery
    if not answers.no_confirm and not terminal.can_ask():
        raise UsageError(
            "the recovery identity must be confirmed, and there is no terminal to do it on",
            hint="give --recovery-file PATH, or --recovery-recipient AGE1...",
        )
    _show_paper(recovery.secret, recovery.recipient, now)
    if not answers.no_confirm:
        _ask_back(recovery.secret)
        report("Correct. Now clear this window and its history.")
    return recovery


def _show_paper(secret: str, recipient: str, at: datetime) -> None:
    """Show the sheet on standard error, so that it never ends in a file that output was sent to."""
    from strongroom.engine.access.identity_files import sheet

    report()
    for line in sheet(secret, recipient, at):
        report(line)
    report()


def _ask_back(secret: str) -> None:
    """Have the last characters typed from the paper. Raises UsageError after three wrong tries."""
    from strongroom.engine.access.identity_files import ASKED, copied

    for _ in range(TRIES):
        if copied(secret, str(click.prompt(f"The last {ASKED} characters, from your paper", err=True))):
            return
        report("That is not what is written above. Compare character by character and try again.")
    raise UsageError("the recovery identity was not confirmed: nothing was made", hint="run strongroom init again")
