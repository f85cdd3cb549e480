"""Encoded API answers: undone where that is simple, told where it is not.

No encoding is ever asked for, but servers and what stands before them compress all the same. The words of an API lose
nothing by that. A file does: its announced size would mean nothing, so downloads do not come here.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

HARMLESS = re.compile(r"identity|aws-chunked|binary|none|utf-?8|us-ascii|iso-8859-1|[78]bit|base64|\s*")
"""Labels that servers send as a content coding although they are none."""

_WBITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}  # zlib's words; some servers send deflate bare


@dataclass(frozen=True, slots=True)
class Plain:
    """A body as it was before it was encoded."""

    body: bytes
    whole: bool
    coding: str = ""  # the encoding that it still has, because it is not known here


def undo(coding: str, body: bytes, whole: bool, cap: int) -> Plain:
    """Return the body decoded, `whole` False where it broke off or is larger than `cap` bytes. Never raises."""
    names = [name for name in map(str.strip, coding.lower().split(",")) if not HARMLESS.fullmatch(name)]
    if not names:
        return Plain(body, whole)
    if len(names) > 1 or names[0] not in _WBITS:
        return Plain(body, whole, ", ".join(names))
    for wbits in _WBITS[names[0]]:
        machine = zlib.decompressobj(wbits)
        try:
            plain = machine.decompress(body, cap)
        except zlib.error:
            continue
        return Plain(plain, whole and machine.eof)
    return Plain(b"", False)
