"""Every JSON array is read as a strict whole-text reader would read it, however it arrives."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.json_array_cases import GOOD, RECORDS
from kit.zip_files import CAPS, EXPECTED, MESSAGES, codes, dump, record
from strongroom.formats import slow_json as secondopinion
from strongroom.formats.json_array import JsonArrayReader, ParseVerdict, pour
from strongroom.model.inspection import Caps, Severity


def read(text: bytes, *, batch: int = 256 * 1024, chunk: int = 1 << 20, caps: Caps = CAPS) -> ParseVerdict:
    reader = JsonArrayReader("messages.json", MESSAGES, EXPECTED, caps, batch=batch)
    for at in range(0, len(text), chunk):
        pour(reader, text[at : at + chunk])
    return reader.finish(whole=True)


def judge(text: bytes) -> list[Any] | None:
    """The oracle: the whole text by the standard library, NaN refused, records only."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        value = json.loads(text.decode().removeprefix("\ufeff"), parse_constant=refuse, parse_int=float)
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else None


@pytest.mark.parametrize("batch", [256, 2048, 256 * 1024])
@pytest.mark.parametrize("chunk", [1, 7, 1009, 1 << 20])
@pytest.mark.parametrize("name", GOOD)
def test_a_good_array_is_read_like_the_oracle_reads_it(name: str, batch: int, chunk: int) -> None:
    text = GOOD[name]
    if chunk == 1 and len(text) > 100_000:
        chunk = 13
    verdict = read(text, batch=batch, chunk=chunk)
    wanted = judge(text)
    assert wanted is not None
    assert codes(verdict.findings) == set()
    assert verdict.report.records == len(wanted)
    assert verdict.report.size == len(text)
    assert verdict.report.undated == sum("createdAt" not in item for item in wanted)


BODY = dump(RECORDS)
BAD = {
    "nothing": (b"", "json-not-array"),
    "blank": (b"  \n", "json-not-array"),
    "only a mark": (b"\xef\xbb\xbf", "json-not-array"),
    "half a mark": (b"\xef\xbb", "json-not-array"),
    "two marks": (b"\xef\xbb\xbf" * 2 + BODY, "json-not-array"),
    "object": (b'{"id":1}', "json-not-array"),
    "text": (b'"x"', "json-not-array"),
    "lines": (b'{"id":1}\n{"id":2}\n', "json-not-array"),
    "truncated": (BODY[:-1], "json-truncated"),
    "truncated in a text": (BODY[: BODY.rfind(b"hello") + 3], "json-truncated"),
    "truncated behind a comma": (b'[{"id":1},', "json-truncated"),
    "only a bracket": (b"[", "json-truncated"),
    "missing comma": (b'[{"id":1}{"id":2}]', "json-malformed"),
    "missing comma, late": (BODY[:-1] + b'{"id":2}]', "json-malformed"),
    "double comma": (BODY[:-1] + b',,{"id":2}]', "json-not-object"),
    "leading comma": (b'[,{"id":1}]', "json-not-object"),
    "trailing comma": (BODY[:-1] + b",]", "json-malformed"),
    "trailing comma, spaced": (b'[{"id":1}, \n ]', "json-malformed"),
    "only a comma": (b"[,]", "json-not-object"),
    "early close": (BODY + b"," + BODY[1:], "json-trailing-bytes"),
    "trailing junk": (BODY + b"x", "json-trailing-bytes"),
    "trailing bracket": (BODY + b"]", "json-trailing-bytes"),
    "trailing zero byte": (BODY + b"\0", "json-trailing-bytes"),
    "second document": (BODY + BODY, "json-trailing-bytes"),
    "control character": (b'[{"id":"a\nb"}]', "json-malformed"),
    "bad escape": (b'[{"id":"\\q"}]', "json-malformed"),
    "leading zero": (b'[{"id":01}]', "json-malformed"),
    "plus": (b'[{"id":+1}]', "json-malformed"),
    "bare point": (b'[{"id":1.}]', "json-malformed"),
    "single quotes": (b"[{'id':1}]", "json-malformed"),
    "missing colon": (b'[{"id" 1}]', "json-malformed"),
    "bare key": (b"[{id:1}]", "json-malformed"),
    "comment": (b'[{"id":1/*x*/}]', "json-malformed"),
    "True": (b'[{"id":True}]', "json-malformed"),
    "NaN": (b'[{"id":NaN}]', "json-malformed"),
    "Infinity": (b'[{"id":-Infinity}]', "json-malformed"),
    "bad UTF-8 in a text": (b'[{"id":"\xff"}]', "json-bad-utf8"),
    "bad UTF-8 in a key": (b'[{"id":1,"\xc0\x80":2}]', "json-bad-utf8"),
    "UTF-8 surrogate": (b'[{"id":"\xed\xa0\x80"}]', "json-bad-utf8"),
    "cut UTF-8": (b'[{"id":"\xe2\x82"}]', "json-bad-utf8"),
    "UTF-16": (BODY.decode().encode("utf-16-le"), "json-not-object"),
    "numbers": (b"[1,2,3]", "json-not-object"),
    "arrays": (b"[[1],[2]]", "json-not-object"),
    "null": (b"[null]", "json-not-object"),
    "a number among records": (BODY[:-1] + b",7," + BODY[1:], "json-not-object"),
    "a text among records": (BODY[:-1] + b',"createdAt"]', "json-not-object"),
    "an array among records": (BODY[:-1] + b',["createdAt"]]', "json-not-object"),
    "too deep": (b'[{"id":' + b"[" * 2_000 + b"]" * 2_000 + b"}]", "json-too-deep"),
    "too deep and unfinished": (b'[{"id":' + b"[" * 200_000, "json-too-deep"),
}  # fmt: skip


@pytest.mark.parametrize("batch", [256, 2048, 256 * 1024])
@pytest.mark.parametrize("chunk", [7, 1 << 20])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_array_is_refused_by_name(name: str, chunk: int, batch: int) -> None:
    text, code = BAD[name]
    found = codes(read(text, batch=batch, chunk=chunk).findings)
    assert len(found) == 1
    if batch == 256 * 1024:
        assert found == {code}


def test_what_only_the_slow_reader_accepts_is_noted() -> None:
    assert codes(read(GOOD["half a pair in each"]).findings, Severity.NOTE) == {"json-lone-surrogate"}
    assert "json-wide-number" in codes(read(GOOD["wide numbers"]).findings, Severity.NOTE)
    assert not codes(read(GOOD["a pair"]).findings, Severity.NOTE)


@pytest.mark.parametrize(
    "name",
    ["compact", "indented", "strings that look like records", "unicode", "mark", "nested lists", "empty records"],
)
def test_ordinary_text_never_needs_the_slow_reader(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the slow reader was asked")

    monkeypatch.setattr("strongroom.formats.json_splitter.decode_records", refuse)
    text = b"[" + b",".join([GOOD[name].removeprefix(b"\xef\xbb\xbf")[1:-1]] * 20) + b"]"
    assert codes(read(text, batch=8192, chunk=1000).findings) == set()


def test_a_fault_late_in_a_long_text_is_refused_and_the_rest_only_counted() -> None:
    text = BODY[:-1] + b',{"id":1 2},' + b",".join([BODY[1:-1]] * 200) + b"]"
    verdict = read(text, batch=4096)
    (fault,) = [f for f in verdict.findings if f.severity is Severity.FAULT]
    assert fault.code == "json-malformed"
    assert "40 records were read before" in fault.message
    assert verdict.report.size == len(text)


def test_a_record_of_any_size_below_the_cap_is_read_and_above_it_refused() -> None:
    text = dump([record(1, text="x" * 70_000), record(2)])
    assert read(text, batch=1024, caps=Caps(max_record=80_000)).report.records == 2
    assert codes(read(text, batch=1024, caps=Caps(max_record=60_000)).findings) == {"json-record-too-large"}


def test_a_large_refused_record_is_not_given_to_the_slow_reader() -> None:
    text = dump([record(1, text="x" * (secondopinion.MAX_BYTES + 10))])[:-2] + b',"n":NaN}]'
    assert codes(read(text).findings) == {"json-malformed"}


def test_fields_are_watched() -> None:
    records = [record(n) for n in range(500)]
    records[400]["surprise\x1b"] = 1
    for item in records:
        del item["id"]
    verdict = read(dump(records), batch=4096)
    assert verdict.report.fields_unknown == ("surprise\\x1b",)
    assert verdict.report.fields_vanished == ("id",)
    assert codes(verdict.findings, Severity.NOTE) == {"field-unknown"}
    assert codes(verdict.findings, Severity.WARNING) == {"field-vanished"}


def test_a_required_field_seen_once_anywhere_has_not_vanished() -> None:
    records = [{"createdAt": record(n)["createdAt"], "text": "x"} for n in range(900)]
    records[777] = {"id": 1, "createdAt": records[777]["createdAt"]}
    assert read(dump(records), batch=4096).report.fields_vanished == ()


def test_an_exchanged_field_in_every_fiftieth_record_is_seen() -> None:
    records = [record(n) for n in range(5_000)]
    for item in records[1_000::50]:
        item["tekst"] = item.pop("text")
    assert read(dump(records), batch=8192).report.fields_unknown == ("tekst",)


def test_unknown_names_are_capped() -> None:
    verdict = read(dump([record(n, **{f"new{n}": 1}) for n in range(300)]), caps=Caps(max_fields=20))
    assert len(verdict.report.fields_unknown) == 20
    assert "and more" in next(f.message for f in verdict.findings if f.code == "field-unknown")


def test_a_field_named_twice_is_accepted_with_a_warning() -> None:
    verdict = read(b'[{"id":1,"createdAt":"2026-03-01T00:00:00Z","id":2}]')
    assert verdict.report.records == 1
    assert codes(verdict.findings, Severity.WARNING) == {"field-repeated"}


def test_no_message_quotes_a_record() -> None:
    secret = "canary-7f3a"
    for text in (
        BODY,
        BODY[:-9],
        b'[{"id":"canary-7f3a\n"}]',
        b'[{"id":"canary-7f3a", x}]',
        b'[{"id":\xff"canary-7f3a"}]',
    ):
        for finding in read(text.replace(b"hello", secret.encode())).findings:
            assert secret not in finding.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
TIMES = st.sampled_from(
    [record(n)["createdAt"] for n in (0, 5, 70_000)] + ["2026-02-28T23:59:59Z", "nonsense", None, 5]
)
RECORD = st.dictionaries(st.sampled_from(["id", "text", "a", '"', "{"]) | st.text(max_size=4), JSON, max_size=4)
DATED = st.builds(lambda item, time: {**item, "createdAt": time}, RECORD, TIMES) | RECORD


@pytest.mark.slow
@given(
    st.lists(DATED, max_size=12), st.integers(1, 300), st.integers(64, 2048), st.booleans(), st.sampled_from([None, 1])
)
@settings(max_examples=150, deadline=None)
def test_random_arrays_are_counted_like_the_oracle(
    records: list[dict[str, Any]], chunk: int, batch: int, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(records, ensure_ascii=ascii_only, indent=indent).encode("utf-8")
    report = read(text, chunk=chunk, batch=batch).report
    times = [item.get("createdAt") for item in records]
    dated = sorted(time for time in times if isinstance(time, str) and time.startswith("2026") and time.endswith("Z"))
    assert (report.records, report.undated) == (len(records), len(times) - len(dated))
    assert report.in_window == sum(time >= "2026-03-01" for time in dated)
    assert (report.earliest is None) == (not dated)


SEED_TEXT = dump([record(n, text='a,"b"\\', n=[1, {"id": 2}]) for n in range(12)])
FRAGMENTS = [
    b",",
    b"]",
    b"[",
    b"{",
    b"}",
    b'"',
    b"\\",
    b" ",
    b"\n",
    b'{"id":',
    b"},{",
    b"\xff",
    b"NaN",
    b"0",
    b":",
    b"]]",
]


@given(st.randoms(use_true_random=False), st.integers(1, 3), st.integers(64, 700), st.integers(1, 400))
@example(random.Random(1), 1, 64, 1)
@settings(max_examples=300, deadline=None)
def test_mutated_arrays_are_accepted_exactly_when_the_oracle_accepts_them(
    random_bytes: random.Random, changes: int, batch: int, chunk: int
) -> None:
    text = SEED_TEXT
    for _ in range(changes):
        at, drop = random_bytes.randrange(len(text) + 1), random_bytes.choice([0, 0, 1, 2, 40])
        text = text[:at] + random_bytes.choice([b"", *FRAGMENTS]) + text[at + drop :]
    verdict, wanted = read(text, batch=batch, chunk=chunk), judge(text)
    assert (wanted is not None) == (not codes(verdict.findings)), text
    if wanted is not None:
        assert verdict.report.records == len(wanted)
