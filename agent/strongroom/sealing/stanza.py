"""Stanzas: the recipients' lines of a header. One writing only: unpadded canonical base64, body lines of 64 columns.

age v1 specification, "Recipient stanza". A second way to write the same bytes is refused, since what is parsed must be
what the header's MAC covers.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.sealing.refusal import HeaderRefused

COLUMNS = 64
LINE_CAP = 4096  # bytes of one line: twice what the longest known stanza type needs
_ARGUMENTS = re.compile(rb"-> [!-~]+(?: [!-~]+)*")
_HINT = "the file is damaged or was not written as age v1; take another copy"


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient's wrapped file key, of any type."""

    kind: str
    args: tuple[str, ...]
    body: bytes

    def encode(self) -> bytes:
        """Write the stanza's lines; the last one is shorter than 64 columns, and may be empty."""
        text = encode_base64(self.body)
        lines = [text[at : at + COLUMNS] for at in range(0, len(text) + 1, COLUMNS)]
        return b"\n".join([" ".join(("->", self.kind, *self.args)).encode("ascii"), *lines, b""])


def encode_base64(data: bytes) -> bytes:
    """Write standard base64 without padding."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=")


def decode_base64(text: bytes, size: int | None = None) -> bytes:
    """Read unpadded base64 of `size` bytes (None: any); raise HeaderRefused unless it is the one canonical writing."""
    try:
        data = binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        raise HeaderRefused("the header holds text that is not base64", hint=_HINT) from None
    # The lenient decoder above skips foreign characters and spare bits; writing it again shows every one of them.
    if encode_base64(data) != text:
        raise HeaderRefused("the header holds base64 that is not canonical", hint=_HINT)
    if size is not None and len(data) != size:
        raise HeaderRefused(f"the header holds a value of {len(data)} bytes where {size} belong", hint=_HINT)
    return data


def parse_stanzas(lines: list[bytes]) -> tuple[Stanza, ...]:
    """Read stanzas from lines without their line ends; raise HeaderRefused unless every line belongs to one."""
    rest = iter(lines)
    return tuple(_parse_stanza(line, rest) for line in rest)


def _parse_stanza(line: bytes, rest: Iterator[bytes]) -> Stanza:
    if len(line) > LINE_CAP:
        raise HeaderRefused(f"a header line is longer than {LINE_CAP} bytes", hint=_HINT)
    if not _ARGUMENTS.fullmatch(line):
        raise HeaderRefused("a recipient stanza does not begin as it must ('-> ' and its arguments)", hint=_HINT)
    kind, *args = line[3:].decode("ascii").split(" ")
    return Stanza(kind, tuple(args), _parse_body(rest))


def _parse_body(rest: Iterator[bytes]) -> bytes:
    body = []
    for line in rest:
        if len(line) > COLUMNS:
            raise HeaderRefused(f"a stanza's line is longer than {COLUMNS} columns", hint=_HINT)
        body.append(line)
        if len(line) < COLUMNS:
            return decode_base64(b"".join(body))
    raise HeaderRefused(f"a recipient stanza has no last line shorter than {COLUMNS} columns", hint=_HINT)
