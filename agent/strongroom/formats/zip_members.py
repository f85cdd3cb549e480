"""Locate and inflate the members of a ZIP. What the file declares is checked, never trusted.

Each member's local header must agree with the directory, and no two members may share a byte. A reader that trusts only
one of the two places can be shown another file than a reader that trusts the other; members that share bytes are how a
small ZIP inflates without end.

The output of every inflating step is bounded, so a bomb is noticed while it is still small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from isal import igzip_lib, isal_zlib
from msgspec.structs import replace

from strongroom.formats.plaintext import FindingLog, PlaintextReader, Unreadable, fill_from, read_at
from strongroom.formats.zip_directory import FLAG_DESCRIPTOR, FLAG_ENCRYPTED, STORED, Directory, Member, widen
from strongroom.model.inspection import Caps, Severity

_LOCAL = struct.Struct("<4s5H3L2H")
# APPNOTE 4.3.9: the signature is optional, the sizes have four bytes or, with ZIP64, eight. The wide forms come first:
# of an empty member they begin like the narrow ones.
_DESCRIPTORS = (
    struct.Struct("<4sL2Q"),
    struct.Struct("<4s3L"),
    struct.Struct("<L2Q"),
    struct.Struct("<3L"),
)


def locate_members(reader: PlaintextReader, directory: Directory, caps: Caps) -> Directory:
    """Check every local header and return the directory with `data_at` set and the faults found added."""
    log = FindingLog(caps.max_findings)
    log.extend(directory.findings)
    located: list[Member] = []
    spans: list[tuple[int, int, int]] = []  # start, end, index of the member
    for index, member in enumerate(directory.members):
        try:
            data_at, end, one_sided = _locate(reader, member, directory.offset)
            if one_sided:
                words = "only one of the member's two headers says that its sizes stand behind its bytes"
                log.add(Severity.NOTE, "zip-flags-differ", words, member.shown)
            located.append(replace(member, data_at=data_at))
            spans.append((member.header_at, end, index))
        except Unreadable as fault:
            log.extend([fault.as_finding(member.shown)])
            located.append(replace(member, readable=False))
    for index in _find_overlaps(sorted(spans)):
        member = located[index]
        log.add(Severity.FAULT, "zip-overlap", "the member shares bytes with another one", member.shown)
        located[index] = replace(member, readable=False)
    if len(spans) == len(located):
        _note_gaps(sorted(spans), directory.offset, log)
    return replace(directory, members=tuple(located), findings=log.close())


def _locate(reader: PlaintextReader, member: Member, limit: int) -> tuple[int, int, bool]:
    """Return where the member's bytes start, where all of it ends, and whether only one header announces a descriptor.

    Sizes of zero before the bytes are true only with the descriptor behind them; where the header before the bytes
    has all sizes, a missing descriptor is no fault.
    """
    if member.header_at + _LOCAL.size > limit:
        raise Unreadable("zip-inconsistent", "the member's header lies outside the part of the ZIP that holds members")
    fields = _LOCAL.unpack(read_at(reader, member.header_at, _LOCAL.size))
    if fields[0] != b"PK\x03\x04":
        raise Unreadable("zip-local-mismatch", f"there is no member's header at byte {member.header_at:,}")
    name_length, extra_length = fields[9], fields[10]
    data_at = member.header_at + _LOCAL.size + name_length + extra_length
    if data_at + member.compressed > limit:
        raise Unreadable("zip-truncated", "the member's bytes run into the directory: some are missing")
    names = read_at(reader, member.header_at + _LOCAL.size, name_length + extra_length)
    _compare(member, fields, names[:name_length], names[name_length:])
    end = data_at + member.compressed
    one_sided = bool((member.flags ^ fields[2]) & FLAG_DESCRIPTOR)
    if (member.flags | fields[2]) & FLAG_DESCRIPTOR:
        complete = fields[6:9] == (member.crc, member.compressed, member.size)
        end += _measure_descriptor(reader, member, end, limit, needed=not (one_sided and complete))
    return data_at, end, one_sided


def _compare(member: Member, fields: tuple[int, ...], name: bytes, extra: bytes) -> None:
    flags, method, crc = fields[2], fields[3], fields[6]
    size, compressed = _sizes_of(fields, extra)
    local = {"name": name, "compression method": method, "flags": flags & FLAG_ENCRYPTED}
    listed = {"name": member.raw_name, "compression method": member.method, "flags": member.flags & FLAG_ENCRYPTED}
    for what, value, expected in (
        ("CRC", crc, member.crc),
        ("size", size, member.size),
        ("compressed size", compressed, member.compressed),
    ):
        if value or not flags & FLAG_DESCRIPTOR:  # a streamed member may say zero here and the truth behind its bytes
            local[what], listed[what] = value, expected
    wrong = [what for what in local if local[what] != listed[what]]
    if wrong:
        words = f"the member's own header and the directory disagree about its {', '.join(wrong)}"
        raise Unreadable("zip-local-mismatch", words)


def _sizes_of(fields: tuple[int, ...], extra: bytes) -> tuple[int, ...]:
    """Return both sizes; zero, as not known, where a streamed member saturates them without a ZIP64 field."""
    try:
        return widen(extra, (fields[8], fields[7]))
    except Unreadable:
        if fields[2] & FLAG_DESCRIPTOR:
            return 0, 0
        raise


def _measure_descriptor(reader: PlaintextReader, member: Member, at: int, limit: int, *, needed: bool) -> int:
    block = read_at(reader, at, min(24, limit - at))
    truth = (member.crc, member.compressed, member.size)
    for form in _DESCRIPTORS:
        expected = (b"PK\x07\x08", *truth) if form.format.startswith("<4s") else truth
        if len(block) >= form.size and form.unpack_from(block) == expected:
            return form.size
    if not needed:
        return 0
    raise Unreadable("zip-local-mismatch", "the sizes or CRC behind the member's bytes disagree with the directory")


def _find_overlaps(spans: list[tuple[int, int, int]]) -> list[int]:
    touched: set[int] = set()
    reach, owner = 0, -1
    for start, end, index in spans:
        if start < reach:
            touched |= {index, owner}
        if end > reach:
            reach, owner = end, index
    return sorted(touched)


def _note_gaps(spans: list[tuple[int, int, int]], limit: int, log: FindingLog) -> None:
    gap, reach = 0, 0
    for start, end, _ in [*spans, (limit, limit, -1)]:
        gap += max(0, start - reach)
        reach = max(reach, end)
    if gap:
        words = f"{gap:,} bytes before, between or behind the members belong to none of them"
        log.add(Severity.NOTE, "zip-unaccounted-bytes", words)


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
    """Yield the compressed bytes; each block is valid only until the next one is read."""
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
