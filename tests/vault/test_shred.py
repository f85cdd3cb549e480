"""Destroying files: in what order, what else is found, and what is believed when the disk refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.vault_objects import id_number
from strongroom.model.errors import WorldError
from strongroom.vault.layout import Layout
from strongroom.vault.shred import copies_of, discard, put_in_place_of, shred

NAME, OTHER = id_number(1), id_number(2)


class Calls:
    """Notes what is asked of the system, and lets one call fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail: str = "") -> None:
        self.made: list[str] = []
        for name in ("fsync", "write", "unlink"):
            monkeypatch.setattr(os, name, self._noting(name, getattr(os, name), fail))

    def _noting(self, name: str, real: object, fail: str) -> object:
        def call(*args: object, **named: object) -> object:
            kind = name
            if name == "fsync":
                kind = "fsync folder" if Path(f"/proc/self/fd/{args[0]}").is_dir() else "fsync file"
            self.made.append(kind)
            if kind == fail:
                raise OSError(errno.EIO, "input/output error")
            return real(*args, **named)  # type: ignore[operator]

        return call


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path)
    for folder in layout.folders:
        folder.mkdir(parents=True, exist_ok=True)
    (layout.root / "keys" / NAME[-2:]).mkdir()
    yield layout


def test_overwritten_and_flushed_before_it_loses_its_name(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = layout.key(NAME), layout.root / "other-name"
    path.write_bytes(b"secret" * 100)
    other.hardlink_to(path)
    calls = Calls(monkeypatch)
    assert shred(path)
    assert calls.made == ["write", "fsync file", "unlink", "fsync folder"]
    assert other.read_bytes() == bytes(600)
    assert not shred(path)


@pytest.mark.parametrize("fail", ["write", "fsync file", "unlink", "fsync folder"])
def test_a_disk_that_refuses_is_told_and_can_be_asked_again(layout: Layout, fail: str) -> None:
    path = layout.key(NAME)
    path.write_bytes(b"secret")
    with pytest.MonkeyPatch.context() as monkeypatch:
        Calls(monkeypatch, fail)
        with pytest.raises(WorldError, match="disk reports an error"):
            shred(path)
    assert path.exists() is (fail != "fsync folder")
    shred(path)
    assert not path.exists()


def test_a_link_is_removed_and_not_followed(layout: Layout) -> None:
    kept = layout.root / "kept"
    kept.write_bytes(b"not ours")
    layout.key(NAME).symlink_to(kept)
    assert shred(layout.key(NAME))
    assert kept.read_bytes() == b"not ours"
    assert not discard(layout.key(NAME))


def test_a_file_that_may_not_be_written_is_removed_all_the_same(layout: Layout) -> None:
    path = layout.key(NAME)
    path.write_bytes(b"secret")
    path.chmod(0o400)
    assert shred(path)
    assert not path.exists()


def test_another_file_in_its_place_in_one_move_and_the_old_bytes_overwritten(layout: Layout) -> None:
    path, temporary, old = layout.root / "stone", layout.tmp / "new", layout.root / "old"
    path.write_bytes(b"the manifest")
    old.hardlink_to(path)
    temporary.write_bytes(b"left by a process that died")
    put_in_place_of(path, temporary, b"the tombstone")
    assert path.read_bytes() == b"the tombstone"
    assert old.read_bytes() == bytes(12)
    assert not temporary.exists()
    before = path.stat().st_ino
    put_in_place_of(path, temporary, b"the tombstone")
    assert path.stat().st_ino == before


@pytest.mark.parametrize("fail", ["write", "fsync file"])
def test_a_tombstone_that_cannot_be_written_leaves_what_was_there(layout: Layout, fail: str) -> None:
    path, temporary = layout.root / "stone", layout.tmp / "new"
    path.write_bytes(b"the manifest")
    with pytest.MonkeyPatch.context() as monkeypatch:
        Calls(monkeypatch, fail)
        with pytest.raises(WorldError):
            put_in_place_of(path, temporary, b"the tombstone")
    assert path.read_bytes() == b"the manifest"


def test_every_copy_wherever_it_lies_and_nothing_of_another_archive(layout: Layout) -> None:
    ours = [
        layout.key(NAME),
        layout.root / "keys" / f"{NAME}.key.age.new",
        layout.temporary(NAME, ".age"),
        layout.quarantined(NAME, ".age.aside"),
    ]
    kept = [layout.temporary(OTHER, ".age"), layout.root / "log" / f"{NAME}.note", layout.root / "catalogue.sqlite"]
    for path in (*ours, *kept):
        path.write_bytes(b"x")
    assert set(copies_of(layout, NAME)) == set(ours)
    assert [".key." in path.name for path in copies_of(layout, NAME)] == [True, True, False, False]
