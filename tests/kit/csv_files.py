"""Inspect bytes as if they had been delivered as a CSV."""

from __future__ import annotations

import io
from typing import Any

from kit.zip_files import END, START
from strongroom.formats.inspect import inspect_container
from strongroom.formats.records import read_records
from strongroom.formats.sink import InlineSink
from strongroom.model.inspection import Caps, Expectation, Inspection, MemberReport
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.window import Window

MESSAGES = DatasetShape(
    "messages",
    "",
    "id",
    "created_at",
    frozenset({"id", "created_at", "text"}),
    frozenset({"id", "created_at"}),
    ("id", "created_at", "text"),
)
UNDOCUMENTED = DatasetShape("messages", "", "", "")
CAPS = Caps()


def expected(shape: DatasetShape = MESSAGES, rows: int | None = None) -> Expectation:
    return Expectation(Window(START, END), (shape,), container=Container.CSV, rows=rows)


def inspect_csv(
    data: bytes, shape: DatasetShape = MESSAGES, *, rows: int | None = None, caps: Caps = CAPS
) -> Inspection:
    wanted = expected(shape, rows)
    return inspect_container(io.BytesIO(data), wanted, caps, InlineSink(wanted, caps))


def report(data: bytes, shape: DatasetShape = MESSAGES) -> MemberReport:
    """Return what a sound file's report says."""
    found = inspect_csv(data, shape)
    assert found.sound, found.findings
    return found.members[0]


def told(found: Inspection) -> dict[str, str]:
    """Return severity by code."""
    return {finding.code: finding.severity.value for finding in found.findings}


def records(data: bytes, shape: DatasetShape = MESSAGES, **more: Any) -> list[dict[str, Any]]:
    return list(read_records(io.BytesIO(data), shape, CAPS, container=Container.CSV, **more))


def sound_csv(count: int = 30) -> bytes:
    rows = [f'm{n},2026-03-01T00:{n // 60 % 60:02}:{n % 60:02}Z,"hello, {n}\n""you"""\r\n' for n in range(count)]
    return ("id,created_at,text\r\n" + "".join(rows)).encode()
