"""Packages that a forger made to look whole: what is in them must be the events' own, all of it, and no more."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kit.evidence_chain import AT, PERSON, Keep, codes, copy_keep, hand_to, make_keep, run_alone, sum_anew
from strongroom.engine.proof import package as handover
from strongroom.engine.retention.holds import place
from strongroom.evidence.line import Entry
from strongroom.model.errors import VaultError
from strongroom.model.hold import HoldRule
from strongroom.vault.log import add_entry

STRAY = "01m7aaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    """Give a vault whose first archive had its key sealed anew, under a hold, and a package of all of it."""
    keep = make_keep(tmp_path_factory.mktemp("keep") / "here")
    archive = keep.archives[0]
    key = keep.place("keys", archive)
    shutil.copy(key, keep.base / "former.key.age")
    key.write_bytes(key.read_bytes() + b"\n")  # stands for another sealing: what it says does not matter here
    facts = {"key_sha256": hashlib.sha256(key.read_bytes()).hexdigest()}
    with keep.opened() as vault:
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("key.resealed", AT, archive=archive, facts=facts))
        vault.write_log()
        rule = HoldRule(archives=(archive,))
        place(vault, "Doe v. Roe", rule, PERSON, "a letter", AT + timedelta(days=1), os.urandom)
    hand_to(keep, keep.base / "package")
    return keep


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    return copy_keep(untouched, tmp_path / "here")


def checked(keep: Keep) -> list[str]:
    package = keep.base / "package"
    return codes(run_alone(package / "strongroom-verify.py", package, "--key", keep.key))


def first(keep: Keep) -> Path:
    return keep.base / "package" / "archives" / keep.archives[0]


def edit(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_the_untouched_one_is_sound_and_tells_what_happened(keep: Keep) -> None:
    package = keep.base / "package"
    told = run_alone(package / "strongroom-verify.py", package, "--key", keep.key)
    assert codes(told) == []
    kinds = [
        json.loads(event["line"])["kind"] for event in json.loads((first(keep) / "custody.json").read_text())["events"]
    ]
    assert kinds == ["job.proven", "key.resealed", "hold.placed"]
    for kind in kinds:
        assert f"{AT:%Y-%m}" in told.stdout
        assert kind in told.stdout
    assert "NOT PROVEN  the words of README.txt and custody.txt" in told.stdout


def rewrite_custody_text(keep: Keep) -> None:
    path = first(keep) / "custody.txt"
    path.write_text(path.read_text().replace("hold.placed", "hold.broken"))


def add_custody_line(keep: Keep) -> None:
    path = first(keep) / "custody.txt"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:-3], "     99  2026-03-09T00:00:00.000000Z   archive.cleared  ", *lines[-3:]]))


def drop_custody_line(keep: Keep) -> None:
    path = first(keep) / "custody.txt"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:7], *lines[8:]]))


def turn_custody_line(keep: Keep) -> None:
    path = first(keep) / "custody.txt"
    path.write_text(path.read_text().replace("hold.placed", "hold.placed \x1b[2K\r"))


def add_folder(keep: Keep) -> None:
    shutil.copytree(first(keep), keep.base / "package" / "archives" / STRAY)


def add_empty_folder(keep: Keep) -> None:
    (keep.base / "package" / "archives" / STRAY).mkdir()


def add_file(keep: Keep) -> None:
    (first(keep) / "statement.txt").write_text("all is well\n")


def add_link(keep: Keep) -> None:
    (first(keep) / "custody.txt").rename(keep.base / "custody.txt")
    (first(keep) / "custody.txt").symlink_to(keep.base / "custody.txt")


def list_nothing(keep: Keep) -> None:
    edit(keep.base / "package" / "package.json", lambda document: document.update(archives=[]))
    shutil.rmtree(keep.base / "package" / "archives")


def lead_outside(keep: Keep) -> None:
    change = [{"id": "../archives/" + keep.archives[0], "stream": "x", "events": 3}]
    edit(keep.base / "package" / "package.json", lambda document: document.update(archives=change))


def reorder(keep: Keep) -> None:
    """Put the event of the former key last, and the former key back: the newest digest would be the former one."""
    edit(first(keep) / "custody.json", lambda document: document["events"].reverse())  # type: ignore[attr-defined]
    shutil.copy(keep.base / "former.key.age", first(keep) / "key.age")


def put_former_key_back(keep: Keep) -> None:
    shutil.copy(keep.base / "former.key.age", first(keep) / "key.age")


def tell_twice(keep: Keep) -> None:
    def change(document: dict[str, object]) -> None:
        events = document["events"]
        assert isinstance(events, list)
        document["events"] = [*events, events[-1]]

    edit(first(keep) / "custody.json", change)


def cut_to_the_last(keep: Keep) -> None:
    edit(first(keep) / "custody.json", lambda document: document.update(events=document["events"][-1:]))  # type: ignore[index]


def cut_the_end(keep: Keep) -> None:
    edit(first(keep) / "custody.json", lambda document: document.update(events=document["events"][:1]))  # type: ignore[index]
    shutil.copy(keep.base / "former.key.age", first(keep) / "key.age")


TABLE: list[tuple[Callable[[Keep], None], list[str]]] = [
    (rewrite_custody_text, ["custody"]),
    (add_custody_line, ["custody"]),
    (drop_custody_line, ["custody"]),
    (turn_custody_line, ["custody"]),
    (add_folder, ["stray"] * 6),
    (add_empty_folder, ["stray"]),
    (add_file, ["stray"]),
    (add_link, ["stray", "missing", "missing"]),  # nothing is read through a link
    (list_nothing, ["archives"]),
    (lead_outside, ["archives"]),
    (reorder, ["order"]),
    (put_former_key_back, ["key"]),
    (tell_twice, ["order"]),
    (cut_to_the_last, ["cut"]),
    (cut_the_end, ["cut"]),
]


@pytest.mark.parametrize(("attack", "expected"), TABLE, ids=[attack.__name__ for attack, _expected in TABLE])
def test_a_forged_package_is_found(attack: Callable[[Keep], None], expected: list[str], keep: Keep) -> None:
    attack(keep)
    sum_anew(keep.base / "package")
    assert checked(keep) == expected


def test_a_custody_that_was_cut_everywhere_is_told_as_not_proven(keep: Keep) -> None:
    package = keep.base / "package"
    cut_the_end(keep)
    edit(package / "package.json", lambda document: document["archives"][0].update(events=1))  # type: ignore[index]
    path = first(keep) / "custody.txt"
    lines = path.read_text().split("\n")
    head = next(place for place, line in enumerate(lines) if line.startswith("Entry ")) + 1
    path.write_text("\n".join([*lines[: head + 1], *lines[-3:]]))
    sum_anew(package)
    told = run_alone(package / "strongroom-verify.py", package, "--key", keep.key)
    assert codes(told) == []  # no package can show it; so the program says that it does not
    assert "NOT PROVEN  that no event of an archive was left out, such as a newer key or hold" in told.stdout


def test_no_word_of_a_package_steers_the_terminal_or_passes_for_a_line_of_the_program(keep: Keep) -> None:
    package, word = keep.base / "package", "x\x1b[2K\rPROVEN\nnothing is wrong"
    edit(package / "package.json", lambda document: document.update(archives=[{"id": word, "events": 1}]))
    (package / "archives" / word).mkdir()
    (package / f"\u202e{word}").write_text("")
    told = run_alone(package / "strongroom-verify.py", package, "--key", keep.key)
    assert told.returncode == 1
    edit(package / "package.json", lambda document: document.update(archives=[{"id": keep.archives[0], "events": 3}]))
    again = run_alone(package / "strongroom-verify.py", package, "--key", keep.key)
    assert again.returncode == 1
    for text in (told.stdout, again.stdout):
        assert text.isascii()
        assert text.replace("\n", "").isprintable()
        assert not any(line.startswith(("nothing", "PROVEN\\n")) for line in text.splitlines())
    assert "\\x1b[2K" in again.stdout


def test_sums_are_compared_where_they_are(keep: Keep) -> None:
    sums = keep.base / "package" / "SHA256SUMS"
    text = sums.read_text()
    sums.write_text(text.replace("README.txt", "READYOU.txt"))
    assert checked(keep) == ["sums", "sums"]
    sums.unlink()
    assert checked(keep) == ["missing"]


@pytest.mark.parametrize("name", ["README.txt", "SHA256SUMS", "key.age"])
def test_a_package_without_one_of_its_files_is_named(keep: Keep, name: str) -> None:
    path = first(keep) / name if name == "key.age" else keep.base / "package" / name
    path.unlink()
    assert "missing" in checked(keep)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes there")
def test_a_pipe_is_refused_and_not_waited_for(keep: Keep) -> None:
    path = first(keep) / "payload.age"
    path.unlink()
    os.mkfifo(path)
    assert set(checked(keep)) == {"stray", "sums", "form"}


# Before it is handed over.


@pytest.mark.parametrize(
    ("room", "change"),
    [
        ("manifests", lambda data: data.replace(b'"records"', b'"Records"', 1)),
        ("keys", lambda data: data + b"?"),
    ],
)
def test_what_is_not_as_the_log_tells_is_not_handed_over(
    room: str, change: Callable[[bytes], bytes], keep: Keep, tmp_path: Path
) -> None:
    path = keep.place(room, keep.archives[1])
    before = path.read_bytes()
    assert change(before) != before
    path.write_bytes(change(before))
    with pytest.raises(VaultError, match="not the one recorded in the log") as refused:
        hand_to(keep, tmp_path / "other")
    assert refused.value.exit_code == 4
    assert [each.name for each in tmp_path.iterdir()] == ["here"]


def test_the_key_file_of_another_archive_or_a_former_one_is_not_handed_over(keep: Keep, tmp_path: Path) -> None:
    one, other = (keep.place("keys", each) for each in keep.archives[:2])
    one.write_bytes(other.read_bytes())
    with pytest.raises(VaultError, match="not the one recorded in the log"):
        hand_to(keep, tmp_path / "other")
    shutil.copy(keep.base / "former.key.age", one)
    with pytest.raises(VaultError, match="not the one recorded in the log"):
        hand_to(keep, tmp_path / "other")


def test_a_package_that_its_recipient_would_refuse_never_gets_its_name(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "write_custody", lambda *_given: "nothing happened\n")
    before = keep.log.read_bytes().count(b"handover.made")
    with pytest.raises(VaultError, match="the verifier rejects the package"):
        hand_to(keep, tmp_path / "other")
    assert [each.name for each in tmp_path.iterdir()] == ["here"]
    assert keep.log.read_bytes().count(b"handover.made") == before
