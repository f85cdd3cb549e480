"""NDJSON: one object a line, each parsed by itself, every record counted or refused."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.formats.inspect import inspect_container
from strongroom.formats.plaintext import Unreadable
from strongroom.formats.records import read_records
from strongroom.formats.sink import InlineSink
from strongroom.model.inspection import Caps, Expectation, Inspection
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.window import Window

DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
SHAPE = DatasetShape("messages", "", "id", "at")
CAPS = Caps(max_record=1 << 20)


def inspect(data: bytes, rows: int | None = None, caps: Caps = CAPS) -> Inspection:
    expectation = Expectation(DAY, (SHAPE,), container=Container.NDJSON, rows=rows)
    return inspect_container(io.BytesIO(data), expectation, caps, InlineSink(expectation, caps))


def read(data: bytes) -> list[dict[str, Any]]:
    return list(read_records(io.BytesIO(data), SHAPE, CAPS, container=Container.NDJSON))


def line(number: int, **more: Any) -> bytes:
    return json.dumps({"id": f"m{number}", "at": "2026-03-01T10:00:00Z", **more}).encode() + b"\n"


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (line(1), 1),
        (line(1) + line(2), 2),
        (line(1) + line(2).rstrip(), 2),
        (line(1).replace(b"\n", b"\r\n") + line(2), 2),
        (line(1) + b"\n \t\n" + line(2), 2),
        (b"\xef\xbb\xbf" + line(1), 1),
        (line(1, text="a\nb,}{\u2028"), 1),
        (line(1, wide=1 << 70), 1),
        (b'{"id":"m1","at":"2026-03-01T10:00:00Z","text":"\\ud800"}\n', 1),
    ],
)
def test_every_line_is_a_record(data: bytes, records: int) -> None:
    found = inspect(data)
    assert found.sound, found.findings
    assert (found.records, found.in_window) == (records, records)
    assert len(read(data)) == records


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_a_file_without_a_line_is_empty_only_where_that_was_announced(data: bytes) -> None:
    assert [finding.code for finding in inspect(data).findings] == ["ndjson-empty"]
    found = inspect(data, 0)
    assert (found.sound, found.records, found.members[0].empty) == (True, 0, True)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (line(1) + b"[1]\n", "json-not-object"),
        (line(1) + b"7\n", "json-not-object"),
        (line(1) + b'{"id":"m2"\n', "json-truncated"),
        (b'{"a":1\n"b":2}\n', "json-truncated"),
        (b'{"a":[{}\n{}]},{"c":1}\n', "json-truncated"),
        (b'{"a":1},{"b":2}\n', "json-malformed"),
        (b'{"a":1} {"b":2}\n', "json-malformed"),
        (b'[{"a":1}]\n', "json-not-object"),
        (b'{"a":NaN}\n', "json-malformed"),
        (b'{"a":"\xff"}\n', "json-bad-utf8"),
        (b"<html>\n", "json-not-object"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "json-too-deep"),
        (b'{"a":"' + b"x" * CAPS.max_record + b'"}\n', "json-record-too-large"),
        (b"x" * (CAPS.max_record + 9), "json-record-too-large"),
    ],
    ids=range(14),
)
def test_what_is_no_object_a_line_is_refused(data: bytes, code: str) -> None:
    found = inspect(data)
    assert not found.sound
    assert {finding.code for finding in found.findings} & {code, "json-malformed"}
    with pytest.raises(Unreadable):
        read(data)


def test_the_announced_rows_are_held_against_the_count() -> None:
    data = line(1) + line(2)
    assert inspect(data, 2).sound
    for rows in (1, 3):
        assert [finding.code for finding in inspect(data, rows).findings] == ["rows-mismatch"]
        assert not inspect(data, rows).sound


RECORDS = st.lists(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(RECORDS, st.sampled_from([1, 7, 64, 4096]), st.booleans())
def test_any_records_come_out_again_however_the_bytes_come(
    records: list[dict[str, Any]], step: int, ascii_only: bool
) -> None:
    data = b"".join(json.dumps(each, ensure_ascii=ascii_only).encode() + b"\n" for each in records)

    class Slow(io.BytesIO):
        def readinto(self, buffer: Any, /) -> int:
            return super().readinto(memoryview(buffer)[:step])

    assert list(read_records(Slow(data), DatasetShape("m", "", "", ""), CAPS, container=Container.NDJSON)) == records
    assert inspect(data).records == len(records)
