"""The result of a check, shared by doctor, the source check and the audits; and how a check reports its own failure."""

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
    """One thing that was checked."""

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
"""What stops a check where a row, a line or a file has an unexpected form."""


def unread_words(error: Exception) -> str:
    """Return that a check could not be finished, and why."""
    return f"this check could not be finished: {cause_words(error)}; what comes after it was not checked"


def cause_words(error: Exception) -> str:
    """Return what stopped a check."""
    if isinstance(error, StrongroomError):
        return error.message
    if isinstance(error, OSError):
        return ": ".join(str(part) for part in (error.strerror or type(error).__name__, error.filename) if part)
    return "something there has an unexpected form"
