"""Export files that are not what they should be, each read back with the standard library."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from kit.sandbox_bench import Bench, unzip
from strongroom_sandbox.faults import ZIP_FILES


def archive(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def sees_bad_crc(content: bytes) -> None:
    assert archive(content).testzip() == "messages.json"


def sees_missing_member(content: bytes) -> None:
    assert archive(content).namelist() == ["activities.json", "metadata.json"]


def sees_encrypted(content: bytes) -> None:
    assert archive(content).getinfo("messages.json").flag_bits & 1
    with pytest.raises(RuntimeError, match="encrypted"):
        archive(content).read("messages.json")


def sees_duplicate(content: bytes) -> None:
    assert archive(content).namelist().count("messages.json") == 2


def sees_traversal(content: bytes) -> None:
    assert "../../outside.json" in archive(content).namelist()


def sees_bomb(content: bytes) -> None:
    info = archive(content).getinfo("messages.json")
    assert info.file_size > 32 << 20
    assert info.file_size / info.compress_size > 200
    assert json.loads(unzip(content)["messages.json"])


def sees_trailing(content: bytes) -> None:
    assert content.endswith(b"\0" * 1024)
    assert archive(content).testzip() is None


def sees_malformed(content: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(unzip(content)["messages.json"])


def sees_outside(content: bytes) -> None:
    times = [record["createdAt"] for record in json.loads(unzip(content)["messages.json"])]
    assert [text for text in times if not text.startswith("2026-11-10")] == ["2026-11-09T00:00:00.000Z"]


def sees_unknown_field(content: bytes) -> None:
    assert all(record["riskScore"] == 0.5 for record in json.loads(unzip(content)["messages.json"]))


def sees_vanished_field(content: bytes) -> None:
    records = json.loads(unzip(content)["messages.json"])
    assert records
    assert not any("status" in record for record in records)


def sees_no_records(content: bytes) -> None:
    files = unzip(content)
    assert json.loads(files["messages.json"]) == json.loads(files["activities.json"]) == []
    assert json.loads(files["metadata.json"])["recordCounts"] == {"messages": 0, "activities": 0}


def sees_no_metadata(content: bytes) -> None:
    assert archive(content).namelist() == ["messages.json", "activities.json"]


CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("bad-crc", {}, sees_bad_crc),
    ("missing-member", {}, sees_missing_member),
    ("encrypted-member", {}, sees_encrypted),
    ("duplicate-member", {}, sees_duplicate),
    ("traversal-name", {}, sees_traversal),
    ("zip-bomb", {"by": 32 << 20}, sees_bomb),
    ("trailing-bytes", {}, sees_trailing),
    ("malformed-json", {}, sees_malformed),
    ("outside-window", {}, sees_outside),
    ("unknown-field", {}, sees_unknown_field),
    ("vanished-field", {}, sees_vanished_field),
    ("no-records", {}, sees_no_records),
    ("missing-metadata", {}, sees_no_metadata),
]


def is_sound(content: bytes) -> bool:
    return archive(content).testzip() is None and archive(content).namelist() == [
        "messages.json", "activities.json", "metadata.json"
    ]  # fmt: skip


def test_every_file_fault_has_a_case() -> None:
    assert {kind for kind, _, _ in CASES} == set(ZIP_FILES)


@pytest.mark.parametrize(("kind", "settings", "check"), CASES)
def test_a_file_is_bad_for_good_when_it_was_created_so(
    bench: Bench, kind: str, settings: dict[str, Any], check: Any
) -> None:
    bench.sandbox.faults.add(kind, **settings)
    export = bench.completed("messages", "activities")
    for _ in range(2):
        content = bench.fetch(export["downloadUrl"]).content
        assert len(content) == export["fileSize"]
        check(content)
    assert is_sound(bench.fetch(bench.url("messages", "activities")).content)


@pytest.mark.parametrize(("kind", "settings", "check"), CASES)
def test_one_copy_is_bad_when_the_download_was_hit(
    bench: Bench, kind: str, settings: dict[str, Any], check: Any
) -> None:
    url = bench.url("messages", "activities")
    bench.sandbox.faults.add(kind, on="download", **settings)
    check(bench.fetch(url).content)
    assert is_sound(bench.fetch(url).content)


@pytest.mark.parametrize(
    ("kind", "member", "left"),
    [
        ("missing-member", "metadata.json", ["messages.json", "activities.json"]),
        ("missing-member", "activities.json", ["messages.json", "metadata.json"]),
        ("no-records", "activities.json", ["messages.json", "activities.json", "metadata.json"]),
        ("duplicate-member", "metadata.json", ["messages.json", "activities.json", "metadata.json", "metadata.json"]),
    ],
)
def test_a_fault_can_name_its_member(bench: Bench, kind: str, member: str, left: list[str]) -> None:
    bench.sandbox.faults.add(kind, member=member)
    assert archive(bench.fetch(bench.url("messages", "activities")).content).namelist() == left


@pytest.mark.parametrize("name", ["/etc/passwd", "..\\..\\boot.ini", "C:\\x", "a/../../b"])
def test_a_traversal_can_have_any_name(bench: Bench, name: str) -> None:
    bench.sandbox.faults.add("traversal-name", name=name)
    assert name in [info.orig_filename for info in archive(bench.fetch(bench.url()).content).infolist()]


def test_two_faults_spoil_one_file(bench: Bench) -> None:
    bench.sandbox.faults.add("unknown-field", name="mood")
    bench.sandbox.faults.add("missing-member", member="metadata.json")
    members = bench.members(bench.url())
    assert set(members) == {"messages.json"}
    assert json.loads(members["messages.json"])[0]["mood"] == 0.5
