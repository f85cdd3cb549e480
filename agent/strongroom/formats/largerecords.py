"""Read records that are too large for the patient reader and that the fast parser refuses, in bounded memory.

The patient reader builds every object, which a record of many megabytes must not make it do. So the end of a record is
found by its brackets alone, and the two things that the fast parser refuses although they are JSON (half a surrogate
pair, a number beyond 64 bits or a double) are replaced, in a copy, by something of the same length that it reads. What
it says of the copy is true of the record. Both passes are linear in the bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from strongroom.formats.secondopinion import mend_half_pairs

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_STEP = re.compile(rb'[^"\[\]{}]++|%b|[\[{]++|[\]}]++' % _STRING, re.DOTALL)
_TOKEN = re.compile(rb"%b|-?[0-9][0-9.eE+-]*+" % _STRING, re.DOTALL)
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SHORT = 18  # digits of an integer that always fits
_INT64, _UINT64 = -(1 << 63), 1 << 64
_LONGEST_INT = 4_000  # digits; Python refuses to convert longer ones
_INFINITE = (float("inf"), float("-inf"))


@dataclass(frozen=True, slots=True)
class Tamed:
    """A copy of JSON text that the fast parser reads, and how much was replaced in it."""

    text: bytes  # as long as the original
    surrogates: int  # strings with half a surrogate pair
    numbers: int  # numbers that do not fit 64 bits


def find_end(text: bytes | bytearray, start: int, end: int) -> int:
    """Return the place behind the object or array that begins at `start`, or 0 where it does not end before `end`."""
    depth, at = 0, start
    for found in _STEP.finditer(text, start, end):
        if found.start() != at:
            return 0  # a string that does not end
        at = found.end()
        first, length = text[found.start()], found.end() - found.start()
        if first in b"[{":
            depth += length
        elif first in b"]}":
            if length >= depth:
                return found.start() + depth
            depth -= length
    return 0


def tame(text: bytes) -> Tamed:
    """Replace what the fast parser refuses although JSON allows it. Text that is no JSON stays none."""
    surrogates = numbers = 0

    def replace(found: re.Match[bytes]) -> bytes:
        nonlocal surrogates, numbers
        token = found[0]
        if token.startswith(b'"'):
            whole = mend_half_pairs(token) if b"\\u" in token else token
            surrogates += whole != token
            return whole
        wide = _is_wide(token)
        numbers += wide
        return b"1".ljust(len(token)) if wide else token

    return Tamed(_TOKEN.sub(replace, text), surrogates, numbers)


def _is_wide(token: bytes) -> bool:
    """Say whether a token is a JSON number that the fast parser refuses."""
    found = _NUMBER.fullmatch(token) if len(token) > 3 else None
    if found is None:
        return False
    if found[1] or found[2]:
        return float(token) in _INFINITE
    return len(token) > _LONGEST_INT or (len(token) > _SHORT and not _INT64 <= int(token) < _UINT64)
