"""Content codings of delivered files (RFC 9110 section 8.4.1): which one a file has, by its first bytes.

Headers are often wrong, so the bytes decide. gzip and zstd have magic numbers. deflate has none that text cannot begin
with: it is recognized where the first bytes inflate without an error to what an export begins with.
"""

from __future__ import annotations

import zlib
from enum import StrEnum

from msgspec import Struct

OPENING = 1024  # bytes; enough for the longest table of codes that deflate puts before its first byte
_FIRST = 64  # bytes of a file that are looked at
_MAGIC = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_TEXT = bytes({*range(0x20, 0x100), *b"\t\r\n"} - {0x7F})
_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


class Coding(StrEnum):
    """A content coding that readers undo; the value is in manifests."""

    GZIP = "gzip"
    DEFLATE = "deflate"  # with zlib's header and checksum, as the standard says
    RAW_DEFLATE = "raw-deflate"  # without them, as some servers send under the same name


class Undoing(Struct, frozen=True):
    """How a coding is undone: zlib's word for it, the ending of a coded file's name, and a stock command."""

    wbits: int
    suffix: str
    command: str


def _python(wbits: int) -> str:
    words = f"import sys, zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read(), {wbits}))"
    return f"python3 -c '{words}'"


UNDOING = {
    Coding.GZIP: Undoing(31, ".gz", "gunzip"),
    Coding.DEFLATE: Undoing(15, ".deflate", _python(15)),
    Coding.RAW_DEFLATE: Undoing(-15, ".deflate", _python(-15)),
}


def undoing(coding: str) -> Undoing | None:
    """Return how a coding is undone; None where there is none, or it is unknown here."""
    return UNDOING.get(Coding(coding)) if coding in _KNOWN else None


def undo_command(coding: str) -> str:
    """Return what is appended to a shell line that writes the coded bytes; empty without a known coding."""
    known = undoing(coding)
    return f" | {known.command}" if known else ""


def detect_coding(opening: bytes | bytearray | memoryview) -> str:
    """Return the coding of a file that begins so, or an empty string. The first kilobyte is enough."""
    head = bytes(opening[:OPENING])
    if head.startswith(_MAGIC):
        return Coding.GZIP
    if not _is_utf8(head) and _holds_export(head, Coding.DEFLATE):
        return Coding.DEFLATE
    if head.translate(None, _TEXT) and _holds_export(head, Coding.RAW_DEFLATE):
        return Coding.RAW_DEFLATE
    return ""


def is_zstd(opening: bytes) -> bool:
    """Say whether a file that begins so is zstd-coded. No reader undoes that of a delivered file."""
    return opening.startswith(_ZSTD)


def peek(opening: bytes, coding: str) -> bytes:
    """Return the first decoded bytes of a file that begins so; empty where nothing can be decoded yet."""
    known = undoing(coding)
    if known is None:
        return b""
    try:
        return zlib.decompressobj(known.wbits).decompress(opening[:OPENING], OPENING)
    except zlib.error:
        return b""


def begins_export(opening: bytes) -> bool:
    """Say whether the bytes begin a ZIP, or text in any usual encoding: what no encoder puts first."""
    first = opening[:_FIRST]
    return first.startswith((b"PK", *_BOMS)) or not first.translate(None, _TEXT)


def _holds_export(head: bytes, coding: Coding) -> bool:
    inner = peek(head, coding)
    return bool(inner) and (begins_export(inner) or inner.startswith((_MAGIC, _ZSTD)))


def _is_utf8(head: bytes) -> bool:
    if head.translate(None, _TEXT):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character that is cut off by the end of the opening
    return True


_KNOWN = frozenset(each.value for each in Coding)
