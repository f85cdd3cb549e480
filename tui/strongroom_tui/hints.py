"""What the rest of the program advises is written for the command line. On the screen it is told as what to press.

Only what a person can come upon here is listed; each phrase stands word for word where it is raised (a test looks).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from strongroom.model.errors import StrongroomError

PRESS: Mapping[str, str] = MappingProxyType(
    {
        "restore it without --extract": "restore it as delivered",
        "name a new folder with --to": "do it again and name a new folder",
        "name another folder with --to": "do it again and name another folder",
        "choose another place with --to": "do it again and choose another place",
        "name another file with --to": "do it again and name another file",
        "make it first, or name another with --to": "make it first, or do it again and name another",
        "name the file yourself with --to PATH, and run: strongroom verify": "name the file yourself, and verify it: v",
        "run: strongroom verify, and restore the file from a copy of the vault": (
            "verify it (4, then v), and restore the file from a copy of the vault"
        ),
        "name two archives: strongroom diff A B": "choose one that has an older archive of the same window",
        "see what is due: strongroom retention plan": "what is eligible comes first in Retention: 5",
        "nothing is destroyed early; see: strongroom retention plan": (
            "nothing is destroyed early; Retention (5) shows until when it is retained"
        ),
        "see: strongroom destroy list": "see the plans: 5, then u",
        "read it again: strongroom destroy show": "open it again and read it",
        "see: strongroom hold list --all": "see the holds: 5, then l",
        "see: strongroom hold list": "see the holds: 5, then l",
        "name archives with --archives, or a --matter": "name archives by their ids",
        "see: strongroom archives": "see the archives: 4",
        "see: strongroom jobs": "see the jobs: 3",
        "see: strongroom jobs show": "its life: 3, then enter",
        "run: strongroom audit verify": "verify the log: 6, then v",
        "run: strongroom doctor": "see Health: 7",
    }
)
"""From what the command line is told to what is told here."""


def in_keys(words: str) -> str:
    """Return what was told with each piece of advice as it is followed on this screen."""
    for phrase in sorted(PRESS, key=len, reverse=True):
        words = words.replace(phrase, PRESS[phrase])
    return words


def told_error(error: StrongroomError) -> str:
    """Return what went wrong, and what to do about it here."""
    return in_keys(f"{error.message}. {error.hint}" if error.hint else error.message)
