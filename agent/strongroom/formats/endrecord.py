"""The end of a ZIP says where its directory is (APPNOTE 4.3.14 to 4.3.16). There must be exactly one reading of it.

Tools disagree about files with two possible end records or with bytes after the last one; whoever made such a file
could show one content to us and another to the auditor. So what is ambiguous is a fault.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from strongroom.formats.faults import Unreadable
from strongroom.formats.plaintext import PlaintextReader, measure, read_at
from strongroom.model.inspection import Finding, Severity

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


@dataclass(frozen=True, slots=True)
class EndRecord:
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
