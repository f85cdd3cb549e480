"""Content codings that a storage host may keep a file in: those that clients undo, and those that they refuse."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

_BLOCK = 1 << 16  # bytes; the most that one stored block of Brotli holds with four nibbles of length; zstd takes more


def encode(content: bytes, coding: str, members: int = 1) -> bytes:
    """Return the content in the coding, the last of several names outermost; empty: gzip."""
    for name in _names(coding):
        content = _ENCODERS[name](content, members)
    return content


def check_coding(coding: str) -> None:
    """Raise ValueError for a coding that is not known here."""
    for name in _names(coding):
        if name not in _ENCODERS:
            raise ValueError(f"unknown coding {name!r}: one of {', '.join(_ENCODERS)}")


def label(coding: str) -> str:
    """Return what Content-Encoding says of it: deflate without zlib's header goes by the same name."""
    return ", ".join(name.removeprefix("raw-") for name in _names(coding))


def _names(coding: str) -> list[str]:
    return [name.strip() for name in (coding or "gzip").split(",")]


def _gzip(content: bytes, members: int) -> bytes:
    step = -(-len(content) // members) or 1
    pieces = [content[at : at + step] for at in range(0, len(content), step)] or [b""]
    return b"".join(gzip.compress(piece, 6, mtime=0) for piece in pieces)


def _deflate(wbits: int) -> Callable[[bytes, int], bytes]:
    def encoder(content: bytes, _members: int) -> bytes:
        machine = zlib.compressobj(6, zlib.DEFLATED, wbits)
        return machine.compress(content) + machine.flush()

    return encoder


def _brotli(content: bytes, _members: int) -> bytes:
    """Return the content in stored blocks of Brotli (RFC 7932 section 9.2), which needs no compressor."""
    coded, shift = bytearray(), 1  # the first block shares its first byte with the size of the window
    for at in range(0, len(content), _BLOCK):
        piece = content[at : at + _BLOCK]
        coded += ((len(piece) - 1) << (3 + shift) | 1 << (19 + shift)).to_bytes(3, "little") + piece
        shift = 0
    return bytes(coded) + (b"\x06" if shift else b"\x03")


def _zstd(content: bytes, _members: int) -> bytes:
    """Return the content in raw blocks of a Zstandard frame (RFC 8878 section 3.1.1), which needs no compressor."""
    coded = bytearray(b"\x28\xb5\x2f\xfd\x00\x58")  # no checksum; a window of 2 MiB
    for at in range(0, len(content), _BLOCK):
        piece = content[at : at + _BLOCK]
        coded += (len(piece) << 3).to_bytes(3, "little") + piece
    return bytes(coded) + b"\x01\x00\x00"


_ENCODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "deflate": _deflate(15),
    "raw-deflate": _deflate(-15),
    "br": _brotli,
    "zstd": _zstd,
    "aws-chunked": lambda content, _members: content,  # S3 keeps the word of an upload, not the form
}
