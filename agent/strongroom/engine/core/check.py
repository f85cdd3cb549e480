"""One thing that was looked at, and how it came out: the noun that doctor and the check of a source share.

A check that cannot be finished: what keeps it from its end, and how that is told beside what it found.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from strongroom.model.errors import StrongroomError


class CheckResult(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    verdict: CheckResult
    message: str
    hint: str = ""


UNFINISHED = (
    StrongroomError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    OSError,
)
"""What keeps a check from its end where a row, a line or a file is not as it should be."""


def unread_words(error: Exception) -> str:
    """Say that a check could not be finished, and why."""
    return f"this check could not be finished: {cause_words(error)}; what comes after it was not looked at"


def cause_words(error: Exception) -> str:
    """Say what kept a check from its end."""
    if isinstance(error, StrongroomError):
        return error.message
    if isinstance(error, OSError):
        return ": ".join(str(part) for part in (error.strerror or type(error).__name__, error.filename) if part)
    return "something there has another form than it should"
