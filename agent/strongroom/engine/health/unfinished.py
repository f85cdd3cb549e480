"""A check that cannot be finished: what keeps it from its end, and how that is told beside what it found."""

from __future__ import annotations

from strongroom.model.errors import StrongroomError

UNFINISHED = (StrongroomError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError)
"""What keeps a check from its end where a row, a line or a file is not as it should be."""


def unread_words(error: Exception) -> str:
    """Say that a check could not be finished, and why."""
    words = error.message if isinstance(error, StrongroomError) else "something there has another form than it should"
    return f"this check could not be finished: {words}; what comes after it was not looked at"
