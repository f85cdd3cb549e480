"""What every store for copies must do: the same tests for each of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.buckets import BucketServer
from strongroom.copies.folder import FolderStore, require_apart
from strongroom.copies.port import CopyAway, CopyStore, ObjectAbsent, SourceChanged, Throttle, digest_of, read_whole
from strongroom.model.errors import VaultError

KEY = f"keys/ab/{'0' * 24}ab.{'f' * 64}.key.age"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(store: CopyStore, name: str, data: bytes) -> bool:
    return store.put(name, (data,), sha(data))


@pytest.fixture(params=["folder", "bucket", "versioned bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CopyStore:
    if request.param == "folder":
        made: CopyStore = FolderStore(tmp_path, "0123456789abcdef")
    else:
        server: BucketServer = request.getfixturevalue("bucket_server")
        made = server.store(server.make_bucket(versioned="versioned" in request.param))
    made.begin()
    return made


def test_what_is_put_is_read_back_listed_and_removed(store: CopyStore) -> None:
    blocks = [os.urandom(1 << 20), os.urandom(700_000), b"end"]
    whole = b"".join(blocks)
    assert store.put("archives/ab/one.age", blocks, sha(whole))
    assert put(store, KEY, b"key")
    assert put(store, "README.txt", b"")
    assert digest_of(store.read("archives/ab/one.age")) == sha(whole)
    assert read_whole(store, "README.txt") == b""
    assert [(each.name, each.size) for each in store.list()] == [
        ("README.txt", 0), ("archives/ab/one.age", len(whole)), (KEY, 3),
    ]  # fmt: skip
    assert store.delete(KEY)
    assert not store.delete(KEY)
    with pytest.raises(ObjectAbsent):
        read_whole(store, KEY)
    store.begin()
    assert [each.name for each in store.list()] == ["README.txt", "archives/ab/one.age"]


def test_a_name_that_is_taken_is_never_overwritten(store: CopyStore) -> None:
    assert put(store, "archives/ab/one.age", b"first")
    assert not put(store, "archives/ab/one.age", b"second")
    assert read_whole(store, "archives/ab/one.age") == b"first"


def test_bytes_that_are_not_those_expected_are_not_stored(store: CopyStore) -> None:
    def torn() -> Iterator[bytes]:
        yield b"half"
        raise SourceChanged("the file cannot be read")

    with pytest.raises(SourceChanged, match="not those that were archived"):
        store.put("archives/ab/one.age", (b"other",), sha(b"expected"))
    with pytest.raises(SourceChanged, match="cannot be read"):
        store.put("archives/ab/one.age", torn(), sha(b"half"))
    assert list(store.list()) == []
    assert put(store, "archives/ab/one.age", b"expected")


def test_a_prefix_may_end_anywhere(store: CopyStore) -> None:
    for name in ("keys/ab/xab.1.key.age", "keys/ab/xab.2.key.age", "keys/ab/xabc.1.key.age", "keys/cd/xab.key.age"):
        assert put(store, name, name.encode())
    assert [each.name for each in store.list("keys/ab/xab.")] == ["keys/ab/xab.1.key.age", "keys/ab/xab.2.key.age"]
    assert len(list(store.list("keys/"))) == len(list(store.list("ke"))) == 4
    assert list(store.list("archives/ab/")) == []
    assert list(store.list("nothing/here/x")) == []
    assert [each.name for each in store.remnants("keys/ab/xab.")] == ["keys/ab/xab.1.key.age", "keys/ab/xab.2.key.age"]


def test_a_name_that_is_none_of_an_object_is_refused(store: CopyStore) -> None:
    for name in ("../out", "/etc/passwd", "a/../b", ".hidden", "a/b/c/d", "tmp/x", "", "a//b", "a\nb"):
        with pytest.raises(VaultError, match="not the name of an object"):
            put(store, name, b"x")


def test_memory_does_not_grow_with_the_size(store: CopyStore) -> None:
    block, found = os.urandom(1 << 16), hashlib.sha256()
    for _ in range(400):
        found.update(block)
    seen: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(400):
            seen.append(number)
            yield block

    assert store.put("archives/ab/large.age", blocks(), found.hexdigest())
    assert max(len(each) for each in store.read("archives/ab/large.age")) <= 8 << 20
    assert seen == list(range(400))


# Of a folder alone.


def folder(tmp_path: Path) -> FolderStore:
    made = FolderStore(tmp_path, "0123456789abcdef")
    made.begin()
    return made


def test_a_folder_follows_no_link_and_writes_through_none(tmp_path: Path) -> None:
    store, outside = folder(tmp_path), tmp_path / "outside"
    outside.mkdir()
    (outside / "one.age").write_bytes(b"not ours")
    (store.root / "archives").mkdir()
    (store.root / "archives" / "ab").symlink_to(outside)
    with pytest.raises(CopyAway, match="symbolic link"):
        put(store, "archives/ab/two.age", b"x")
    with pytest.raises(CopyAway, match="symbolic link"):
        read_whole(store, "archives/ab/one.age")
    (store.root / "keys").mkdir()
    (store.root / "keys" / "one.age").symlink_to(outside / "one.age")
    assert list(store.list()) == []
    assert store.delete("keys/one.age")
    assert (outside / "one.age").read_bytes() == b"not ours"
    assert sorted(path.name for path in outside.iterdir()) == ["one.age"]


def test_a_disk_that_is_not_mounted_is_away_and_nothing_is_made_there(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "mnt", "0123456789abcdef")
    with pytest.raises(CopyAway, match="there is no folder"):
        store.begin()
    (tmp_path / "mnt").mkdir()
    for act in (lambda: put(store, "README.txt", b"x"), lambda: list(store.list()), lambda: store.delete("README.txt")):
        with pytest.raises(CopyAway):
            act()
    assert list((tmp_path / "mnt").iterdir()) == []


def test_what_a_disk_changes_on_the_way_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = folder(tmp_path)
    monkeypatch.setattr("strongroom.copies.folder.read_in_blocks", lambda _path: iter((b"other",)))
    with pytest.raises(CopyAway, match="read back"):
        put(store, "archives/ab/one.age", b"written")
    assert [path.name for path in store.root.rglob("*") if path.is_file()] == []


def test_a_file_system_without_hard_links_serves_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = folder(tmp_path)

    def refuse(_old: Path, _new: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("strongroom.copies.folder.link", refuse)
    assert put(store, "archives/ab/one.age", b"first")
    assert not put(store, "archives/ab/one.age", b"second")
    assert read_whole(store, "archives/ab/one.age") == b"first"


def test_a_copy_inside_the_vault_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "vault")
    for place in ("vault", "vault/copies", "link", "link/x"):
        with pytest.raises(VaultError, match="inside the vault"):
            require_apart(tmp_path / "vault", tmp_path / place)
    require_apart(tmp_path / "vault", tmp_path)


def test_a_rate_is_kept_without_a_burst_after_a_pause() -> None:
    now, rests = [0.0], []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        now[0] += seconds

    throttle = Throttle(1_000_000, rest=rest, monotonic=lambda: now[0])
    assert len(list(throttle.passed([bytes(500_000)] * 10))) == 10
    assert now[0] == pytest.approx(5.0)
    now[0] += 3600
    list(throttle.passed([bytes(500_000)] * 10))
    assert now[0] == pytest.approx(3610.0, abs=1.0)
    stopped = Throttle(stop=lambda: True)
    with pytest.raises(CopyAway, match="interrupted"):
        list(stopped.passed([b"x"]))
