"""Hostile, damaged and odd ZIPs: each is named for what it is, and none is believed."""

from __future__ import annotations

import dataclasses
import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.zip_cases import ACCEPTED, EMPTY_TEXT, GOOD, META, made, streamed, truth
from kit.zip_files import (
    CAPS,
    EXPECTED,
    Part,
    build_zip,
    codes,
    deflate,
    inspect_bytes,
    sound_zip,
)
from strongroom.formats import sink as document
from strongroom.formats.records import read_records
from strongroom.model.inspection import Caps, Severity

BOMB = b"[" + b" " * 20_000_000 + b"]"


FAULTS = {
    "empty": (b"", "not-a-zip"),
    "html": (b"\n <!DOCTYPE html><html>Sign in</html>", "not-a-zip"),
    "xml": (b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>", "not-a-zip"),
    "json": (b'{"error":"expired"}', "not-a-zip"),
    "gzip": (b"\x1f\x8b\x08\x00rest", "not-a-zip"),
    "noise": (bytes(range(256)) * 300, "not-a-zip"),
    "no end": (made(GOOD)[:-30], "zip-truncated"),
    "only local header": (b"PK\x03\x04", "zip-truncated"),
    "trailing": (made(GOOD, tail=b"more"), "zip-trailing-bytes"),
    "trailing newline": (made(GOOD, tail=b"\n"), "zip-trailing-bytes"),
    "a lot of trailing": (made(GOOD, tail=b"\0" * 70_000), "zip-truncated"),
    "two ends": (made(GOOD, comment=b"PK\x05\x06" + b"\0" * 18), "zip-ambiguous-end"),
    "multi disk": (made(GOOD, end={"disk": 1}), "zip-multi-disk"),
    "count differs": (made(GOOD, end={"here": 3}), "zip-multi-disk"),
    "count too high": (made(GOOD, end={"here": 3, "total": 3}), "zip-inconsistent"),
    "count too low": (made(GOOD, end={"here": 1, "total": 1}), "zip-inconsistent"),
    "directory moved": (made(GOOD, end={"offset": 5}), "zip-inconsistent"),
    "something in front": (b"#!/bin/sh\n" + made(GOOD), "zip-inconsistent"),
    "zip64 promised": (made(GOOD, end={"offset": 0xFFFFFFFF}), "zip-inconsistent"),
    "zip64 member promised": (made(Part(data=GOOD.data, size=0xFFFFFFFF)), "zip-inconsistent"),
    "encrypted": (made(Part(data=GOOD.data, flags=1)), "zip-encrypted"),
    "strongly encrypted": (made(Part(data=GOOD.data, flags=0x41)), "zip-encrypted"),
    "method": (made(Part(data=GOOD.data, method=12)), "zip-method"),
    "symlink": (made(GOOD, Part(name=b"link", data=b"/etc/passwd", mode=0o120777)), "zip-special-file"),
    "device": (made(GOOD, Part(name=b"dev", data=b"", mode=0o020666)), "zip-special-file"),
    "fat folder": (made(GOOD, Part(name=b"folder/", data=b"bytes")), "zip-inconsistent"),
    "duplicate": (made(GOOD, GOOD), "zip-duplicate"),
    "bad crc": (made(Part(data=GOOD.data, crc=1)), "zip-bad-crc"),
    "bad crc, stored": (made(Part(data=GOOD.data, crc=1, method=0)), "zip-bad-crc"),
    "size too small": (made(Part(data=GOOD.data, size=5)), "zip-bad-size"),
    "size too large": (made(Part(data=GOOD.data, size=5_000)), "zip-bad-size"),
    "stored sizes differ": (made(Part(data=GOOD.data, method=0, size=5)), "zip-inconsistent"),
    "bad deflate": (made(Part(data=GOOD.data, packed=b"\xff" * 40)), "zip-bad-deflate"),
    "deflate cut": (made(Part(data=GOOD.data, packed=deflate(GOOD.data)[:-3])), "zip-bad-deflate"),
    "deflate empty": (made(Part(data=GOOD.data, packed=b"")), "zip-bad-deflate"),
    "more deflate": (made(Part(data=GOOD.data, packed=deflate(GOOD.data) + b"hidden")), "zip-extra-data"),
    "more than a block": (made(Part(data=GOOD.data, packed=deflate(GOOD.data) + b"h" * 70_000)), "zip-extra-data"),
    "runs into directory": (made(META, Part(data=GOOD.data, compressed=60_000)), "zip-truncated"),
    "header outside": (made(Part(data=GOOD.data, header_at=1 << 30)), "zip-inconsistent"),
    "no header there": (made(GOOD, Part(name=b"x", data=b"x", header_at=3)), "zip-local-mismatch"),
    "local name": (made(Part(data=GOOD.data, local={"name": b"messages.jsom"})), "zip-local-mismatch"),
    "local method": (made(Part(data=GOOD.data, local={"method": 0})), "zip-local-mismatch"),
    "local size": (made(Part(data=GOOD.data, local={"size": 7})), "zip-local-mismatch"),
    "local compressed": (made(Part(data=GOOD.data, local={"compressed": 7})), "zip-local-mismatch"),
    "local crc": (made(Part(data=GOOD.data, local={"crc": 7})), "zip-local-mismatch"),
    "local encrypted": (made(Part(data=GOOD.data, local={"flags": 1})), "zip-local-mismatch"),
    "no descriptor": (made(streamed(b"")), "zip-local-mismatch"),
    "descriptor lies": (made(streamed(truth(Part(data=b"other")))), "zip-local-mismatch"),
    "overlap": (made(GOOD, Part(data=GOOD.data, name=b"messages.json", header_at=0)), "zip-overlap"),
    "bomb by declared ratio": (made(Part(data=BOMB)), "zip-bomb"),
    "no dataset": (build_zip([META]), "member-missing"),
    "no metadata": (build_zip([GOOD]), "metadata-missing"),
    "nothing in it": (build_zip([]), "member-missing"),
    "metadata no json": (build_zip([GOOD, Part(name=b"metadata.json", data=b"{'a':1}")]), "json-malformed"),
    "metadata cut": (build_zip([GOOD, Part(name=b"metadata.json", data=b'{"a":')]), "json-truncated"),
    "dataset no json": (made(Part(data=b"id,createdAt\n1,2")), "json-not-array"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "code"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_zip_is_refused_by_name(data: bytes, code: str) -> None:
    found = inspect_bytes(data)
    assert not found.sound
    assert code in codes(found.findings)


UNSAFE = [b"", b"../messages.json", b"a/../../b", b"a/./b", b"a//b", b"/etc/passwd", b"..", b"C:\\x", b"c:x", b"a\\b",
    b"\\\\host\\share", b"a\nb", b"a\0b", b"\x1b[2Jx", b"x" * 256]  # fmt: skip


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_is_refused_and_shown_printable(name: bytes) -> None:
    found = inspect_bytes(made(GOOD, Part(name=name, data=b"x")))
    (finding,) = [f for f in found.findings if f.code == "zip-name-unsafe"]
    assert finding.severity is Severity.FAULT
    assert (finding.message + finding.member).isprintable()
    assert len(finding.member) <= 100


@pytest.mark.parametrize("name", ["left\u202eright", b"not utf-8\xff"], ids=["bidi", "bytes"])
def test_an_invisible_or_undecodable_name_is_refused(name: str | bytes) -> None:
    raw = name.encode() if isinstance(name, str) else name
    assert "zip-name-unsafe" in codes(inspect_bytes(made(GOOD, Part(name=raw, data=b"x", flags=0x800))).findings)


def test_the_stranger_is_described() -> None:
    (finding,) = inspect_bytes(FAULTS["html"][0]).findings
    assert "HTML or XML page" in finding.message


def test_all_faults_of_one_file_are_found_in_one_reading() -> None:
    parts = [GOOD, Part(name=b"../x", data=b"x"), Part(name=b"y", data=b"y", flags=1), Part(name=b"z", crc=9)]
    found = inspect_bytes(build_zip(parts, tail=b"!"))
    expected = {"zip-trailing-bytes", "zip-name-unsafe", "zip-encrypted", "zip-bad-crc", "metadata-missing"}
    assert codes(found.findings) == expected
    assert found.records == 2


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
def test_an_odd_but_sound_zip_is_accepted(data: bytes) -> None:
    found = inspect_bytes(data)
    assert found.sound, found.findings
    assert found.records in (0, 2)


def test_oddities_are_told_without_refusing() -> None:
    notes = {name: inspect_bytes(ACCEPTED[name]).findings for name in ACCEPTED}
    assert codes(notes["comment"], Severity.NOTE) == {"zip-comment"}
    assert codes(notes["folder entry"], Severity.NOTE) == {"zip-folder"}
    assert codes(notes["gap"], Severity.NOTE) == {"zip-unaccounted-bytes"}
    assert codes(notes["unexpected member"], Severity.WARNING) == {"member-unexpected"}
    assert codes(notes["names differ by case"], Severity.WARNING) == {"zip-duplicate-case", "member-unexpected"}


def zip64(part: Part) -> bytes:
    """A ZIP whose member and end record keep all their numbers in ZIP64 fields."""
    packed = deflate(part.data)
    full = 0xFFFFFFFF
    wide = struct.pack("<2H2Q", 1, 16, len(part.data), len(packed))
    central = struct.pack("<2H3Q", 1, 24, len(part.data), len(packed), 0)
    lying = Part(data=part.data, size=full, compressed=full, header_at=full, extra=central, local_extra=wide)
    plain = build_zip([lying, META])
    size, offset = struct.unpack_from("<2L", plain, len(plain) - 10)
    body = plain[:-22]
    record64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(body), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, full, full, 0)
    return body + record64 + locator + end


def test_zip64_is_read() -> None:
    found = inspect_bytes(zip64(GOOD))
    assert found.sound, found.findings
    assert found.records == 2


@pytest.mark.parametrize(("needle", "patch"), [
    (b"PK\x06\x06", b"PK\x06\x00"),
    (b"PK\x06\x06", b"PK\x06\x06\x00"),
    (b"PK\x06\x07", b"PK\x06\x07\x01"),
    (b"PK\x06\x07", b"PK\x06\x07\0\0\0\0\xff\xff\xff"),
    (b"PK\x05\x06", b"PK\x05\x06\0\0\0\0\x05\0"),
])  # fmt: skip
def test_a_zip64_end_that_contradicts_itself_is_refused(needle: bytes, patch: bytes) -> None:
    data = zip64(GOOD)
    at = data.rfind(needle)
    found = inspect_bytes(data[:at] + patch + data[at + len(patch) :])
    assert codes(found.findings) & {"zip-inconsistent", "zip-multi-disk"}


def test_what_zipfile_streams_into_a_pipe_is_read() -> None:
    class Unseekable(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, piece: object) -> int:
            self.data += bytes(piece)  # type: ignore[call-overload]
            return len(piece)  # type: ignore[arg-type]

    pipe = Unseekable()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("messages.json", "metadata.json"):
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(GOOD.data)
    found = inspect_bytes(pipe.data)
    assert found.sound, found.findings
    assert found.records == 2


def test_caps_on_the_directory() -> None:
    data = made(GOOD, *[Part(name=b"f%d" % n, data=b"") for n in range(20)])
    assert codes(inspect_bytes(data, caps=Caps(max_members=21)).findings) == {"zip-too-many-members"}
    assert codes(inspect_bytes(data, caps=Caps(max_directory=900)).findings) == {"zip-directory-too-large"}
    assert codes(inspect_bytes(data, caps=Caps(max_total=len(GOOD.data))).findings) == {"zip-bomb"}
    assert codes(inspect_bytes(data, caps=Caps(max_name=12)).findings) == {"zip-name-unsafe"}
    assert inspect_bytes(data, caps=Caps(max_members=22)).sound


def test_a_bomb_that_lies_about_its_size_is_stopped_at_that_size() -> None:
    found = inspect_bytes(made(Part(data=BOMB, size=1_000_000)))
    assert "zip-bad-size" in codes(found.findings)
    assert found.members[0].size <= 1_000_000


def test_the_ratio_is_judged_while_inflating() -> None:
    caps = Caps(max_ratio=20, ratio_floor=100_000)
    part = Part(data=EMPTY_TEXT * 100, packed=deflate(EMPTY_TEXT * 100) + b"\0" * 400_000)
    found = inspect_bytes(made(part), caps=caps)
    assert "zip-bomb" in codes(found.findings)
    assert found.members[0].size < len(part.data)


def test_findings_are_capped_and_a_capped_fault_still_refuses() -> None:
    parts = [GOOD, *[Part(name=b"extra%d" % n, data=b"") for n in range(30)], Part(name=b"z", crc=1, data=b"z")]
    found = inspect_bytes(made(*parts), caps=Caps(max_findings=5))
    assert len(found.findings) == 6
    assert found.findings[-1].code == "findings-omitted"
    assert not found.sound


def test_metadata_past_the_cap_is_refused_in_bounded_memory() -> None:
    data = build_zip([GOOD, Part(name=b"metadata.json", data=b'"' + b"x" * 300_000 + b'"')])
    assert codes(inspect_bytes(data, caps=Caps(max_record=200_000)).findings) == {"json-record-too-large"}


SOUND = sound_zip(40)


@pytest.mark.parametrize("cut", [*range(0, len(SOUND), 7), len(SOUND) - 1])
def test_a_truncated_zip_is_always_refused(cut: int) -> None:
    assert not inspect_bytes(SOUND[:cut]).sound


@given(place=st.integers(0, len(SOUND) - 1), mask=st.integers(1, 255))
@settings(max_examples=400, deadline=None)
def test_a_flipped_byte_never_changes_what_is_believed(place: int, mask: int) -> None:
    broken = bytearray(SOUND)
    broken[place] ^= mask
    found = inspect_bytes(bytes(broken))
    assert not found.sound or found.members == inspect_bytes(SOUND).members


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_noise_never_raises(noise: bytes) -> None:
    assert not inspect_bytes(noise).sound
    assert not inspect_bytes(b"PK\x03\x04" + noise + SOUND[-22:]).sound


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=12))
@settings(max_examples=200, deadline=None)
def test_many_changed_bytes_never_raise(changes: list[tuple[int, int]]) -> None:
    broken = bytearray(SOUND)
    for place, value in changes:
        broken[place] = value
    inspect_bytes(bytes(broken), EXPECTED, CAPS)


@pytest.mark.parametrize(("told", "code", "severity"), [
    (b'{"recordCounts": {"messages": 0}}', "member-left-out", Severity.NOTE),
    (b'{"messages": 0}', "member-left-out", Severity.NOTE),
    (b'{"dataTypes": {"messages": {"count": 0}}}', "member-left-out", Severity.NOTE),
    (b'{"recordCounts": {"messages": 2}}', "member-missing", Severity.FAULT),
    (b'{"recordCounts": {"messages": "0"}}', "member-missing", Severity.FAULT),
    (b'{"recordCounts": {"messages": false}}', "member-missing", Severity.FAULT),
    (b'{"a": {"messages": 0}, "b": {"messages": 1}}', "member-missing", Severity.FAULT),
    (b'{"recordCounts": {"activities": 0}}', "member-missing", Severity.FAULT),
    (b"[0]", "member-missing", Severity.FAULT),
])  # fmt: skip
def test_a_file_may_be_left_out_where_metadata_says_no_records(told: bytes, code: str, severity: Severity) -> None:
    data = build_zip([Part(name=b"metadata.json", data=told)])
    found = inspect_bytes(data)
    assert [(each.code, each.severity) for each in found.findings] == [(code, severity)]
    assert list(read_records(io.BytesIO(data), EXPECTED.datasets[0], CAPS)) == []


@pytest.mark.parametrize(("count", "severity"), [(1, Severity.WARNING), (2, None), (3, Severity.FAULT)])
def test_the_counts_of_metadata_are_compared(count: int, severity: Severity | None) -> None:
    told = b'{"recordCounts": {"messages": %d}}' % count
    found = inspect_bytes(build_zip([GOOD, Part(name=b"metadata.json", data=told)]))
    assert [each.severity for each in found.findings if each.code == "metadata-mismatch"] == [severity] * (count != 2)


@pytest.mark.parametrize(("parts", "code"), [([GOOD], "metadata-missing"), ([META], "member-missing")])
def test_what_a_zip_lacks_can_be_accepted(parts: list[Part], code: str) -> None:
    data = build_zip(parts)
    assert codes(inspect_bytes(data).findings) == {code}
    found = inspect_bytes(data, replace(EXPECTED, accepts=(code,)))
    assert (found.sound, codes(found.findings, Severity.WARNING)) == (True, {code})


def test_no_cut_of_a_zip_is_believed() -> None:
    data = sound_zip(6)
    assert inspect_bytes(data).sound
    assert [cut for cut in range(len(data)) if inspect_bytes(data[:cut]).sound] == []


def test_a_bomb_is_told_with_no_more_bytes_than_it_has() -> None:
    size = 5000
    part = Part(data=b"[" + b" " * (size - 2) + b"]", size=100)  # the declared ratio is none of a bomb
    found = inspect_bytes(made(part), caps=Caps(max_ratio=20, ratio_floor=1000))
    words = "; ".join(each.message for each in found.findings)
    assert f"inflate to more than {size - 1:,}, over 20 times as many" in words


@pytest.mark.parametrize(("text", "sound"), [(b'{"n": 1}', True), (b'{"n": 1', False), (b'{"n": 1} 2', False)])
@pytest.mark.parametrize("most", [4, 1 << 20])
def test_a_large_metadata_file_must_be_json_like_a_small_one(
    monkeypatch: pytest.MonkeyPatch, most: int, text: bytes, sound: bool
) -> None:
    monkeypatch.setattr(document, "MAX_BYTES", most)
    found = inspect_bytes(build_zip([GOOD, dataclasses.replace(META, data=text)]))
    assert [each.member for each in found.findings if each.severity is Severity.FAULT] == ["metadata.json"] * (
        not sound
    )
