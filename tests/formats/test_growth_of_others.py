"""Readers of bytes that come from outside, or lie in a vault or package: each takes time in proportion to them."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kit.csv_files import MESSAGES as CSV_MESSAGES
from kit.csv_files import inspect_csv
from kit.growth import assert_linear
from kit.zip_files import CAPS, EXPECTED, MESSAGES
from strongroom.age.header import parse_header
from strongroom.age.identity_file import parse_identity_file
from strongroom.evidence import verifier
from strongroom.evidence.line import Entry, format_line, read_chain
from strongroom.evidence.note import NoteRefused, Signer, open_note
from strongroom.evidence.verifier import Wrong
from strongroom.formats.bundle import name_members
from strongroom.formats.exact_json import canonical
from strongroom.formats.inspect import inspect_container, read_container
from strongroom.formats.plaintext import Unreadable
from strongroom.formats.record_checks import read_time
from strongroom.formats.records import read_delivered
from strongroom.formats.sink import InlineSink
from strongroom.model.errors import StrongroomError
from strongroom.model.provider import Container
from strongroom.providers.addresses import BadLink, parse_locator
from strongroom.providers.answers import ApiResponse, plain_words, redact, retry_at, undo
from strongroom.providers.limits import Bounds
from strongroom.providers.zavu import Zavu
from strongroom.vault.log_reader import read_line
from strongroom.vault.manifest import read_manifest

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WIDE = replace(CAPS, max_members=1 << 20, max_directory=1 << 30)
SIGNER = Signer("strongroom/test", bytes(range(32)))
REFUSED = (StrongroomError, NoteRefused, Wrong, BadLink, ValueError)


def ndjson(text: bytes) -> None:
    wanted = replace(EXPECTED, container=Container.NDJSON, datasets=(replace(MESSAGES, member=""),))
    inspect_container(io.BytesIO(text), wanted, CAPS, InlineSink(wanted, CAPS))
    list(read_delivered(io.BytesIO(text), wanted.datasets[0], CAPS, Container.NDJSON))


def csv(text: bytes) -> None:
    inspect_csv(text)
    list(read_delivered(io.BytesIO(text), CSV_MESSAGES, CAPS, Container.CSV))


def directory(data: bytes) -> None:
    read_container(io.BytesIO(data), WIDE)


def zipped(names: Callable[[int], str], comment: bytes = b"") -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for number in range(size // 8):
                archive.writestr(zipfile.ZipInfo(names(number)), b"[]")
                archive.NameToInfo.clear()  # or one name twice is warned of
            archive.comment = comment
        return buffer.getvalue()

    return make


def reply(body: bytes) -> None:
    answer = ApiResponse(200, {"retry-after": "x"}, body, NOW)
    for _ in range(3):
        assert answer.retry_at is None or answer.request_id is not None
        with suppress(StrongroomError):
            answer.value()


class Silent:
    """A policy that gives one answer to everything."""

    label, bounds, monotonic = "Zavu", Bounds(), time.monotonic

    def __init__(self, body: bytes) -> None:
        self._body = body

    def call(self, *_request: object, **_more: object) -> ApiResponse:
        return ApiResponse(200, {}, self._body, NOW)


ENTRY = {"status": "completed", "dataTypes": ["messages"], "createdAt": "2026-10-31T00:00:00Z", "expiresAt": "x"}


def exports(size: int) -> bytes:
    return json.dumps({"items": [{**ENTRY, "id": f"exp_{number}"} for number in range(size)]}).encode()


def sweep(body: bytes) -> None:
    assert list(Zavu(Silent(body)).sweep(datetime(2000, 1, 1, tzinfo=UTC)))  # type: ignore[arg-type]


MANIFEST: dict[str, Any] = {
    **dict.fromkeys(("stream", "source", "provider", "job", "ref"), "a"),
    "id": "0" * 26,
    "format": 1,
    "holding": "held",
    "container": "csv",
    "datasets": ["a"],
    "filters": [],
    "retention": "standard",
    "durable_at": "2026-11-01T00:00:00Z",
    "verified_at": "2026-11-01T00:00:00Z",
    "window": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"},
    "delivered": {"name": "a", "size": 1, "digest": ""},
    "sealed": {"size": 1, "sha256": "", "recipients": ["a"]},
    "expected": {"datasets": [], "end_inclusive": True, "companions": []},
    "counts": {"records": 1, "in_window": 1},
    "members": [],
    "findings": [],
}
FINDING = {"severity": "note", "code": "a", "message": "b"}
MEMBER = {
    "member": "a",
    "dataset": "a",
    "size": 1,
    "records": 1,
    "in_window": 1,
    "undated": 0,
    "earliest": None,
    "latest": None,
    "fields_unknown": [],
    "fields_vanished": [],
}


def manifest(**changes: Any) -> bytes:
    return json.dumps({**MANIFEST, **changes}).encode()


def chain(count: int) -> list[bytes]:
    prev, lines = "0" * 64, []
    for seq in range(1, count + 1):
        entry = Entry("job.proven", NOW + timedelta(seconds=seq), archive=f"{seq % 7}", facts={"sealed_sha256": "a"})
        lines.append(format_line(entry, seq, prev))
        prev = hashlib.sha256(lines[-1]).hexdigest()
    return lines


def whole_log(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        verifier.Log().read(path, {1, len(lines)})


Case = tuple[Callable[[int], Any], Callable[[Any], object]]
CASES: dict[str, Case] = {
    "ndjson: small lines": (lambda size: b'{"id":1}\n' * size, ndjson),
    "ndjson: blank lines": (lambda size: b"\n" * (16 * size), ndjson),
    "ndjson: blanks in a line": (lambda size: b'{"id"' + b" " * (32 * size) + b":1}\n", ndjson),
    "ndjson: a line without end": (lambda size: b'{"id":"' + b"a" * (64 * size), ndjson),
    "ndjson: quotes": (lambda size: b'"' * (16 * size), ndjson),
    "ndjson: numbers for the slow reader": (lambda size: b'{"id":1e999}\n' * size, ndjson),
    "csv: small rows": (lambda size: b"id,created_at,text\r\n" + b"1,2026-03-01T00:00:00Z,a\r\n" * size, csv),
    "csv: empty rows": (lambda size: b"id,created_at,text\r\n" + b"\r\n" * (4 * size), csv),
    "csv: separators": (lambda size: b"id,created_at,text\r\n" + b"," * (4 * size), csv),
    "csv: columns": (lambda size: b",".join(b"c%d" % number for number in range(size)) + b"\r\n", csv),
    "csv: one name for all columns": (lambda size: b",".join([b"id"] * size) + b"\r\n", csv),
    "csv: quotes": (lambda size: b"id,created_at,text\r\n" + b'"' * (16 * size), csv),
    "csv: an open cell": (lambda size: b'id,created_at,text\r\n"' + b"a\r\n" * (8 * size), csv),
    "csv: quoted cells": (lambda size: b"id,created_at,text\r\n" + b'"a""b","c","d"\r\n' * size, csv),
    "csv: bare returns": (lambda size: b"id,created_at,text\r" * size, csv),
    "csv: nothing but letters": (lambda size: b"a" * (64 * size), csv),
    "csv: zeros": (lambda size: bytes(16 * size), csv),
    "csv: utf-16": (lambda size: ("id,created_at,text\r\n" + "1,2,é\r\n" * size).encode("utf-16"), csv),
    "csv: odd times": (lambda size: b"id,created_at,text\r\n" + b"1,31.12.2026 23:59:59 PM,a\r\n" * size, csv),
    "zip: members": (zipped(lambda number: f"{number}.json"), directory),
    "zip: one name for all members": (zipped(lambda _number: "a.json"), directory),
    "zip: names that differ by case": (
        zipped(lambda number: f"{number:b}".replace("0", "a").replace("1", "A")),
        directory,
    ),
    "zip: deep names": (zipped(lambda number: "a/" * 100 + str(number)), directory),
    "zip: ends in its comment": (zipped(str, b"PK\x05\x06" * 16_000), directory),
    "names of a bundle": (lambda size: ["a"] * size, name_members),
    "time: digits": (lambda size: "1" * size, read_time),
    "time: a fraction": (lambda size: "2026-03-01T00:00:00." + "1" * size + "Z", read_time),
    "time: blanks": (lambda size: "2026-03-01" + " " * size, read_time),
    "time: a zone": (lambda size: "2026-03-01T00:00:00+" + "0" * size, read_time),
    "time: a large number": (lambda size: 10 ** min(size, 4_000), read_time),
    "canonical: keys": (lambda size: json.dumps(dict.fromkeys(map(str, range(size)))).encode(), canonical),
    "canonical: a list": (lambda size: b'{"a":[' + b",".join([b"1e5"] * size) + b"]}", canonical),
    "canonical: zeros of a number": (lambda size: b'{"a":1' + b"0" * size + b".0}", canonical),
    "words: addresses": (lambda size: "https://a.example/?token=b " * size, plain_words),
    "words: controls": (lambda size: "\x1b[31m" * size, plain_words),
    "words: keys": (lambda size: "zv_live_abcdef" * size, plain_words),
    "words: query": (lambda size: "?" * size + "&=" * size, plain_words),
    "words: a list": (lambda size: ["a"] * size, plain_words),
    "words: nested": (lambda size: {"a": [{"b": "c" * size}] * 9}, plain_words),
    "redact: many keys": (lambda size: "a-key " * size, lambda text: redact(text, ["a-key", "b-key"])),
    "reply: entries": (lambda size: json.dumps([{"id": "a", "retryAfter": None}] * size).encode(), reply),
    "reply: blanks": (lambda size: b" " * (64 * size), reply),
    "reply: nested": (lambda size: b'{"details":' * min(size, 50_000) + b"1" + b"}" * min(size, 50_000), reply),
    "reply: digits": (lambda size: b'{"retryAfter":' + b"9" * min(4_000, size) + b"}", reply),
    "a list of exports": (exports, sweep),
    "retry-after: digits": (lambda size: {"retry-after": "9" * size}, lambda told: retry_at(told, None, NOW)),
    "retry-after: a date": (lambda size: {"retry-after": "Mon, " * size}, lambda told: retry_at(told, None, NOW)),
    "retry-after: blanks": (
        lambda size: {"retry-after": "1" + " " * size + "x"},
        lambda told: retry_at(told, None, NOW),
    ),
    "a coding of an answer": (lambda size: "gzip, " * size, lambda coding: undo(coding, b"{}", True, 1 << 20)),
    "link: blanks": (lambda size: "https://a.example/" + " " * size, parse_locator),
    "link: labels": (lambda size: "https://" + "a." * size + "example/", parse_locator),
    "link: percent signs": (lambda size: "https://a.example/" + "%" * size, parse_locator),
    "link: at signs": (lambda size: "https://" + "@" * size + "a.example/", parse_locator),
    "manifest: findings": (lambda size: manifest(findings=[FINDING] * size), read_manifest),
    "manifest: members": (lambda size: manifest(members=[MEMBER] * size), read_manifest),
    "manifest: escapes": (lambda size: manifest(ref="é" * size), read_manifest),
    "manifest: filters": (lambda size: manifest(filters=[["a", "b"]] * size), read_manifest),
    "log: lines": (chain, lambda lines: list(read_chain(lines))),
    "log: facts": (
        lambda size: format_line(Entry("a.b", NOW, facts={"list": ["a"] * size}), 1, "0" * 64),
        lambda line: read_line(1, line),
    ),
    "log: what is no line": (lambda size: b'{"a":' * size, lambda line: read_line(1, line)),
    "verifier: a log": (chain, whole_log),
    "verifier: one long line": (lambda size: [b'{"seq":1,"prev":"' + b"\\" * (64 * size)], whole_log),
    "note: signatures": (
        lambda size: SIGNER.sign("text\n") + "\u2014 other AAAAAAAA\n" * size,
        lambda note: open_note(note, SIGNER.verifier),
    ),
    "note: text": (lambda size: SIGNER.sign("text\n" * size), lambda note: open_note(note, SIGNER.verifier)),
    "identity file: lines": (lambda size: b"# a\n" * size, parse_identity_file),
    "identity file: one line": (lambda size: b"AGE-SECRET-KEY-1" + b"Q" * size, parse_identity_file),
    "age header: stanzas": (
        lambda size: b"age-encryption.org/v1\n" + b"-> a b\nAAAA\n" * size + b"--- " + b"A" * 43 + b"\n",
        parse_header,
    ),
    "age header: a line": (lambda size: b"age-encryption.org/v1\n-> " + b"a " * size + b"\n", parse_header),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_time_grows_with_what_is_read(name: str) -> None:
    make, read = CASES[name]

    def guarded(given: Any) -> None:
        with suppress(*REFUSED):
            read(given)

    assert_linear(make, guarded, size=250)


def test_the_table_reads_what_it_should() -> None:
    """Each reader is given something that it takes, so that the table does not measure refusals alone."""
    read_manifest(manifest(findings=[FINDING], members=[MEMBER]))
    assert len(list(read_chain(chain(3)))) == 3
    directory(zipped(str)(16))
    whole_log(chain(4))
    with pytest.raises(Unreadable):
        read_container(io.BytesIO(b"x"), CAPS)
