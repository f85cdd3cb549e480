"""Inflate one member in small steps. What the file declares is checked, never trusted: the bytes decide.

The output length of every step is bounded, so a bomb is noticed while it is still small.
"""

from __future__ import annotations

from collections.abc import Iterator

from isal import igzip_lib, isal_zlib

from strongroom.formats.faults import Unreadable
from strongroom.formats.read_exact import PlaintextReader, fill_from
from strongroom.formats.zip_directory import STORED, Member
from strongroom.model.inspection import Caps

STEP_IN = 64 * 1024  # bytes; small steps stay in the processor's cache, larger ones measured slower
STEP_OUT = 256 * 1024


def inflate_member(reader: PlaintextReader, member: Member, caps: Caps) -> Iterator[bytes]:
    """Yield the member's bytes in pieces of at most 256 KiB.

    Raise Unreadable when they are not what the directory says: zip-truncated, zip-bad-deflate, zip-extra-data,
    zip-bad-size, zip-bad-crc, zip-bomb. The last two checks come after the last piece, so nothing that was yielded
    may be believed before the iteration has ended by itself.
    """
    pieces = _read_stored(reader, member) if member.method == STORED else _read_deflated(reader, member, caps)
    crc = produced = 0
    for piece in pieces:
        produced += len(piece)
        if produced > member.size:
            raise Unreadable("zip-bad-size", f"the member holds more than the {member.size:,} bytes it declares")
        crc = isal_zlib.crc32(piece, crc)
        yield piece
    if produced != member.size:
        raise Unreadable("zip-bad-size", f"the member holds {produced:,} bytes; {member.size:,} were declared")
    if crc != member.crc:
        raise Unreadable("zip-bad-crc", f"the member's CRC-32 is {crc:08x}; {member.crc:08x} was declared")


def _read_blocks(reader: PlaintextReader, member: Member, block_size: int) -> Iterator[memoryview]:
    """Yield the compressed bytes; each block is valid only until the next one is asked for."""
    view = memoryview(bytearray(block_size))
    reader.seek(member.data_at)
    left = member.compressed
    while left:
        count = fill_from(reader, view[: min(left, block_size)])
        if not count:
            raise Unreadable("zip-truncated", f"the file ends {left:,} bytes before the end of the member")
        left -= count
        yield view[:count]


def _read_stored(reader: PlaintextReader, member: Member) -> Iterator[bytes]:
    return (bytes(block) for block in _read_blocks(reader, member, STEP_OUT))


def _read_deflated(reader: PlaintextReader, member: Member, caps: Caps) -> Iterator[bytes]:
    machine = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE)
    consumed = produced = 0
    for block in _read_blocks(reader, member, STEP_IN):
        if machine.eof:
            raise Unreadable("zip-extra-data", "bytes follow the end of the member's deflate stream")
        consumed += len(block)
        for piece in _inflate_block(machine, block):
            produced += len(piece)
            if produced > caps.ratio_floor and produced > caps.max_ratio * consumed:
                words = f"{consumed:,} bytes inflate to more than {produced - 1:,}, over {caps.max_ratio} times as many"
                raise Unreadable("zip-bomb", words)
            yield piece
    if not machine.eof:
        raise Unreadable("zip-bad-deflate", "the member's deflate stream ends before its last block")
    if machine.unused_data:
        raise Unreadable("zip-extra-data", f"{len(machine.unused_data):,} bytes follow the end of the deflate stream")


def _inflate_block(machine: igzip_lib.IgzipDecompressor, block: memoryview) -> Iterator[bytes]:
    data: memoryview | bytes = block
    while True:
        try:
            piece = machine.decompress(data, STEP_OUT)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise Unreadable("zip-bad-deflate", "the member's deflate stream is damaged") from error
        if piece:
            yield piece
        if machine.eof or machine.needs_input:
            return
        if not piece and not data:
            raise Unreadable("zip-bad-deflate", "the member's deflate stream makes no progress")
        data = b""
