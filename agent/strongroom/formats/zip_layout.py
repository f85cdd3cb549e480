"""Each member's local header must say what the directory says, and no two members may share a byte.

A reader that trusts only one of the two places can be shown another file than a reader that trusts the other;
members that share bytes are how a small ZIP inflates without end.
"""

from __future__ import annotations

import struct

from msgspec.structs import replace

from strongroom.formats.faults import FindingLog, Unreadable
from strongroom.formats.read_exact import PlaintextReader, read_at
from strongroom.formats.zip_directory import FLAG_DESCRIPTOR, FLAG_ENCRYPTED, Directory, Member, widen
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
    """Return where the member's bytes start, where all of it ends, and whether one header alone tells of a descriptor.

    Sizes of zero before the bytes are true only with the descriptor behind them; where the header before the bytes
    tells all, a descriptor that is not there is not missed.
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
        told = fields[6:9] == (member.crc, member.compressed, member.size)
        end += _measure_descriptor(reader, member, end, limit, needed=not (one_sided and told))
    return data_at, end, one_sided


def _compare(member: Member, fields: tuple[int, ...], name: bytes, extra: bytes) -> None:
    flags, method, crc = fields[2], fields[3], fields[6]
    size, compressed = _sizes_of(fields, extra)
    told = {"name": name, "compression method": method, "flags": flags & FLAG_ENCRYPTED}
    listed = {"name": member.raw_name, "compression method": member.method, "flags": member.flags & FLAG_ENCRYPTED}
    for what, value, expected in (
        ("CRC", crc, member.crc),
        ("size", size, member.size),
        ("compressed size", compressed, member.compressed),
    ):
        if value or not flags & FLAG_DESCRIPTOR:  # a streamed member may say zero here and the truth behind its bytes
            told[what], listed[what] = value, expected
    wrong = [what for what in told if told[what] != listed[what]]
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
