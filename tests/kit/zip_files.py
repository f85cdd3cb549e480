"""Build ZIPs by hand, sound ones and others, and inspect bytes as if they had been delivered."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from strongroom.formats.inspect import inspect_container
from strongroom.formats.sink import InlineSink
from strongroom.model.inspection import Caps, Expectation, Finding, Inspection, Severity
from strongroom.model.plan import DatasetShape
from strongroom.model.window import Window

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
KNOWN = frozenset({"id", "createdAt", "text", "status"})
MESSAGES = DatasetShape("messages", "messages.json", "id", "createdAt", KNOWN, frozenset({"id", "createdAt"}))
EXPECTED = Expectation(Window(START, END), (MESSAGES,), companions=("metadata.json",))
CAPS = Caps()


def record(number: int, **more: Any) -> dict[str, Any]:
    """Return one believable record inside the window."""
    moment = f"2026-03-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
    return {"id": f"m{number}", "createdAt": moment, "text": f"hello, {number} ]}},{{", **more}


def dump(records: list[Any]) -> bytes:
    return json.dumps(records, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def sound_zip(count: int = 50, **members: bytes) -> bytes:
    """Return a sound delivery of `count` messages; `members` adds files, with __ for the dot in their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("messages.json", dump([record(n) for n in range(count)]))
        archive.writestr("metadata.json", b'{"exportId":"exp_1"}')
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def inspect_bytes(data: bytes, expectation: Expectation = EXPECTED, caps: Caps = CAPS) -> Inspection:
    return inspect_container(io.BytesIO(data), expectation, caps, InlineSink(expectation, caps))


def codes(findings: tuple[Finding, ...], severity: Severity = Severity.FAULT) -> set[str]:
    return {finding.code for finding in findings if finding.severity is severity}


@dataclass
class Part:
    """One member, every field of which can be made to lie."""

    name: bytes = b"messages.json"
    data: bytes = b"[]"
    method: int = 8
    flags: int = 0
    packed: bytes | None = None
    crc: int | None = None
    size: int | None = None
    compressed: int | None = None
    mode: int = 0
    local: dict[str, Any] | None = None  # what the local header says instead
    descriptor: bytes = b""
    header_at: int | None = None
    gap: bytes = b""  # bytes put before the member
    extra: bytes = b""  # of the central entry
    local_extra: bytes = b""


def deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(6, zlib.DEFLATED, -15)
    return machine.compress(data) + machine.flush()


def build_zip(
    parts: list[Part], *, comment: bytes = b"", end: dict[str, int] | None = None, tail: bytes = b""
) -> bytes:
    """Write a ZIP of the parts; `end` overrides fields of the end record, `tail` follows it."""
    body, directory = b"", b""
    for part in parts:
        body += part.gap
        packed = part.packed if part.packed is not None else deflate(part.data) if part.method == 8 else part.data
        told: dict[str, Any] = {
            "name": part.name,
            "flags": part.flags,
            "method": part.method,
            "crc": zlib.crc32(part.data) if part.crc is None else part.crc,
            "compressed": len(packed) if part.compressed is None else part.compressed,
            "size": len(part.data) if part.size is None else part.size,
        }
        at = len(body) if part.header_at is None else part.header_at
        directory += _central(told, part, at)
        here = told | (part.local or {})
        body += _local(here, part.local_extra) + packed + part.descriptor
    fields = {"disk": 0, "start": 0, "here": len(parts), "total": len(parts)}
    fields |= {"size": len(directory), "offset": len(body), "comment": len(comment)} | (end or {})
    return body + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", *fields.values()) + comment + tail


def _central(told: dict[str, Any], part: Part, at: int) -> bytes:
    head = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 0x0314, 20, told["flags"], told["method"], 0, 0, told["crc"],
        told["compressed"], told["size"], len(told["name"]), len(part.extra), 0, 0, 0, part.mode << 16, at)  # fmt: skip
    return bytes(head + told["name"] + part.extra)


def _local(told: dict[str, Any], extra: bytes) -> bytes:
    head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, told["flags"], told["method"], 0, 0, told["crc"],
        told["compressed"], told["size"], len(told["name"]), len(extra))  # fmt: skip
    return bytes(head + told["name"] + extra)
