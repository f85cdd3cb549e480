"""A disk that remembers every effect and whether it was flushed, and shows every state that a power loss may leave.

What the write protocol does to files is recorded while it really happens. A crash after any step leaves what was
flushed by then, and of the rest any part: each name, each write (whole, half or not at all), each removal by itself. A
commit of the catalogue is one step that is wholly there or not: SQLite in WAL mode with synchronous=FULL sees to that.
"""

from __future__ import annotations

import itertools
import os
import random
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from strongroom.vault.catalogue import Catalogue

EXHAUSTIVE = 512  # states of one crash point up to which all are looked at
SAMPLED = 96  # of those with more, by seed

Vary = Callable[[str, int], bool]
"""Asked at each flush, with the name of what is flushed and the number of the flush: True leaves it out."""


@dataclass(frozen=True)
class Effect:
    """One thing done to the disk: create, write, cut, link, unlink, rename, mkdir, flush, commit or mark."""

    what: str
    path: str = ""  # relative to the vault; the name of a mark; of a flush, the folder's, or empty for a file's
    inode: int = 0
    offset: int = 0  # of a write; the new size of a cut
    data: bytes = b""
    source: str = ""  # of a rename


@dataclass(frozen=True)
class State:
    """What is on the disk after a crash."""

    files: dict[str, bytes]
    folders: frozenset[str]
    catalogue: bytes
    after: str  # the last mark that was passed
    residue: tuple[bytes, ...] = ()  # what lies on the bare disk under no name any more

    def key(self) -> tuple[object, ...]:
        return (*sorted(self.files.items()), self.folders, hash(self.catalogue), self.after, self.residue)

    def lay_out(self, root: Path) -> Path:
        """Write the state into a fresh folder; return it."""
        root.mkdir()
        for folder in sorted(self.folders):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (root / name).write_bytes(data)
        (root / "catalogue.sqlite").write_bytes(self.catalogue)
        return root


@dataclass
class Disk:
    """Records what is done below a vault's folder."""

    root: Path
    effects: list[Effect] = field(default_factory=list)
    flushed: list[str] = field(default_factory=list)  # the name of each, in order

    def __post_init__(self) -> None:
        self._inodes: dict[int, int] = {}
        self._descriptors: dict[int, tuple[str, int]] = {}
        self._guard = threading.RLock()
        self._vary: Vary = lambda _name, _number: False
        files = [path for path in self.root.rglob("*") if path.is_file() and self._is_ours(path)]
        self.contents = {self._inode(path.stat().st_ino): path.read_bytes() for path in files}
        self.names = {self._name(path): self._inode(path.stat().st_ino) for path in files}
        self.folders = {self._name(path) for path in [self.root, *self.root.rglob("*")] if path.is_dir()}

    @contextmanager
    def recording(self, vary: Vary | None = None) -> Iterator[None]:
        """Record what is done meanwhile."""
        self._vary = vary or self._vary
        with pytest.MonkeyPatch.context() as patch:
            for name in ("open", "close", "write", "ftruncate", "link", "unlink", "mkdir", "rename", "replace"):
                patch.setattr(os, name, getattr(self, f"_on_{name}")(getattr(os, name)))
            for name in ("fsync", "fdatasync"):
                patch.setattr(os, name, self._on_flush)
            patch.setattr(Catalogue, "transaction", self._on_transaction(Catalogue.transaction))
            yield

    def mark(self, name: str) -> None:
        """Note that a place was passed."""
        self.add("mark", path=name)

    def commit(self, catalogue: Catalogue) -> None:
        """Note the catalogue as it is now."""
        self.add("commit", data=catalogue._connection.serialize())

    def add(self, what: str, **more: Any) -> None:
        with self._guard:
            self.effects.append(Effect(what, **more))

    def _is_ours(self, path: Any) -> bool:
        if isinstance(path, int):
            return False
        path = Path(os.fspath(path))
        return path.is_relative_to(self.root) and not path.name.startswith(("catalogue.sqlite", "lock"))

    def _placed(self, path: Any, folder: int | None) -> Any:
        """Return the whole path of a name that is looked up from an open folder."""
        return path if folder is None else Path(f"/proc/self/fd/{folder}").readlink() / path

    def _name(self, path: Any) -> str:
        return str(Path(os.fspath(path)).relative_to(self.root))

    def _inode(self, number: int, *, new: bool = False) -> int:
        if new or number not in self._inodes:  # the system gives a number again once its file is gone
            self._inodes[number] = max(self._inodes.values(), default=0) + 1
        return self._inodes[number]

    def _on_open(self, real: Any) -> Any:
        def run(path: Any, flags: int, *rest: Any, **more: Any) -> int:
            with self._guard:
                given, path = path, self._placed(path, more.get("dir_fd"))
                new = self._is_ours(path) and bool(flags & os.O_CREAT) and not os.path.lexists(path)
                fd: int = real(given, flags, *rest, **more)
                if self._is_ours(path):
                    inode = self._inode(os.fstat(fd).st_ino, new=new)
                    self._descriptors[fd] = (self._name(path), inode)
                    if new:
                        self.add("create", path=self._name(path), inode=inode)
                return fd

        return run

    def _on_close(self, real: Any) -> Any:
        def run(fd: int) -> None:
            self._descriptors.pop(fd, None)
            real(fd)

        return run

    def _on_write(self, real: Any) -> Any:
        def run(fd: int, data: Any) -> int:
            count: int = real(fd, data)
            if fd in self._descriptors:
                offset = os.lseek(fd, 0, os.SEEK_CUR) - count
                self.add("write", inode=self._descriptors[fd][1], offset=offset, data=bytes(data)[:count])
            return count

        return run

    def _on_ftruncate(self, real: Any) -> Any:
        def run(fd: int, size: int) -> None:
            real(fd, size)
            if fd in self._descriptors:
                self.add("cut", inode=self._descriptors[fd][1], offset=size)

        return run

    def _on_flush(self, fd: int) -> None:
        with self._guard:
            if fd not in self._descriptors:
                return
            name, inode = self._descriptors[fd]
            self.flushed.append(name)
            if self._vary(name, len(self.flushed)):
                return
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                self.add("flush", path=name)
            else:
                self.add("flush", inode=inode)

    def _on_link(self, real: Any) -> Any:
        def run(source: Any, target: Any, **more: Any) -> None:
            real(source, target, **more)
            target = self._placed(target, more.get("dst_dir_fd"))
            if self._is_ours(target):
                self.add("link", path=self._name(target), inode=self._inode(os.lstat(target).st_ino))

        return run

    def _on_unlink(self, real: Any) -> Any:
        def run(path: Any, **more: Any) -> None:
            real(path, **more)
            path = self._placed(path, more.get("dir_fd"))
            if self._is_ours(path):
                self.add("unlink", path=self._name(path))

        return run

    def _on_mkdir(self, real: Any) -> Any:
        def run(path: Any, *rest: Any, **more: Any) -> None:
            real(path, *rest, **more)
            path = self._placed(path, more.get("dir_fd"))
            if self._is_ours(path):
                self.add("mkdir", path=self._name(path))

        return run

    def _on_rename(self, real: Any) -> Any:
        def run(source: Any, target: Any, **more: Any) -> None:
            real(source, target, **more)
            source = self._placed(source, more.get("src_dir_fd"))
            target = self._placed(target, more.get("dst_dir_fd"))
            if self._is_ours(target):
                inode = self._inode(os.lstat(target).st_ino)
                self.add("rename", path=self._name(target), source=self._name(source), inode=inode)

        return run

    _on_replace = _on_rename

    def _on_transaction(self, real: Any) -> Any:
        @contextmanager
        def run(catalogue: Catalogue) -> Iterator[None]:
            with real(catalogue):
                yield
            self.commit(catalogue)

        return run


def states(disk: Disk, catalogue: bytes, seed: int = 0, *, last_first: bool = False) -> Iterator[State]:
    """Yield every state that a power loss at any step may leave, each once. `catalogue` is what it was at first."""
    seen: set[tuple[object, ...]] = set()
    random_bytes = random.Random(seed)
    steps = range(len(disk.effects) + 1)
    for step in reversed(steps) if last_first else steps:
        done = disk.effects[:step]
        loose = [number for number, effect in enumerate(done) if _is_loose(effect, done[number + 1 :])]
        for choice in _choices(done, loose, random_bytes):
            state = _state(disk, done, catalogue, dict(zip(loose, choice, strict=True)))
            if state.key() not in seen:
                seen.add(state.key())
                yield state


def _is_loose(effect: Effect, later: list[Effect]) -> bool:
    """Say whether an effect may be there or not: nothing after it has flushed it."""
    if effect.what in ("flush", "commit", "mark"):
        return False
    if effect.what in ("write", "cut"):
        return not any(each.what == "flush" and each.inode == effect.inode for each in later)
    folder = str(Path(effect.path).parent)
    return not any(each.what == "flush" and each.inode == 0 and each.path == folder for each in later)


def _choices(done: list[Effect], loose: list[int], random_bytes: random.Random) -> Iterator[tuple[float, ...]]:
    """Yield how much of each loose effect is there: none, all, or half of a write."""
    ways = [(0.0, 0.5, 1.0) if done[number].what == "write" else (0.0, 1.0) for number in loose]
    count = 1
    for way in ways:
        count *= len(way)
    if count <= EXHAUSTIVE:
        yield from itertools.product(*ways)
        return
    yield tuple(0.0 for _ in ways)
    yield tuple(1.0 for _ in ways)
    for number in range(len(ways)):  # each alone missing, each alone there
        yield tuple(float(at != number) for at in range(len(ways)))
        yield tuple(float(at == number) for at in range(len(ways)))
    for _ in range(SAMPLED):
        yield tuple(random_bytes.choice(way) for way in ways)


def _state(disk: Disk, done: list[Effect], catalogue: bytes, share: dict[int, float]) -> State:
    contents = {inode: bytearray(data) for inode, data in disk.contents.items()}
    names, folders, mark = dict(disk.names), set(disk.folders), ""
    for number, effect in enumerate(done):
        there = share.get(number, 1.0)
        if effect.what == "commit":
            catalogue = effect.data
        elif effect.what == "mark":
            mark = effect.path
        elif there:
            _apply(effect, there, contents, names, folders)
    files = {name: bytes(contents.get(inode, b"")) for name, inode in names.items() if _is_reachable(name, folders)}
    kept = frozenset(name for name in folders if name == "." or _is_reachable(name, folders))
    named = {names[name] for name in files}
    residue = tuple(sorted(bytes(data) for inode, data in contents.items() if inode not in named))
    return State(files, kept, catalogue, mark, residue)


def _is_reachable(name: str, folders: set[str]) -> bool:
    return all(str(parent) in folders for parent in Path(name).parents)


def _apply(
    effect: Effect, there: float, contents: dict[int, bytearray], names: dict[str, int], folders: set[str]
) -> None:
    data = contents.setdefault(effect.inode, bytearray()) if effect.inode else bytearray()
    if effect.what == "write":
        part = effect.data[: max(1, int(len(effect.data) * there))]
        data.extend(bytes(max(0, effect.offset - len(data))))  # what was never written reads as zeros
        data[effect.offset : effect.offset + len(part)] = part
    elif effect.what == "cut":
        del data[effect.offset :]
    elif effect.what in ("create", "link"):
        names[effect.path] = effect.inode
    elif effect.what == "unlink":
        names.pop(effect.path, None)
    elif effect.what == "rename":
        names.pop(effect.source, None)
        names[effect.path] = effect.inode
    elif effect.what == "mkdir":
        folders.add(effect.path)
