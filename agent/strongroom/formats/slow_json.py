"""A slow and patient JSON reader for what the fast parser refuses, record by record, with the place of each mistake.

The fast parser refuses some text that RFC 8259 allows: an escape of half a surrogate pair (JavaScript writes it),
integers beyond 64 bits, floats beyond a double. The standard library reads all of these; NaN and Infinity, which it
would also read, are not JSON and are refused here. Nesting is bounded by the interpreter and by MAX_DEPTH.

Read records that are too large for the patient reader and that the fast parser refuses, in bounded memory.

The patient reader builds every object, which a record of many megabytes must not make it do. So the end of a record is
found by its brackets alone, and the two things that the fast parser refuses although they are JSON (half a surrogate
pair, a number beyond 64 bits or a double) are replaced, in a copy, by something of the same length that it reads. What
it says of the copy is true of the record. Both passes are linear in the bytes.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, NoReturn

from msgspec import Struct, field

from strongroom.formats.exact_json import Number
from strongroom.formats.plaintext import Unreadable

MAX_DEPTH = 1_000  # levels of nesting, about where the fast parser stops too
MAX_BYTES = 2 << 20  # this reader builds every object, so it must not be given more at once

_BLANK = re.compile(r"[ \t\n\r]*")
_SLACK = 16  # characters: a mistake this near to the end may be a token that has not arrived yet
_INT64, _UINT64 = -(1 << 63), 1 << 64
_LONGEST_INT = 4_000  # digits; Python refuses to convert longer ones
_ESCAPES = re.compile(
    rb"\\(?:u[dD](?:[89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|([89a-fA-F][0-9a-fA-F]{2}))|.)", re.DOTALL
)
"""Escapes one after another; the group is found in half a surrogate pair alone."""


class Decoded(Struct):
    """What could be read, and how far."""

    records: list[dict[str, Any]] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)  # of each of them, as it was delivered
    used: int = 0  # bytes up to the comma behind the last record in `records`; all of them when closed
    closed: bool = False  # the array's end was read
    surrogates: int = 0  # records with half a surrogate pair
    numbers: int = 0  # numbers that do not fit 64 bits
    fault: Unreadable | None = None  # the certain mistake behind the last of `records`


def decode_document(data: memoryview | bytes) -> Any:
    """Read one whole JSON document of any type; raise Unreadable where it is not one."""
    text = _decode_text(data, final=True)
    try:
        value = _Scanner().decode(text)
    except json.JSONDecodeError as error:
        raise _describe(error, text, final=True) from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(value)
    return value


def decode_records(data: memoryview | bytes, *, first: bool, final: bool) -> Decoded:
    """Read the records behind an array's opening bracket (or a comma), up to its end or the first certain mistake.

    `first` says that nothing precedes, so the array may close at once; `final` that nothing follows. Without `final`
    a mistake near the end is not yet certain, and a record counts only when the next one has begun.
    """
    found = Decoded()
    try:
        _decode_into(found, data, first=first, final=final)
    except Unreadable as fault:
        found.fault = fault
    return found


def _decode_into(found: Decoded, data: memoryview | bytes, *, first: bool, final: bool) -> None:
    text = _decode_text(data, final=final)
    scanner = _Scanner()
    comma = 0
    at = _skip_blank(text, 0)
    if first and text[at : at + 1] == "]":
        _close(found, text, at, data)
        return
    while at < len(text):
        record, after = scanner.scan(text, at, final=final)
        if record is None:
            break
        at = _skip_blank(text, after)
        follows = _skip_blank(text, at + 1)
        if text[at : at + 1] == "]":
            _keep(found, record, scanner)
            _close(found, text, at, data)
            return
        if text[at : at + 1] not in ("", ","):
            raise Unreadable("json-malformed", "a comma or the array's end is missing behind a record")
        if follows >= len(text):
            break
        _keep(found, record, scanner)
        comma, at = at, follows
    found.used = len(text[:comma].encode())
    if final:
        raise Unreadable("json-truncated", "the JSON array ends before its closing bracket")


class _Scanner:
    def __init__(self) -> None:
        self.wide = 0  # numbers of the last record that do not fit 64 bits
        self.text = ""  # the last record as it is written
        decoder = json.JSONDecoder(
            parse_constant=_refuse_constant, parse_int=self._read_int, parse_float=self._read_float
        )
        self.decode = decoder.decode
        self._scan = decoder.raw_decode

    def scan(self, text: str, at: int, *, final: bool) -> tuple[dict[str, Any] | None, int]:
        """Return the record at `at` and where it ends, or None where it may not be complete."""
        if text[at] == "]":
            raise Unreadable("json-malformed", "a comma is followed by the array's end; a record was expected")
        if text[at] != "{":
            raise Unreadable("json-not-object", "the array holds something that is not an object; records are objects")
        self.wide = 0
        try:
            record, after = self._scan(text, at)
        except json.JSONDecodeError as error:
            if final or (error.pos < len(text) - _SLACK and not error.msg.startswith("Unterminated")):
                raise _describe(error, text, final=final) from error
            return None, at
        except RecursionError as error:
            raise _too_deep() from error
        self.text = text[at:after]
        if self.text.count("[") + self.text.count("{") > MAX_DEPTH:
            _check_depth(record)
        return record, after

    def _read_int(self, digits: str) -> int | Number:
        value = int(digits) if len(digits) < _LONGEST_INT else None
        self.wide += value is None or not _INT64 <= value < _UINT64
        return Number(digits) if value is None else value

    def _read_float(self, digits: str) -> float:
        value = float(digits)
        self.wide += value in (float("inf"), float("-inf"))
        return value


def _keep(found: Decoded, record: dict[str, Any], scanner: _Scanner) -> None:
    found.records.append(record)
    found.texts.append(scanner.text.encode())
    found.numbers += scanner.wide
    found.surrogates += "\\u" in scanner.text and holds_half_pair(found.texts[-1])


def holds_half_pair(text: bytes) -> bool:
    """Say whether JSON text holds an escape of half a surrogate pair."""
    return any(each[1] for each in _ESCAPES.finditer(text))


def mend_half_pairs(text: bytes) -> bytes:
    """Return JSON text of the same length in which escapes of halves of surrogate pairs name another character."""
    return _ESCAPES.sub(lambda found: rb"\uFFFD" if found[1] else found[0], text)


def _close(found: Decoded, text: str, at: int, data: memoryview | bytes) -> None:
    if _skip_blank(text, at + 1) < len(text):
        raise Unreadable("json-trailing-bytes", "text follows the end of the JSON array; none was expected")
    found.used, found.closed = len(data), True


def _decode_text(data: memoryview | bytes, *, final: bool) -> str:
    try:
        return codecs.utf_8_decode(data, "strict", final)[0]
    except UnicodeDecodeError as error:
        raise Unreadable("json-bad-utf8", f"the text is not UTF-8: {error.reason}") from error


def _skip_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _describe(error: json.JSONDecodeError, text: str, *, final: bool) -> Unreadable:
    if final and not text.rstrip().endswith(("]", "}")):
        return Unreadable("json-truncated", "the JSON text ends in the middle")
    return Unreadable("json-malformed", f"not JSON: {error.msg.partition(':')[0].lower()}")


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable("json-malformed", f"{name} is not JSON; a number, string, object, array, true, false or null is")


def _too_deep() -> Unreadable:
    return Unreadable("json-too-deep", f"a record nests more than about {MAX_DEPTH:,} levels deep")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _too_deep()


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_STEP = re.compile(rb'[^"\[\]{}]++|%b|[\[{]++|[\]}]++' % _STRING, re.DOTALL)
_TOKEN = re.compile(rb"%b|-?[0-9][0-9.eE+-]*+" % _STRING, re.DOTALL)
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SHORT = 18  # digits of an integer that always fits
_LARGERECORDS_INT64, _LARGERECORDS_UINT64 = -(1 << 63), 1 << 64
_LARGERECORDS_LONGEST_INT = 4_000  # digits; Python refuses to convert longer ones
_INFINITE = (float("inf"), float("-inf"))


class SubstitutedText(Struct, frozen=True):
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


def tame(text: bytes) -> SubstitutedText:
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

    return SubstitutedText(_TOKEN.sub(replace, text), surrogates, numbers)


def _is_wide(token: bytes) -> bool:
    """Say whether a token is a JSON number that the fast parser refuses."""
    found = _NUMBER.fullmatch(token) if len(token) > 3 else None
    if found is None:
        return False
    if found[1] or found[2]:
        return float(token) in _INFINITE
    return len(token) > _LARGERECORDS_LONGEST_INT or (
        len(token) > _SHORT and not _LARGERECORDS_INT64 <= int(token) < _LARGERECORDS_UINT64
    )
