"""The sheet of paper that a recovery identity is copied to, and whether what is typed back was copied right."""

from __future__ import annotations

from datetime import datetime

ASKED = 8
"""How many of its last characters are asked back."""


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
        "Whoever holds this can open every archive of the vault.",
        "Copy it to paper, keep it in a safe, away from the machine.",
        "It is needed when the working identity or its passphrase is lost:",
        "write it on one line into a file and name it with --identity,",
        "or give it to the stock age tool (age -d -i FILE).",
    ]
    edge = "+" + "-" * (_INNER + 2) + "+"
    return [edge, *(f"| {line:<{_INNER}} |" for line in body), edge]


def copied(secret: str, typed: str) -> bool:
    """Say whether the last characters were typed as they stand on the sheet; spaces and case do not count."""
    return "".join(char for char in typed.upper() if char.isalnum())[-ASKED:] == secret[-ASKED:]


PREFIX = "AGE-SECRET-KEY-1"


_GROUP = 4


_GROUPS_A_LINE = 8


_INNER = 68


def _groups(text: str) -> list[str]:
    groups = [text[start : start + _GROUP] for start in range(0, len(text), _GROUP)]
    return [" ".join(groups[start : start + _GROUPS_A_LINE]) for start in range(0, len(groups), _GROUPS_A_LINE)]
