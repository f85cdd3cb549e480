"""Bundles: several delivered files in one stored ZIP, each byte for byte, each read by its kind."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.bundle_cases import CALLS, FILES, HELD, MESSAGES, bundle
from strongroom.formats.bundle import Bundle, name_members
from strongroom.formats.extract import extract_container
from strongroom.formats.inspect import inspect_container
from strongroom.formats.records import read_records
from strongroom.formats.sink import InlineSink
from strongroom.model.inspection import Caps, Expectation, Inspection
from strongroom.model.provider import Container
from strongroom.model.window import Window

DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
EXPECTED = Expectation(DAY, (MESSAGES, CALLS), container=Container.BUNDLE, files=HELD)


def test_a_bundle_that_breaks_off_writes_nothing_more() -> None:
    taken: list[bytes] = []
    with pytest.raises(OSError, match="broken"), Bundle(taken.append) as writer:
        writer.begin("a.csv")
        writer.write(b"id,at")
        count = len(taken)
        raise OSError("broken")
    assert len(taken) == count
    with pytest.raises(ValueError, match="has begun"):
        writer.write(b"more")


def inspect(data: bytes, expectation: Expectation = EXPECTED) -> Inspection:
    return inspect_container(io.BytesIO(data), expectation, Caps(), InlineSink(expectation, Caps()))


def test_every_file_is_stored_as_it_came_and_any_reader_opens_it() -> None:
    with zipfile.ZipFile(io.BytesIO(bundle(FILES))) as whole:
        assert {info.filename: whole.read(info) for info in whole.infolist()} == FILES
        assert {info.compress_type for info in whole.infolist()} == {zipfile.ZIP_STORED}
        assert {info.date_time[0] for info in whole.infolist()} == {1980}
    data = bundle(FILES)
    assert all(content in data for content in FILES.values())
    assert bundle(FILES, 7) == data


@pytest.mark.skipif(not shutil.which("unzip"), reason="unzip is not installed")
def test_stock_unzip_opens_it(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(bundle(FILES))
    subprocess.run(["unzip", "-tq", tmp_path / "b.zip"], check=True, capture_output=True)
    subprocess.run(["unzip", "-q", tmp_path / "b.zip", "-d", tmp_path / "out"], check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == FILES


@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=3000), max_size=6), st.integers(1, 1000))
def test_any_files_pass_the_strict_reader_and_come_out_again(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], step: int
) -> None:
    files = {f"f{number}.bin": content for number, content in enumerate(contents)}
    data = bundle(files, step)
    found = inspect(data, replace(EXPECTED, files=()))
    assert {finding.code for finding in found.findings} <= {"member-unexpected"}
    target = tmp_path_factory.mktemp("bundle") / "out"
    extract_container(io.BytesIO(data), target, Caps())
    assert {path.name: path.read_bytes() for path in target.iterdir()} == files


def test_each_file_is_read_by_its_kind() -> None:
    found = inspect(bundle(FILES))
    assert found.sound, found.findings
    assert found.findings == ()
    told = [(each.member, each.dataset, each.records, bool(each.dialect)) for each in found.members]
    assert told == [("a.csv", "messages", 1, True), ("b.ndjson", "messages", 3, False), ("c.json", "calls", 2, False)]


def test_the_files_of_a_dataset_are_read_one_after_another_and_doubles_once() -> None:
    data = io.BytesIO(bundle(FILES))
    read = [each["id"] for each in read_records(data, MESSAGES, Caps(), container=Container.BUNDLE, files=HELD)]
    assert read == ["m1", "m2", "m3"]
    assert [each["id"] for each in read_records(data, CALLS, Caps(), container=Container.BUNDLE, files=HELD)] == [
        "c1",
        "c2",
    ]


def test_an_export_without_any_file_is_an_empty_bundle() -> None:
    found = inspect(bundle({}), replace(EXPECTED, files=()))
    assert (found.sound, found.records, found.findings) == (True, 0, ())


@pytest.mark.parametrize(
    ("files", "code", "member"),
    [
        ({**FILES, "b.ndjson": FILES["b.ndjson"][:-40]}, "json-malformed", "b.ndjson"),
        ({**FILES, "b.ndjson": FILES["b.ndjson"] * 2}, "rows-mismatch", "b.ndjson"),
        ({**FILES, "a.csv": FILES["a.csv"][:-4]}, "csv-open-quote", "a.csv"),
        ({**FILES, "c.json": b'{"error": "denied"}'}, "json-not-array", "c.json"),
        ({name: FILES[name] for name in ("a.csv", "c.json")}, "member-missing", "b.ndjson"),
    ],
)
def test_one_unsound_file_refuses_the_bundle(files: dict[str, bytes], code: str, member: str) -> None:
    found = inspect(bundle(files))
    assert not found.sound
    faults = [finding for finding in found.findings if finding.severity == "fault"]
    assert [finding.member for finding in faults] == [member]
    assert code in faults[0].code or code.startswith("csv")


@pytest.mark.parametrize("what", [b"quoted", b'"id": "m2"', b"PK\x07\x08", b"PK\x01\x02", b"PK\x05\x06", b"c.json"])
def test_a_damaged_bundle_is_refused(what: bytes) -> None:
    data = bytearray(bundle(FILES))
    data[data.index(what)] ^= 0xFF
    assert not inspect(bytes(data)).sound


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["a.csv", "b.csv"], ["a.csv", "b.csv"]),
        (["x.csv", "X.csv"], ["0001-x.csv", "0002-X.csv"]),
        (["../../etc/passwd"], [".._.._etc_passwd"]),
        (["a/b\\c\n.csv"], ["a_b_c_.csv"]),
        ([".."], ["0001-.."]),
        ([""], ["0001-"]),
        ([], []),
    ],
)
def test_members_have_safe_and_different_names(names: list[str], safe: list[str]) -> None:
    assert name_members(names) == safe
