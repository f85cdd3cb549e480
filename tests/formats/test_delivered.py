"""What goes out is what came in: every record's text and digits, whichever reader took it, held against `json`."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from strongroom.formats.exact_json import Delivered, canonical, canonical_value, decode_exact, pretty
from strongroom.formats.inspect import inspect_container
from strongroom.formats.plaintext import Unreadable
from strongroom.formats.records import read_delivered
from strongroom.formats.sink import InlineSink
from strongroom.formats.slow_json import find_end, tame
from strongroom.model.inspection import Caps, Expectation
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.window import Window

DAY = Window(datetime(2026, 11, 29, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))
SHAPE = DatasetShape("messages", "", "id", "at")
AT = '"at":"2026-11-29T10:00:00Z"'
TEXTS = [
    f'{{"id":"a",{AT},"x":"caf\\ud83d"}}',
    f'{{"id":"b",{AT},"n":{"9" * 5_000}}}',
    f'{{"id":"c",{AT},"n":[1e999,-1E+400,1.10,0.12345678901234567890123]}}',
    f'{{"id" : "d", {AT} , "n":123456789012345678901234567890, "n": 2}}',
    f'{{"id":{"8" * 4_500},{AT}}}',
    f'{{"id":"e",{AT},"x":"\\ud83d\\ude00 \u202e \x85 \\\\ud800"}}',
    f'{{"id":"f",{AT},"x":{"[" * 300}1{"]" * 300}}}',
    "{}",
]
LARGE = f'{{"id":"l",{AT},"x":"\\udc00","file":"{"A" * (5 << 19)}","n":1e999}}'


def read(data: bytes, container: Container) -> list[Delivered]:
    return list(read_delivered(io.BytesIO(data), SHAPE, Caps(), container))


def count(data: bytes, container: Container) -> tuple[bool, int]:
    expectation = Expectation(DAY, (SHAPE,), container=container)
    found = inspect_container(io.BytesIO(data), expectation, Caps(), InlineSink(expectation, Caps()))
    return found.sound, found.records


@pytest.mark.parametrize("texts", [TEXTS, TEXTS[5:], [*TEXTS[:2], LARGE, *TEXTS], [LARGE, LARGE]])
@pytest.mark.parametrize("container", [Container.JSON_ARRAY, Container.NDJSON])
def test_each_text_goes_out_as_it_came(texts: list[str], container: Container) -> None:
    lines = container is Container.NDJSON
    data = ("\n".join(texts) if lines else "[\r\n" + ",\n".join(texts) + "\n]\n").encode()
    assert [each.line.decode() for each in read(data, container)] == texts
    assert count(data, container) == (True, len(texts))


def test_blanks_between_tokens_become_one_line() -> None:
    (record,) = read(b'[{"id":\r\n "a",\n "x": "\\n"}]', Container.JSON_ARRAY)
    assert b"\n" not in record.line
    assert json.loads(record.line) == {"id": "a", "x": "\n"}


@pytest.mark.parametrize(
    ("mistake", "code"),
    [
        (("1e999", "01e999"), "json-malformed"),
        (("1e999", "NaN"), "json-malformed"),
        (("1e999}", "1e999}}"), "json-malformed"),
        (("1e999}", "1e999"), "json-truncated"),
        (('"x":', '"x"'), "json-malformed"),
    ],
)
def test_a_large_record_that_is_no_json_is_refused(mistake: tuple[str, str], code: str) -> None:
    data = f"[{LARGE.replace(*mistake)}]".encode()
    assert count(data, Container.JSON_ARRAY) == (False, 0)
    with pytest.raises(Unreadable) as refused:
        read(data, Container.JSON_ARRAY)
    assert refused.value.code == code


@pytest.mark.parametrize("text", TEXTS)
def test_taming_keeps_the_length_and_what_fits(text: str) -> None:
    substituted = tame(text.encode())
    assert len(substituted.text) == len(text.encode())
    assert bool(substituted.surrogates) == (text == TEXTS[0])
    assert find_end(text.encode() + b",{", 0, len(text.encode()) + 2) == len(text.encode())


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ('{"a":1,"b":[2]}', '{ "b" : [ 2 ], "a" : 1 }', True),
        ('{"a":1.50}', '{"a":15e-1}', True),
        ('{"a":0.1234567890123456789}', '{"a":0.1234567890123456780}', False),
        ('{"a":1e999}', '{"a":1e998}', False),
        ('{"a":12345678901234567890123}', '{"a":12345678901234567890124}', False),
        ('{"a":1}', '{"a":"1"}', False),
        ('{"a":"\\ud800"}', '{"a":"\\ud801"}', False),
        ('{"a":"\\ud800","n":1.5}', '{"n":1.50,"a":"\\uD800"}', True),
        ('{"a":"\\ud800","a":"\u00e9"}', '{"a":"\\u00e9"}', True),
        (f'{{"n":{"9" * 5_000}}}', f'{{"n":{"9" * 4_999}8}}', False),
        (f'{{"n":{"9" * 5_000},"n":1}}', '{"n":1}', True),
    ],
)
def test_equal_means_equal_to_the_last_digit(left: str, right: str, equal: bool) -> None:
    assert (canonical(left.encode()) == canonical(right.encode())) is equal


@pytest.mark.parametrize("text", TEXTS)
def test_the_canonical_form_is_the_same_from_text_and_from_values(text: str) -> None:
    assert canonical(text.encode()) == canonical_value(decode_exact(text.encode()))


def test_what_is_shown_has_the_delivered_digits() -> None:
    shown = pretty(decode_exact(b'{"a":1.10,"b":[1e999,{}],"c":{"d":null}}'))
    assert shown == '{\n  "a": 1.10,\n  "b": [\n    1e999,\n    {}\n  ],\n  "c": {\n    "d": null\n  }\n}'
    assert pretty(decode_exact(b'{"a":[1.10,2]}'), lines=False) == '{"a": [1.10, 2]}'


CSVS = {
    "pipe": b"id|at|x\na|2026-11-29 10:00:00|1\n",
    "hint": b"sep=;\r\nid;at;x\r\na;2026-11-29 10:00:00;1\r\n",
    "quoted hint": b'"sep=|"\nid|at|x\na|2026-11-29 10:00:00|1\n',
    "hint behind a mark": b"\xef\xbb\xbfsep=,\nid,at,x\na,2026-11-29 10:00:00,1\n",
    "hint in UTF-16": "sep=;\nid;at;x\na;2026-11-29 10:00:00;1\n".encode("utf-16"),
    "another separator": b"sep=^\nid^at^x\na^2026-11-29 10:00:00^1\n",
    "a wrong hint": b"sep=;\nid,at,x\na,2026-11-29 10:00:00,1\n",
}


@pytest.mark.parametrize("data", CSVS.values(), ids=CSVS.keys())
def test_a_csv_as_spreadsheets_write_it_is_read(data: bytes) -> None:
    (record,) = read(data, Container.CSV)
    assert json.loads(record.line) == {"id": "a", "at": "2026-11-29 10:00:00", "x": "1"}
    assert record.time == "2026-11-29T10:00:00Z"
    assert count(data, Container.CSV) == (True, 1)


def test_a_nul_in_a_cell_is_kept_and_told() -> None:
    (record,) = read(b"id,at\na,b\0c\n", Container.CSV)
    assert record.fields["at"] == "b\0c"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("id,at\na,b\n".encode("utf-16-le"), "csv-nul"),
        (b"id,at\na," + bytes(20) + b"\n", "csv-nul"),
        ("id,at\na,b\n".encode("utf-32"), "csv-bad-encoding"),
    ],
)
def test_what_is_no_text_is_refused_with_its_reason(data: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(data, Container.CSV)
    assert refused.value.code == code


def test_a_record_beyond_the_cap_is_refused() -> None:
    caps = replace(Caps(), max_record=3 << 20)
    data = f"[{LARGE[:-1]},{LARGE[1:]}]".encode()
    with pytest.raises(Unreadable, match="more than"):
        list(read_delivered(io.BytesIO(data), SHAPE, caps, Container.JSON_ARRAY))
