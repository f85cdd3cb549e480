from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.vault_objects import end, start
from strongroom.model.errors import VaultError, WorldError
from strongroom.vault import durable
from strongroom.vault.durable import make_folder, publish, remove, write_all, write_new

DATA = bytes(range(256)) * 40
LIMITED = """
import resource, sys
from pathlib import Path
from strongroom.model.errors import WorldError
from strongroom.vault.durable import write_new
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_new(Path(sys.argv[1]) / "new", Path(sys.argv[1]) / "tmp", bytes(10_000))
except WorldError as error:
    print(error.message)
"""


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept" / "name", tmp_path / "tmp" / "name"


def nothing_left(paths: tuple[Path, Path]) -> bool:
    return not any(path.exists() or path.is_symlink() for path in paths)


def failing(number: int) -> Callable[..., int]:
    def fail(*_arguments: object, **_options: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_file_is_written_whole_and_for_its_owner_alone(paths: tuple[Path, Path]) -> None:
    path, temporary = paths
    before = os.umask(0)
    try:
        write_new(path.parent / "new" / "name", temporary, DATA)
    finally:
        os.umask(before)
    written = path.parent / "new" / "name"
    assert written.read_bytes() == DATA
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert stat.S_IMODE(written.parent.stat().st_mode) == 0o700
    assert written.stat().st_nlink == 1
    assert not temporary.exists()


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder"])
def test_nothing_is_ever_overwritten(paths: tuple[Path, Path], kind: str) -> None:
    path, temporary = paths
    other = path.parent / "other"
    other.write_bytes(b"older")
    if kind == "file":
        path.write_bytes(b"older")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other if kind == "link" else path.parent / "nowhere")
    before = path.lstat()
    with pytest.raises(VaultError, match="exists already and is never overwritten"):
        write_new(path, temporary, DATA)
    assert path.lstat() == before
    assert other.read_bytes() == b"older"
    assert not (path.parent / "nowhere").exists()
    assert not temporary.exists()


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_whatever_waits_under_the_temporary_name_is_refused_and_left_alone(paths: tuple[Path, Path], kind: str) -> None:
    path, temporary = paths
    target = path.parent / "target"
    if kind == "file":
        temporary.write_bytes(b"mine")
    else:
        temporary.symlink_to(target)
    if kind == "link":
        target.write_bytes(b"mine")
    with pytest.raises(WorldError, match="cannot write name: File exists"):
        write_new(path, temporary, DATA)
    assert kind == "dangling link" or temporary.read_bytes() == b"mine"
    assert target.exists() == (kind == "link")
    assert not path.exists()


def test_short_writes_are_continued(paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = os.write, list[int]()

    def short(fd: int, data: memoryview) -> int:
        calls.append(len(data))
        return write(fd, data[:1000])

    monkeypatch.setattr(os, "write", short)
    write_new(*paths, DATA)
    monkeypatch.undo()
    assert paths[0].read_bytes() == DATA
    assert len(calls) == -(-len(DATA) // 1000)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_leaves_nothing(
    paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write, room = os.write, [2500]

    def full(fd: int, data: memoryview) -> int:
        if not room[0]:
            raise OSError(number, os.strerror(number))
        written = write(fd, data[: min(1000, room[0])])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(WorldError, match="the disk is full") as told:
        write_new(*paths, DATA)
    assert told.value.hint.startswith("free space")
    assert nothing_left(paths)


def test_a_file_that_may_not_grow_leaves_nothing(tmp_path: Path) -> None:
    (told,) = end(start(LIMITED, tmp_path))
    assert "cannot write the vault: File too large" in told
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk(tmp_path: Path) -> None:
    mount, umount = shutil.which("mount"), shutil.which("umount")
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or not mount or not umount:
        pytest.skip("only root can mount a small disk")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=16k,nr_inodes=4", "none", small], check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        with pytest.raises(WorldError, match="the disk is full"):
            write_new(small / "kept", small / "tmp", bytes(100_000))
        assert list(small.iterdir()) == []
        for number in range(3):
            (small / f"{number}").touch()
        with pytest.raises(WorldError, match="the disk is full while writing tmp"):
            write_new(small / "kept", small / "tmp", b"no inode is left")
        with pytest.raises(WorldError, match="the disk is full while writing shard"):
            make_folder(small / "shard")
    finally:
        subprocess.run([umount, small], check=True)


def test_a_flush_that_fails_is_not_tried_again_and_the_file_is_thrown_away(
    paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fail(fd: int) -> None:
        calls.append(fd)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WorldError, match="the disk reports an error"):
        write_new(*paths, DATA)
    assert len(calls) == 1
    assert nothing_left(paths)


def test_a_name_that_may_not_last_is_taken_back(paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path, temporary = paths
    temporary.write_bytes(DATA)
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(WorldError, match="the disk reports an error"):
        publish(temporary, path)
    assert not path.exists()
    monkeypatch.undo()
    publish(temporary, path)
    assert path.read_bytes() == DATA


def test_what_reads_back_differently_is_thrown_away(paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    flush = durable.flush

    def rot(fd: int) -> None:
        os.pwrite(fd, b"X", 100)
        flush(fd)

    monkeypatch.setattr(durable, "flush", rot)
    with pytest.raises(VaultError, match="read back from the disk is not what was written"):
        write_new(*paths, DATA)
    assert nothing_left(paths)


def test_a_name_appears_only_when_the_file_is_whole_and_flushed(
    paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, temporary = paths
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def seen_fsync(fd: int) -> None:
        steps.append("flush folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "flush file")
        fsync(fd)

    def seen_link(source: str, target: str, **folders: Any) -> None:
        assert temporary.read_bytes() == DATA
        assert not path.parent.joinpath(target).exists() or steps
        steps.append("name")
        link(source, target, **folders)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(os, "link", seen_link)
    write_new(path, temporary, DATA)
    assert steps == ["flush file", "name", "flush folder"]
    steps.clear()
    write_new(path.parent / "fresh" / "name", temporary, DATA)
    assert steps == ["flush file", "flush folder", "name", "flush folder"]


def test_publishing_does_not_follow_a_link(paths: tuple[Path, Path], tmp_path: Path) -> None:
    path, temporary = paths
    (tmp_path / "outside").write_bytes(b"secret")
    temporary.symlink_to(tmp_path / "outside")
    publish(temporary, path)
    assert path.is_symlink()
    assert (tmp_path / "outside").stat().st_nlink == 1


def test_no_descriptor_is_left_open(paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_descriptors()
    write_new(*paths, DATA)
    with pytest.raises(VaultError):
        write_new(*paths, DATA)
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(WorldError):
        write_new(paths[0].with_name("other"), paths[1], DATA)
    monkeypatch.undo()
    assert open_descriptors() == before


def test_removing_is_done_once_or_twice(paths: tuple[Path, Path]) -> None:
    path, _ = paths
    path.write_bytes(b"")
    remove(path)
    remove(path)
    assert not path.exists()
    remove(path.parent / "no" / "folder")


def test_what_cannot_be_removed_is_told_in_words(paths: tuple[Path, Path]) -> None:
    paths[0].mkdir()
    with pytest.raises(WorldError, match="cannot write name"):
        remove(paths[0])


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EIO, "the disk reports an error"),
        (errno.EROFS, "cannot write the vault: Read-only file system"),
    ],
)
def test_every_failed_write_is_told_in_words(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    monkeypatch.setattr(os, "write", failing(number))
    with pytest.raises(WorldError, match=words) as told:
        write_all(1, b"data")
    assert told.value.hint
    assert told.value.__cause__ is not None


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    make_folder(tmp_path / "one")
    (tmp_path / "one" / "kept").touch()
    make_folder(tmp_path / "one")
    assert (tmp_path / "one" / "kept").exists()
    with pytest.raises(WorldError, match="cannot write two"):
        make_folder(tmp_path / "two" / "three")
