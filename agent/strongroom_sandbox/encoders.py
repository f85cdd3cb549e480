"""Bytes encoded by hand, well or badly: a ZIP writer, and the content codings that a storage host may keep a file in.

The ZIP writer can also write bad ZIPs: members in any order, under any name, twice, with a false CRC. Layout by
PKWARE's APPNOTE 6.3: local headers, data, central directory, end records. Sizes and CRC are written into the local
header once they are known, or into a data descriptor after the data when `descriptors` is on.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import BinaryIO, Protocol

from isal import isal_zlib
from msgspec import Struct

_MAX32 = 0xFFFFFFFF
_MAX16 = 0xFFFF
_UTF8 = 0x0800
_DESCRIPTOR = 0x0008
ENCRYPTED = 0x0001
"""Flag of a member that is encrypted."""


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Member(Struct):
    name: bytes
    flags: int
    moment: tuple[int, int]  # DOS time and date
    offset: int
    crc: int = 0
    packed: int = 0
    size: int = 0


class ZipWriter:
    """Writes deflated members to a seekable file. `zip64` forces 64-bit fields from the start, needed over 4 GiB.

    `level` is a zlib level from 1 to 9, or None for isal, about ten times as fast and 15 % larger.
    """

    def __init__(
        self, file: BinaryIO, *, level: int | None = None, zip64: bool = False, descriptors: bool = False
    ) -> None:
        self._file = file
        self._level = level
        self._zip64 = zip64
        self._descriptors = descriptors
        self._members: list[_Member] = []

    def add(self, name: str, chunks: Iterable[bytes], moment: datetime, *, flags: int = 0, crc_mask: int = 0) -> None:
        """Write one member. `crc_mask` is folded into its CRC: any but zero makes it false.

        Raises ValueError when the member passes 4 GiB in a file that was not opened with `zip64`.
        """
        flags |= _UTF8 if not name.isascii() else 0
        flags |= _DESCRIPTOR if self._descriptors else 0
        member = _Member(name.encode("utf-8"), flags, _dos_moment(moment), self._file.tell())
        self._write_local(member)
        self._write_data(member, chunks)
        member.crc ^= crc_mask
        if not self._zip64 and max(member.size, member.packed) >= _MAX32:
            raise ValueError("a member over 4 GiB needs zip64")
        self._finish(member)
        self._members.append(member)

    def close(self) -> None:
        """Write the central directory and the end records; the file stays open."""
        start = self._file.tell()
        for member in self._members:
            self._write_central(member)
        size = self._file.tell() - start
        count = len(self._members)
        if self._zip64 or start + size >= _MAX32 or count >= _MAX16:
            end = self._file.tell()
            fields = (44, 45, 45, 0, 0, count, count, size, start)
            self._file.write(struct.pack("<4sQHHIIQQQQ", b"PK\6\6", *fields))
            self._file.write(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1))
            count, size, start = _MAX16, _MAX32, _MAX32
        self._file.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, size, start, 0))

    def _write_data(self, member: _Member, chunks: Iterable[bytes]) -> None:
        compressor = self._compressor()
        for chunk in chunks:
            member.crc = isal_zlib.crc32(chunk, member.crc)
            member.size += len(chunk)
            member.packed += self._file.write(compressor.compress(chunk))
        member.packed += self._file.write(compressor.flush())

    def _compressor(self) -> _Compressor:
        if self._level is None:
            return isal_zlib.compressobj(2, isal_zlib.DEFLATED, -15)
        return zlib.compressobj(self._level, zlib.DEFLATED, -15)

    def _write_local(self, member: _Member) -> None:
        known = not self._descriptors
        crc, packed, size = (member.crc, member.packed, member.size) if known else (0, 0, 0)
        extra = struct.pack("<HHQQ", 1, 16, size, packed) if self._zip64 else b""
        if self._zip64:
            packed = size = _MAX32
        version = 45 if self._zip64 else 20
        fields = (version, member.flags, 8, *member.moment, crc, packed, size, len(member.name), len(extra))
        self._file.write(struct.pack("<4sHHHHHIIIHH", b"PK\3\4", *fields) + member.name + extra)

    def _finish(self, member: _Member) -> None:
        if self._descriptors:
            layout = "<4sIQQ" if self._zip64 else "<4sIII"
            self._file.write(struct.pack(layout, b"PK\7\10", member.crc, member.packed, member.size))
            return
        end = self._file.tell()
        self._file.seek(member.offset)
        self._write_local(member)
        self._file.seek(end)

    def _write_central(self, member: _Member) -> None:
        packed, size, offset = member.packed, member.size, member.offset
        extra = b""
        if self._zip64 or offset >= _MAX32:
            extra = struct.pack("<HHQQQ", 1, 24, size, packed, offset)
            packed = size = offset = _MAX32
        version = 45 if extra else 20
        fields = (version, version, member.flags, 8, *member.moment, member.crc, packed, size)
        tail = (len(member.name), len(extra), 0, 0, 0, 0, offset)
        self._file.write(struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", *fields, *tail) + member.name + extra)


def _dos_moment(moment: datetime) -> tuple[int, int]:
    date = (max(moment.year, 1980) - 1980) << 9 | moment.month << 5 | moment.day
    return moment.hour << 11 | moment.minute << 5 | moment.second // 2, date


_BLOCK = 1 << 16  # bytes; the most that one stored block of Brotli holds with four nibbles of length; zstd takes more


def encode(content: bytes, coding: str, members: int = 1) -> bytes:
    """Return the content in the coding, the last of several names outermost; an empty name is gzip."""
    for name in _names(coding):
        content = _ENCODERS[name](content, members)
    return content


def check_coding(coding: str) -> None:
    """Raise ValueError for a coding that is not known here."""
    for name in _names(coding):
        if name not in _ENCODERS:
            raise ValueError(f"unknown coding {name!r}: one of {', '.join(_ENCODERS)}")


def coding_label(coding: str) -> str:
    """Return what Content-Encoding says of it: deflate without zlib's header has the same name."""
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
