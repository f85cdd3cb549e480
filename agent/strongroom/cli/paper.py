"""The recovery identity for paper: shown once, in groups that can be copied by hand, and asked back in part."""

from __future__ import annotations

from datetime import datetime

import click

from strongroom.cli.terminal import tell
from strongroom.model.errors import UsageError

PREFIX = "AGE-SECRET-KEY-1"
ASKED = 8
TRIES = 3
_GROUP = 4
_GROUPS_A_LINE = 8
_INNER = 68


def show_paper(secret: str, recipient: str, at: datetime) -> None:
    """Show the sheet on standard error, so that it never ends in a file that output was sent to."""
    tell()
    for line in _box(secret, recipient, at):
        tell(line)
    tell()


def ask_back(secret: str) -> None:
    """Have the last characters typed from the paper. Raises UsageError after three wrong tries."""
    for _ in range(TRIES):
        typed = click.prompt(f"The last {ASKED} characters, from your paper", err=True)
        if _bare(typed) == secret[-ASKED:]:
            return
        tell("That is not what is written above. Compare character by character and try again.")
    raise UsageError("the recovery identity was not confirmed: nothing was made", hint="run strongroom init again")


def _box(secret: str, recipient: str, at: datetime) -> list[str]:
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
        "Whoever holds this can open every archive of the vault.",
        "Copy it to paper, keep it in a safe, away from the machine.",
        "It is needed when the working identity or its passphrase is lost:",
        "write it on one line into a file and name it with --identity,",
        "or give it to the stock age tool (age -d -i FILE).",
    ]
    edge = "+" + "-" * (_INNER + 2) + "+"
    return [edge, *(f"| {line:<{_INNER}} |" for line in body), edge]


def _groups(text: str) -> list[str]:
    groups = [text[start : start + _GROUP] for start in range(0, len(text), _GROUP)]
    return [" ".join(groups[start : start + _GROUPS_A_LINE]) for start in range(0, len(groups), _GROUPS_A_LINE)]


def _bare(typed: str) -> str:
    return "".join(char for char in typed.upper() if char.isalnum())[-ASKED:]
