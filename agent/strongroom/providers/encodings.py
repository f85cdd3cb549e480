"""Encoded API answers: undone where that is simple, told where it is not.

No encoding is ever asked for, but servers and what stands before them compress all the same. The words of an API lose
nothing by that. A file does: its announced size would mean nothing, so downloads do not come here.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

_GZIP = 31  # zlib's word for a gzip header around deflate


@dataclass(frozen=True, slots=True)
class Plain:
    """A body as it was before it was encoded."""

    body: bytes
    whole: bool
    coding: str = ""  # the encoding that it still has, because it is not known here


def undo(coding: str, body: bytes, whole: bool, cap: int) -> Plain:
    """Return the body decoded, `whole` False where it broke off or is larger than `cap` bytes. Never raises."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return Plain(body, whole)
    if coding not in ("gzip", "x-gzip"):
        return Plain(body, whole, coding)
    machine = zlib.decompressobj(_GZIP)
    try:
        plain = machine.decompress(body, cap)
    except zlib.error:
        return Plain(b"", False)
    return Plain(plain, whole and machine.eof)
