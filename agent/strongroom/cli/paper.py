"""The recovery identity on a terminal: shown once, and asked back in part."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from strongroom.cli.terminal import tell
from strongroom.engine.access.identity_files import ASKED, copied, sheet
from strongroom.model.errors import UsageError

if TYPE_CHECKING:
    pass


TRIES = 3


def show_paper(secret: str, recipient: str, at: datetime) -> None:
    """Show the sheet on standard error, so that it never ends in a file that output was sent to."""
    tell()
    for line in sheet(secret, recipient, at):
        tell(line)
    tell()


def ask_back(secret: str) -> None:
    """Have the last characters typed from the paper. Raises UsageError after three wrong tries."""
    for _ in range(TRIES):
        if copied(secret, str(click.prompt(f"The last {ASKED} characters, from your paper", err=True))):
            return
        tell("That is not what is written above. Compare character by character and try again.")
    raise UsageError("the recovery identity was not confirmed: nothing was made", hint="run strongroom init again")
