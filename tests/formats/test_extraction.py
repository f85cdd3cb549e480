"""Extraction writes all members or none, only below its folder, and reading gives each record once."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest

from kit.zip_files import CAPS, MESSAGES, Part, build_zip, dump, record, sound_zip
from strongroom.formats.extract import extract_container
from strongroom.formats.plaintext import FindingLog, Unreadable, printable
from strongroom.formats.records import read_records
from strongroom.model.errors import StrongroomError, UsageError, WorldError
from strongroom.model.inspection import Severity


def extract(data: bytes, target: Path) -> list[Path]:
    return extract_container(io.BytesIO(data), target, CAPS)


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_members_come_out_as_they_went_in_and_private(tmp_path: Path) -> None:
    target = tmp_path / "out"
    files = extract(build_zip([Part(data=dump([record(1)])), Part(name=b"a/b/c.json", data=b"{}", method=0),
        Part(name=b"a/", data=b"", method=0), Part(name=b"d/", data=b"", method=0)]), target)  # fmt: skip
    assert files == [target / "messages.json", target / "a/b/c.json"]
    assert files[0].read_bytes() == dump([record(1)])
    assert files[1].read_bytes() == b"{}"
    assert everything(target) == {"messages.json", "a", "a/b", "a/b/c.json", "d"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (target, target / "a", target / "d")} == {0o700}


def test_an_existing_empty_folder_is_used(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    assert len(extract(sound_zip(), target)) == 2


def test_a_target_that_holds_something_or_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "messages.json").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    before = everything(tmp_path)
    for name in ("full", "link", "file"):
        with pytest.raises(UsageError):
            extract(sound_zip(), tmp_path / name)
    with pytest.raises(WorldError):
        extract(sound_zip(), tmp_path / "not" / "there")
    assert everything(tmp_path) == before
    assert (tmp_path / "full" / "messages.json").read_text() == "mine"


REFUSED = {
    "traversal": [Part(), Part(name=b"../evil", data=b"x")],
    "absolute": [Part(), Part(name=b"/tmp/evil", data=b"x")],
    "symlink": [Part(), Part(name=b"link", data=b"/tmp", mode=0o120777), Part(name=b"link/evil", data=b"x")],
    "duplicate": [Part(), Part()],
    "encrypted": [Part(flags=1)],
    "late bad crc": [Part(), Part(name=b"a/b/late", data=b"x" * 700_000, crc=3, method=0)],
    "late bad deflate": [Part(), Part(name=b"a/b/late", data=b"x" * 9, packed=b"\xff" * 9)],
    "late wrong size": [Part(), Part(name=b"late", data=b"x" * 9, size=99)],
    "file and folder": [Part(name=b"a", data=b"x"), Part(name=b"a/b", data=b"x")],
    "folder and file": [Part(name=b"a/b", data=b"x"), Part(name=b"a", data=b"x")],
}


@pytest.mark.parametrize("into", ["new", "existing"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_zip_leaves_nothing(name: str, into: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    if into == "existing":
        target.mkdir()
    with pytest.raises(StrongroomError):
        extract(build_zip(REFUSED[name]), target)
    assert everything(tmp_path) == ({"out"} if into == "existing" else set())


def test_a_reader_that_fails_leaves_nothing(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        reads = 0

        def readinto(self, buffer: object) -> int:
            self.reads += 1
            if self.reads > 12:
                raise KeyboardInterrupt
            return super().readinto(buffer)  # type: ignore[arg-type]

    many = build_zip([Part(name=b"f%d" % n, data=os.urandom(50)) for n in range(9)])
    for limit in range(12):
        source = Failing(many)
        source.reads = limit - 12
        with pytest.raises(KeyboardInterrupt):
            extract_container(source, tmp_path / "out", CAPS)
        assert everything(tmp_path) == set()


def test_someone_elses_file_is_never_overwritten_nor_removed(tmp_path: Path) -> None:
    target = tmp_path / "out"

    class Meddling(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            if target.exists() and not (target / "metadata.json").exists():
                (target / "metadata.json").write_text("theirs")
            return super().readinto(buffer)  # type: ignore[arg-type]

    with pytest.raises(WorldError):
        extract_container(Meddling(sound_zip()), target, CAPS)
    assert everything(target) == {"metadata.json"}
    assert (target / "metadata.json").read_text() == "theirs"


def test_records_are_read_once_each_in_order() -> None:
    items = [
        record(1),
        record(2),
        record(1, text="again"),
        {"text": "no id"},
        {"text": "no id"},
        {"id": None},
        {"id": 7},
    ]
    data = build_zip([Part(data=dump([*items, {"id": 7}, {"id": True}, {"id": True}]))])
    read = list(read_records(io.BytesIO(data), MESSAGES, CAPS))
    assert read == [items[0], items[1], *items[3:], {"id": True}, {"id": True}]


def test_records_are_read_once_across_containers() -> None:
    seen: set[str | int] = set()
    first = list(read_records(io.BytesIO(sound_zip(300)), MESSAGES, CAPS, seen=seen))
    second = list(read_records(io.BytesIO(sound_zip(400)), MESSAGES, CAPS, seen=seen))
    assert [item["id"] for item in first + second] == [f"m{n}" for n in range(400)]
    assert len(seen) == 400


def test_reading_streams_and_keeps_what_only_the_slow_reader_accepts() -> None:
    items = [record(n, text="y" * 900) for n in range(1_000)]
    text = dump(items)[:-1] + b',{"id":"s","text":"\\ud800","n":123456789012345678901234567890}]'
    read = list(read_records(io.BytesIO(build_zip([Part(data=text)])), MESSAGES, CAPS))
    assert read[:-1] == items
    assert read[-1] == {"id": "s", "text": "\ud800", "n": 123456789012345678901234567890}


@pytest.mark.parametrize("parts", [
    [Part(flags=1)], [Part(), Part()], [Part(data=b"[1]")], [Part(data=b"{}")],
    [Part(data=b'[{"id":1}')], [Part(crc=4)],
])  # fmt: skip
def test_reading_an_unsound_member_raises(parts: list[Part]) -> None:
    with pytest.raises(Unreadable):
        list(read_records(io.BytesIO(build_zip(parts)), MESSAGES, CAPS))


def test_a_member_that_was_left_out_has_no_records() -> None:
    data = build_zip([Part(name=b"other.json")])  # inspection judges whether it may be left out
    assert list(read_records(io.BytesIO(data), MESSAGES, CAPS)) == []


def test_printable_words() -> None:
    assert printable("a\nb\x1b\u202e\udcff") == "a\\nb\\x1b\\u202e\\udcff"
    assert printable("x" * 300) == "x" * 99 + "…"
    assert printable("naïve 你好") == "naïve 你好"


def test_the_log_remembers_the_worst_of_what_it_left_out() -> None:
    log = FindingLog(1)
    for severity in (Severity.NOTE, Severity.FAULT, Severity.WARNING):
        log.add(severity, "x", "y")
    kept, rest = log.close()
    assert (kept.severity, rest.severity, rest.code) == (Severity.NOTE, Severity.FAULT, "findings-omitted")
    assert rest.message.startswith("2 more")
