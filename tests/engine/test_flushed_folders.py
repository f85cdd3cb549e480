"""A file that was given a name, or lost it, has done so on the disk: its folder is flushed, whatever moved it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.engine.access.identity_files import change_passphrase
from strongroom.engine.access.key_files import _write
from strongroom.engine.access.restore import _name
from strongroom.engine.core.identities import identity_file, make_identity, read_identity_file
from strongroom.engine.proof.package import _flush_tree, _folder
from strongroom.engine.repair.vault_folder import move_unfinished
from strongroom.vault.durable import create, make_folder, publish, remove
from strongroom.vault.layout import Layout
from strongroom.vault.old_catalogues import set_aside, take_place
from strongroom.vault.orphans import move_aside, move_to
from strongroom.vault.shred import discard, put_in_place_of, shred

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Flushes:
    """Notes of every flushed folder which names it had then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.named: dict[Path, set[str]] = {}
        self.order: list[tuple[Path, set[str]]] = []
        real = os.fsync

        def fsync(fd: int) -> None:
            real(fd)
            path = Path(f"/proc/self/fd/{fd}").readlink()
            if path.is_dir():
                self.named[path] = {each.name for each in path.iterdir()}
                self.order.append((path, self.named[path]))

        monkeypatch.setattr(os, "fsync", fsync)

    def has(self, path: Path) -> bool:
        """Say whether the name would be there after a power loss. Fails where its folder was never flushed."""
        return path.name in self.named[path.parent]


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> Flushes:
    return Flushes(monkeypatch)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "vault")
    for folder in layout.folders:
        folder.mkdir(parents=True)
    return layout


def file(path: Path, data: bytes = b"data") -> Path:
    path.write_bytes(data)
    return path


def built(target: Path) -> Path:
    with _folder(target, os.urandom) as folder:
        (folder / "keys").mkdir()
        file(folder / "keys" / "one")
        _flush_tree(folder)
    return target


def moved_unfinished(layout: Layout) -> Path:
    move_unfinished(layout.root, lambda: NOW)
    (aside,) = layout.root.parent.glob("*-unfinished-*")
    return aside


def set_aside_there(layout: Layout) -> Path:
    file(layout.catalogue)
    aside = set_aside(layout, NOW)
    assert aside is not None
    return aside


def exported(layout: Layout) -> Path:
    _write(layout.root / "one.key.age", b"data")
    return layout.root / "one.key.age"


def restored(layout: Layout) -> Path:
    _name(file(layout.root / "part"), layout.root / "export.zip")
    return layout.root / "export.zip"


def took_place(layout: Layout) -> Path:
    take_place(file(layout.root / "unfinished"), layout.catalogue)
    return layout.catalogue


def put_in_place(layout: Layout) -> Path:
    path = file(layout.root / "keys" / "one", b"old")
    put_in_place_of(path, layout.root / "keys" / "one.new", b"new")
    return path


def created(layout: Layout) -> Path:
    publish(file(layout.root / "tmp" / "one"), layout.root / "archives" / "one")
    return layout.root / "archives" / "one"


def folder_made(layout: Layout) -> Path:
    make_folder(layout.root / "archives" / "AB")
    return layout.root / "archives" / "AB"


@pytest.mark.parametrize(
    "act",
    [
        moved_unfinished,
        set_aside_there,
        exported,
        restored,
        took_place,
        put_in_place,
        created,
        folder_made,
        lambda layout: move_aside(layout, file(layout.root / "keys" / "one")),
        lambda layout: built(layout.root / "package"),
    ],
)
def test_a_name_that_was_given_lasts(layout: Layout, flushes: Flushes, act: Callable[[Layout], Path]) -> None:
    path = act(layout)
    assert path.exists()
    assert flushes.has(path)


@pytest.mark.parametrize("act", [shred, discard, lambda path: remove(path) is None])
def test_a_name_that_was_taken_is_gone_for_good(layout: Layout, flushes: Flushes, act: Callable[[Path], bool]) -> None:
    path = file(layout.root / "keys" / "one")
    assert act(path)
    assert not flushes.has(path)


@pytest.mark.parametrize("known", [True, False])
def test_a_moved_file_has_its_new_name_on_the_disk_before_it_loses_the_old_one(
    layout: Layout, flushes: Flushes, known: bool
) -> None:
    old, new = file(layout.root / "keys" / "one"), layout.root / "quarantine" / "one"
    if known:
        assert move_to(old, new)
    else:
        new = move_aside(layout, old)
    given = [("keys" if folder == old.parent else "quarantine", names) for folder, names in flushes.order]
    assert given[-2:] == [("quarantine", {new.name}), ("keys", set())]


def test_a_package_is_whole_on_the_disk_before_it_has_its_name(tmp_path: Path, flushes: Flushes) -> None:
    built(tmp_path / "package")
    assert [(folder.name.endswith(".part"), names) for folder, names in flushes.order] == [
        (False, {"one"}),
        (True, {"keys"}),
        (False, {"package"}),
    ]


def test_an_identity_file_that_took_the_place_of_another_lasts(tmp_path: Path, flushes: Flushes) -> None:
    path = tmp_path / "identity.age"
    create(path, identity_file(make_identity(os.urandom), None, os.urandom))
    flushes.named.clear()
    change_passphrase(path, str, "new", os.urandom, work_factor=1)
    assert read_identity_file(path).startswith(b"age-encryption.org")
    assert flushes.named[tmp_path] == {path.name}
