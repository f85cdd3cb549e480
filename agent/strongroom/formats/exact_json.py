"""Decode and compare JSON without losing a digit: a number stays the text that was delivered.

A double rounds what a provider wrote, and Python refuses to convert very long integers. Where a person reads a value or
two values are compared, the digits count, so they are never converted here.

One record on its way out: what was decoded for finding it, and the text that was delivered for handing it on.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from strongroom.formats.plaintext import Unreadable

_LONGEST_EXPONENT = 1_000  # digits; Python refuses to convert much longer ones
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?)(\d+))?", re.ASCII)


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()

    @property
    def whole(self) -> str | None:
        """Return the digits of a whole number as other readers know it, None for one with a fraction or an exponent."""
        return None if set(self) & set(".eE") else _canonical_number(self)


def decode_exact(text: bytes) -> dict[str, Any]:
    """Return a record with every number as a `Number`. The text must have been read as a JSON object before.

    Raises Unreadable (json-too-deep) for nesting at the limit of what can be read at all.
    """
    try:
        value: dict[str, Any] = _exact.decode(text.decode())
    except RecursionError as error:
        raise _too_deep() from error
    return value


def canonical(text: bytes) -> bytes:
    """Return one form for all texts of an equal value: keys sorted, no blanks, each number in one exact form.

    It depends on the text alone, not on which reader took it. Raises Unreadable (json-too-deep).
    """
    try:
        return _encode(_fast.decode(text))
    except (ValueError, OverflowError):  # half a surrogate pair, thousands of digits
        return canonical_value(decode_exact(text))
    except RecursionError as error:
        raise _too_deep() from error


def canonical_value(value: Any) -> bytes:
    """Return the same form for a decoded value, in which numbers are of type `Number`."""
    with suppress(TypeError, ValueError, OverflowError, RecursionError):  # a Number, half a surrogate pair
        return _encode(value)
    try:
        out: list[str] = []
        _write(value, out)
        return "".join(out).encode(errors="surrogatepass")
    except RecursionError as error:
        raise _too_deep() from error


def pretty(value: Any, *, lines: bool = True) -> str:
    """Return a value as JSON, on indented lines or on one, with its numbers as they were written.

    What nests too deeply to be shown is said so in its place.
    """
    try:
        out: list[str] = []
        _lay_out(value, "\n" if lines else "", out)
        return "".join(out)
    except RecursionError:
        return "(nests too deeply to be shown)"


def _canonical_number(text: str) -> str:
    """Return sign, digits and exponent without what changes no value; a whole number stays apart from a fraction."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    sign, whole, part, exponent_sign, exponent = found.groups(default="")
    if not part and not exponent:
        return "0" if text == "-0" else text
    digits = (whole + part).lstrip("0")
    if not digits:
        return f"{sign}0.0"
    if len(exponent.lstrip("0")) > _LONGEST_EXPONENT:
        return text
    power = int(f"{exponent_sign}{exponent or '0'}") - len(part)
    kept = digits.rstrip("0")
    return f"{sign}{kept}e{power + len(digits) - len(kept)}"


def _as_raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(_canonical_number(text).encode())


def _write(value: Any, out: list[str]) -> None:
    """Write as `_encode` does, but also half a surrogate pair, which it refuses."""
    if isinstance(value, Number):
        out.append(_canonical_number(value))
    elif isinstance(value, dict):
        for place, name in enumerate(sorted(value)):
            out += ("," if place else "{", json.dumps(name, ensure_ascii=False), ":")
            _write(value[name], out)
        out.append("}" if value else "{}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            out.append("," if place else "[")
            _write(each, out)
        out.append("]" if value else "[]")
    else:
        out.append(json.dumps(value, ensure_ascii=False))


def _lay_out(value: Any, start: str, out: list[str]) -> None:
    inner = start and start + "  "
    comma = "," if start else ", "
    if isinstance(value, Number):
        out.append(value)
    elif isinstance(value, dict) and value:
        for place, (name, each) in enumerate(value.items()):
            out += (comma if place else "{", inner, json.dumps(name, ensure_ascii=False), ": ")
            _lay_out(each, inner, out)
        out += (start, "}")
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            out += (comma if place else "[", inner)
            _lay_out(each, inner, out)
        out += (start, "]")
    else:
        out.append(json.dumps(value, ensure_ascii=False))


def _too_deep() -> Unreadable:
    return Unreadable("json-too-deep", "a record nests too deeply to be compared")


_exact = json.JSONDecoder(parse_int=Number, parse_float=Number)
_fast = msgspec.json.Decoder(Any, float_hook=_as_raw)
_encode = msgspec.json.Encoder(order="sorted").encode


Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One record. Its decoded `fields` may have rounded numbers; `exact`, `line` and `canonical` have not."""

    fields: Record = field(repr=False)
    time: Any = None  # what inspection reads the record's time from, None where there is none
    text: bytes = field(default=b"", repr=False)  # the delivered JSON on one line; empty for a row of a CSV

    @property
    def line(self) -> bytes:
        """Return the record as JSON on one line: the delivered text, or that of a CSV's row."""
        return self.text or json.dumps(self.fields, ensure_ascii=False).encode()

    @property
    def exact(self) -> Record:
        """Return the fields with every number as it was written (a `Number`). Raises Unreadable (json-too-deep)."""
        return decode_exact(self.text) if self.text else self.fields

    @property
    def canonical(self) -> bytes:
        """Return one form for all texts of an equal record. Raises Unreadable (json-too-deep)."""
        return canonical(self.text) if self.text else canonical_value(self.fields)
