"""Read the end record and the central directory of a ZIP, and report everything that is not as it must be.

There must be exactly one reading of the end record. Tools disagree about files with two possible end records or with
bytes after the last one; a file like that could show one content to us and another to an auditor, so ambiguity is a
fault. A member's name must be a plain relative path. A member with a fault stays in the list, marked unreadable, so
that one pass finds all faults. Source: PKWARE APPNOTE 6.3, sections 4.3.12 to 4.3.16 and 4.5.3.
"""

from __future__ import annotations

import re
import stat
import struct
from collections import Counter

from msgspec import Struct
from msgspec.structs import replace

from strongroom.formats.plaintext import FindingLog, PlaintextReader, Unreadable, measure, printable, read_at
from strongroom.model.inspection import Caps, Finding, Severity

_DRIVE = re.compile(r"[A-Za-z]:")


def decode_name(raw: bytes, *, utf8: bool) -> str:
    """Decode a ZIP member's name as its flag says (APPNOTE 4.4.4, bit 11); bytes that are not UTF-8 stay marked."""
    return raw.decode("utf-8", "surrogateescape") if utf8 else raw.decode("cp437")


def find_hazard(name: str, raw: bytes, limit: int) -> str:
    """Say in a few words why a name must not be used as a path, or return an empty string; `limit` is in bytes."""
    if not raw:
        return "is empty"
    if len(raw) > limit:
        return f"is {len(raw):,} bytes long, more than {limit:,}"
    if not name.isprintable():
        return "holds control or invisible characters"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "steps out of or around its folder"
    return ""


_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_MAX_COMMENT = 0xFFFF
_LOOKS = (
    (b"PK\x03\x04", "the beginning of a ZIP without its end"),
    (b"<", "an HTML or XML page"),
    (b"{", "a JSON object"),
    (b"[", "a JSON array"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF"),
)


class EndRecord(Struct, frozen=True):
    """Where the central directory lies and how many entries it has."""

    entries: int
    directory_size: int  # bytes
    directory_offset: int  # from the start of the file
    findings: tuple[Finding, ...]  # what is wrong around the end without hiding the directory


def read_end_record(reader: PlaintextReader) -> EndRecord:
    """Find and check the end of the ZIP; raise Unreadable where there is none or where it contradicts itself."""
    size = measure(reader)
    tail_at = max(0, size - _END.size - _MAX_COMMENT)
    tail = read_at(reader, tail_at, size - tail_at)
    place, findings = _find_end(tail, read_at(reader, 0, min(size, 512)), size)
    at = tail_at + place
    _, disk, directory_disk, here, total, length, offset, comment = _END.unpack_from(tail, place)
    directory_end = at
    numbers: tuple[int, ...] = (disk, directory_disk, here, total, length, offset)
    wide = _read_zip64(reader, at)
    if wide is not None:
        directory_end, numbers = wide[0], _prefer_wide(numbers, wide[1])
    disk, directory_disk, here, total, length, offset = numbers
    if disk or directory_disk or here != total:
        raise Unreadable("zip-multi-disk", "the ZIP says that it is one part of several; a whole file was expected")
    if offset + length != directory_end:
        raise Unreadable(
            "zip-inconsistent",
            f"the end record puts the directory at bytes {offset:,} to {offset + length:,}, "
            f"but it must end at {directory_end:,}: bytes are missing or were put in between",
        )
    if comment:
        findings.append(Finding(Severity.NOTE, "zip-comment", f"the ZIP carries a comment of {comment:,} bytes"))
    return EndRecord(total, length, offset, tuple(findings))


def _find_end(tail: bytes, head: bytes, size: int) -> tuple[int, list[Finding]]:
    places = _find_all(tail, b"PK\x05\x06")
    whole = [place for place in places if place + _END.size <= len(tail)]
    reach = {place: place + _END.size + _END.unpack_from(tail, place)[7] for place in whole}
    exact = [place for place in whole if reach[place] == len(tail)]
    if len(exact) > 1:
        raise Unreadable("zip-ambiguous-end", f"the ZIP has {len(exact)} end records that fit; only one was expected")
    if exact:
        return exact[0], []
    if whole and reach[whole[-1]] < len(tail):
        extra = len(tail) - reach[whole[-1]]
        words = f"{extra:,} bytes follow the end of the ZIP; none were expected"
        return whole[-1], [Finding(Severity.FAULT, "zip-trailing-bytes", words)]
    raise _name_the_stranger(head, size, partial=bool(places))


def _find_all(tail: bytes, signature: bytes) -> list[int]:
    places, place = [], tail.find(signature)
    while place >= 0:
        places.append(place)
        place = tail.find(signature, place + 1)
    return places


def _name_the_stranger(head: bytes, size: int, *, partial: bool) -> Unreadable:
    if partial or head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        words = f"the ZIP has no whole end record: it was cut short (at {size:,} bytes) or a lot follows its end"
        return Unreadable("zip-truncated", words)
    if not size:
        return Unreadable("not-a-zip", "the file is empty; a ZIP was expected")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    looks = next((words for magic, words in _LOOKS if start.startswith(magic)), "something else")
    return Unreadable("not-a-zip", f"a ZIP was expected, but the {size:,} bytes look like {looks}")


def _read_zip64(reader: PlaintextReader, end_at: int) -> tuple[int, tuple[int, ...]] | None:
    """Return where the ZIP64 end record starts and its numbers, or None where the file has none."""
    if end_at < _LOCATOR.size:
        return None
    mark, disk, at, disks = _LOCATOR.unpack(read_at(reader, end_at - _LOCATOR.size, _LOCATOR.size))
    if mark != b"PK\x06\x07":
        return None
    if disk or disks > 1:
        raise Unreadable("zip-multi-disk", "the ZIP64 locator says that the file is one part of several")
    if at + _END64.size > end_at - _LOCATOR.size:
        raise Unreadable("zip-inconsistent", "the ZIP64 locator points behind itself")
    fields = _END64.unpack(read_at(reader, at, _END64.size))
    if fields[0] != b"PK\x06\x06" or at + 12 + fields[1] != end_at - _LOCATOR.size:
        raise Unreadable("zip-inconsistent", "the ZIP64 locator does not point to a ZIP64 end record")
    return at, fields[4:]


def _prefer_wide(narrow: tuple[int, ...], wide: tuple[int, ...]) -> tuple[int, ...]:
    full = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    if any(n not in (w, f) for n, w, f in zip(narrow, wide, full, strict=True)):
        raise Unreadable("zip-inconsistent", "the two end records of the ZIP contradict each other")
    return wide


STORED, DEFLATED = 0, 8
FLAG_ENCRYPTED, FLAG_DESCRIPTOR, FLAG_UTF8 = 0x0001, 0x0008, 0x0800
_SECRET_FLAGS = FLAG_ENCRYPTED | 0x0040 | 0x2000  # encrypted, strongly encrypted, masked local headers
_ENTRY = struct.Struct("<4s6H3L5H2L")
_FULL = 0xFFFFFFFF
_STREAMS = (stat.S_IFIFO, stat.S_IFSOCK)  # what a ZIP writer notes that reads its data from another program


class Member(Struct, frozen=True):
    """One file in the ZIP, as the central directory describes it."""

    name: str  # as decoded; hostile until its findings say otherwise
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed: int  # bytes in the file
    size: int  # bytes when inflated, as declared
    header_at: int  # offset of the local header
    mode: int  # Unix mode, 0 where the maker gave none
    data_at: int = -1  # offset of the compressed bytes; -1 until the local header was read
    readable: bool = True  # False where a fault forbids inflating it

    @property
    def shown(self) -> str:
        """The name, printable and short."""
        return printable(self.name)

    @property
    def is_folder(self) -> bool:
        """Whether the entry is a folder, which holds no bytes."""
        return self.name.endswith("/")


class Directory(Struct, frozen=True):
    """What a ZIP says it holds."""

    members: tuple[Member, ...]
    findings: tuple[Finding, ...]
    size: int  # bytes of the central directory
    offset: int  # where it starts; members must lie before it


def read_directory(reader: PlaintextReader, caps: Caps) -> Directory:
    """Read the whole directory; raise Unreadable where it cannot be read at all or passes a cap."""
    end = read_end_record(reader)
    _judge_size(end, caps)
    log = FindingLog(caps.max_findings)
    log.extend(end.findings)
    listed = _parse_entries(read_at(reader, end.directory_offset, end.directory_size), end.entries)
    members = tuple(_judge_member(member, caps, log) for member in listed)
    _judge_names(members, log)
    if sum(member.size for member in members) > caps.max_total:
        log.add(Severity.FAULT, "zip-bomb", f"the members claim to hold more than {caps.max_total:,} bytes together")
        members = tuple(replace(member, readable=False) for member in members)
    return Directory(members, log.close(), end.directory_size, end.directory_offset)


def _judge_size(end: EndRecord, caps: Caps) -> None:
    if end.entries > caps.max_members:
        words = f"the ZIP lists {end.entries:,} members; at most {caps.max_members:,} are read"
        raise Unreadable("zip-too-many-members", words)
    if end.directory_size > caps.max_directory:
        words = f"the ZIP's directory has {end.directory_size:,} bytes; at most {caps.max_directory:,} are read"
        raise Unreadable("zip-directory-too-large", words)


def _parse_entries(block: bytes, count: int) -> list[Member]:
    members, at = [], 0
    for _ in range(count):
        member, at = _parse_entry(block, at)
        members.append(member)
    if at != len(block):
        words = f"{len(block) - at:,} bytes of the ZIP's directory belong to none of its {count:,} entries"
        raise Unreadable("zip-inconsistent", words)
    return members


def _parse_entry(block: bytes, at: int) -> tuple[Member, int]:
    if at + _ENTRY.size > len(block) or block[at : at + 4] != b"PK\x01\x02":
        raise Unreadable("zip-inconsistent", f"there is no directory entry at byte {at:,} of the ZIP's directory")
    fields = _ENTRY.unpack_from(block, at)
    flags, method, crc, compressed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    name_length, extra_length, comment_length = fields[10:13]
    name_at = at + _ENTRY.size
    extra_at = name_at + name_length
    after = extra_at + extra_length + comment_length
    if after > len(block):
        raise Unreadable("zip-inconsistent", f"the directory entry at byte {at:,} runs past the end of the directory")
    raw_name = block[name_at:extra_at]
    wide = widen(block[extra_at : extra_at + extra_length], (size, compressed, fields[16]))
    mode = fields[15] >> 16 if fields[1] >> 8 == 3 else 0
    name = decode_name(raw_name, utf8=bool(flags & FLAG_UTF8))
    return Member(name, raw_name, flags, method, crc, wide[1], wide[0], wide[2], mode), after


def widen(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """Replace each saturated value by the next one of the ZIP64 extra field; raise Unreadable where it is missing."""
    if _FULL not in values:
        return values
    wide = _find_zip64(extra)
    result = []
    for value in values:
        if value == _FULL:
            if len(wide) < 8:
                raise Unreadable(
                    "zip-inconsistent", "a size or offset is said to be in a ZIP64 field that is not there"
                )
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]  # noqa: PLW2901  # the value's wide form
        result.append(value)
    return tuple(result)


def _find_zip64(extra: bytes) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def _judge_member(member: Member, caps: Caps, log: FindingLog) -> Member:
    faults = list(_find_faults(member, caps))
    for code, words in faults:
        log.add(Severity.FAULT, code, words, member.shown)
    if member.is_folder and not faults:
        log.add(Severity.NOTE, "zip-folder", "the ZIP lists a folder", member.shown)
    if stat.S_IFMT(member.mode) in _STREAMS and not faults:
        words = "the member has the mode of a pipe, as of data read from another program; it is read as a plain file"
        log.add(Severity.NOTE, "zip-pipe-mode", words, member.shown)
    return replace(member, readable=not faults)


def _find_faults(member: Member, caps: Caps) -> list[tuple[str, str]]:
    faults = []
    hazard = find_hazard(member.name, member.raw_name, caps.max_name)
    if hazard:
        faults.append(("zip-name-unsafe", f"the member's name {hazard}; a plain relative path was expected"))
    if member.flags & _SECRET_FLAGS:
        faults.append(("zip-encrypted", "the member is encrypted with a password; plain members were expected"))
    if member.method not in (STORED, DEFLATED):
        words = f"compression method {member.method} is not supported; stored (0) or deflate (8) was expected"
        faults.append(("zip-method", words))
    if stat.S_IFMT(member.mode) not in (0, stat.S_IFREG, stat.S_IFDIR, *_STREAMS):
        faults.append(("zip-special-file", "the member is a link or a device; a plain file was expected"))
    if member.is_folder and member.size:
        faults.append(("zip-inconsistent", "the member is named like a folder but holds bytes"))
    if member.method == STORED and member.size != member.compressed:
        faults.append(("zip-inconsistent", f"stored in {member.compressed:,} bytes but said to hold {member.size:,}"))
    if member.size > caps.ratio_floor and member.size > caps.max_ratio * member.compressed:
        words = f"{member.compressed:,} bytes claim to hold {member.size:,}, more than {caps.max_ratio} times as many"
        faults.append(("zip-bomb", words))
    return faults


def _judge_names(members: tuple[Member, ...], log: FindingLog) -> None:
    for name, count in Counter(member.name for member in members).items():
        if count > 1:
            words = f"{count} members have this name; tools would disagree about its content"
            log.add(Severity.FAULT, "zip-duplicate", words, printable(name))
    folded = Counter(name.casefold() for name in {member.name for member in members})
    for member in members:
        if folded.pop(member.name.casefold(), 0) > 1:
            words = "several names differ from this one only by upper and lower case"
            log.add(Severity.WARNING, "zip-duplicate-case", words, member.shown)
