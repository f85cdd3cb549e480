"""Read delivered bytes exactly, and report what is wrong with them without quoting a record.

Names of members and fields come from the file, so they are made printable and short before they enter a message.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Protocol

from strongroom.model.errors import ContentRefused
from strongroom.model.inspection import Finding, Severity
from strongroom.model.text import clean

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


class PlaintextReader(Protocol):
    """A seekable reader of the delivered bytes, such as a decrypting reader or a file. Its errors pass through."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move, and return the new position from the start."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a part of the buffer and return how many bytes; 0 at the end."""


def measure(reader: PlaintextReader) -> int:
    """Return the size in bytes."""
    return reader.seek(0, os.SEEK_END)


def read_at(reader: PlaintextReader, offset: int, length: int) -> bytes:
    """Return exactly `length` bytes from `offset`; raise Unreadable (zip-truncated) where the file ends before."""
    block = bytearray(length)
    reader.seek(offset)
    if fill_from(reader, memoryview(block)) < length:
        raise Unreadable(
            "zip-truncated", f"the file ends before byte {offset + length:,}, which its own tables point to"
        )
    return bytes(block)


def fill_from(reader: PlaintextReader, view: memoryview) -> int:
    """Fill the view from the present position and return how many bytes came; fewer only at the end."""
    filled = 0
    while filled < len(view):
        count = reader.readinto(view[filled:])
        if not count:
            break
        filled += count
    return filled
