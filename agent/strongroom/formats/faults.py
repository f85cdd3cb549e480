"""How this room says what is wrong: words for a person, with nothing of a record in them, and never too many.

Names of members and fields come from the file, so they are made printable and short before they enter a message.
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.model.errors import ContentRefused
from strongroom.model.inspection import Finding, Severity
from strongroom.model.printable import clean

NAME_SHOWN = 100  # characters of a member's or field's name that a message may carry

_GRAVITY = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.FAULT: 2}


class Unreadable(ContentRefused):
    """The bytes cannot be read any further. `code` is the finding's code, `member` its printable name or empty."""

    def __init__(self, code: str, message: str, *, member: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.member = member

    def as_finding(self, member: str = "") -> Finding:
        """Return the same as a FAULT about `member` (printable), unless the fault already names one."""
        return Finding(Severity.FAULT, self.code, self.message, self.member or member)


def printable(text: str, limit: int = NAME_SHOWN) -> str:
    """Return a name as a message carries it: escaped where a terminal would not show it as itself, and short."""
    return clean(text, limit)


class FindingLog:
    """Keeps the first `limit` findings and counts the rest, but never forgets that one of them was a fault."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[Finding] = []
        self._omitted = 0
        self._worst = Severity.NOTE

    def add(self, severity: Severity, code: str, message: str, member: str = "") -> None:
        """Enter one finding."""
        self.extend([Finding(severity, code, message, member)])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Enter several findings, in their order."""
        for finding in findings:
            if len(self._kept) < self._limit:
                self._kept.append(finding)
                continue
            self._omitted += 1
            self._worst = max(self._worst, finding.severity, key=_GRAVITY.__getitem__)

    def close(self) -> tuple[Finding, ...]:
        """Return what was kept; where some were not, one more finding says how many, with the worst severity."""
        if not self._omitted:
            return tuple(self._kept)
        rest = Finding(self._worst, "findings-omitted", f"{self._omitted:,} more findings are not listed")
        return (*self._kept, rest)
