"""A folder as a store: another disk, or a share that is mounted. Files have the names of the objects.

A file is written under a temporary name, flushed, dropped from the page cache, read back and given its name without
overwriting another; then its folder is flushed. Where there are several, each step is done for all of them before the
next one. No symbolic link below the copy's own folder is ever followed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, MutableSequence, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from strongroom.copies.port import (
    BLOCK,
    CopyAway,
    NewObject,
    ObjectAbsent,
    SourceChanged,
    Stored,
    StoredObject,
    digest_of,
)
from strongroom.model.copies import is_object_name
from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.durable import Flusher, flush_folder, write_all
from strongroom.vault.files import (
    create_descriptor,
    empty_folder,
    file_size,
    is_file,
    is_folder,
    is_there,
    link,
    list_folder,
    make_directory,
    open_descriptor,
    read_in_blocks,
    rename,
    unlink,
    walk,
)
from strongroom.vault.shred import shred

_UNLINKED = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # file systems without hard links
_TMP = "tmp"
FLUSHERS = 16  # threads that wait for the disk at once

_Thing = TypeVar("_Thing")


class FolderStore:
    """One copy in a folder of its own. The folder above it must exist: it may be a disk that is not mounted."""

    def __init__(self, above: Path, prefix: str) -> None:
        self._above = Path(os.path.realpath(above))
        self.root = self._above / prefix

    @property
    def place(self) -> str:
        """The path of the folder."""
        return str(self.root)

    @property
    def if_missing(self) -> str:
        """What to look at where the copy is not there."""
        return "is the disk mounted?"

    def begin(self) -> None:
        """Make the folder if it is missing, and empty its tmp/."""
        with self._worded("prepare"):
            if not self._above.is_dir():
                raise CopyAway(f"there is no folder {self._above}", hint="is the disk mounted?")
            make_directory(self.root)
            make_directory(self.root / _TMP)
            empty_folder(self.root / _TMP)
            flush_folder(self.root)

    def put(self, name: str, blocks: Iterable[bytes], sha256: str) -> bool:
        """Write a file by the whole protocol."""
        (stored,) = self.put_many([NewObject(name, sha256, lambda: blocks)])
        if isinstance(stored, SourceChanged):
            raise stored
        return stored

    def put_many(self, objects: Sequence[NewObject]) -> Sequence[Stored]:
        """Write files by the whole protocol, each step for all of them: the disk flushes many as fast as one."""
        results: MutableSequence[Stored] = [False] * len(objects)
        with self._worded("write", objects[0].name if len(objects) == 1 else ""), ExitStack() as stack:
            parts: dict[int, _Part] = {}
            for number, each in enumerate(objects):
                part = _Part(self._path(each.name), self.root / _TMP / f"{number}.part", each)
                if not is_there(part.path):
                    try:
                        part.write(stack)
                        parts[number] = part
                    except SourceChanged as error:
                        results[number] = error
            _each_at_once(_Part.flush, parts.values())
            for number, part in parts.items():
                part.read_back(self.place)
                results[number] = self._publish(part)
            _each_at_once(flush_folder, self._touched(parts.values()))
        return results

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes, read from the disk."""
        with self._worded("read", name):
            fd = self._open(name)
            try:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                while block := os.read(fd, BLOCK):
                    yield block
            finally:
                os.close(fd)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the files; what is no regular file, and what was not made by us, is left out."""
        folder, _, start = prefix.rpartition("/")
        with self._worded("list"):
            self._require_root()
            for path in list_folder(self.root / folder, start):
                name = f"{folder}/{path.name}" if folder else path.name
                if path.name.startswith(start) and name != _TMP:
                    yield from self._below(path, name)

    def _below(self, path: Path, name: str) -> Iterator[StoredObject]:
        """Yield a file, or every file in a folder."""
        with suppress(FileNotFoundError):
            if is_file(path):
                yield StoredObject(name, file_size(path))
        if is_folder(path):
            for found in walk(path, lambda _name: True):
                inner, status = f"{name}/{found.name}", found.status
                if status is not None and stat.S_ISREG(status.st_mode) and is_object_name(inner):
                    yield StoredObject(inner, status.st_size)

    def remnants(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the same: a folder keeps no former versions."""
        return self.list(prefix)

    def delete(self, name: str) -> bool:
        """Remove a file; a key file is overwritten first."""
        path = self._path(name)
        with self._worded("remove", name):
            self._require_root()
            if name.endswith(".key.age"):
                return shred(path)
            try:
                unlink(path)
            except FileNotFoundError:
                return False
            flush_folder(path.parent)
            return True

    def _open(self, name: str) -> int:
        self._require_root()
        try:
            return open_descriptor(self._path(name), os.O_RDONLY)
        except FileNotFoundError:
            raise ObjectAbsent(f"{self.place} has no {name}") from None

    def _publish(self, part: _Part) -> bool:
        """Give the file its name; return False where another has it. The folders are still to be flushed."""
        for folder in self._folders(part.path):
            make_directory(folder)
        try:
            link(part.temporary, part.path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _UNLINKED:
                raise
            if is_there(part.path):
                return False
            rename(part.temporary, part.path)  # nobody else writes here: see `copies_alone`
        return True

    def _folders(self, path: Path) -> Sequence[Path]:
        """Return the folders below the copy's own that a file is in, from above."""
        return path.parents[: len(path.relative_to(self.root).parts) - 1][::-1]

    def _touched(self, parts: Iterable[_Part]) -> Sequence[Path]:
        """Return each folder that has a new entry, or may have one."""
        return tuple(dict.fromkeys(folder for part in parts for folder in (self.root, *self._folders(part.path))))

    def _path(self, name: str) -> Path:
        if not is_object_name(name) or name.startswith(f"{_TMP}/"):
            raise VaultError(f"{name!r:.80} is not the name of an object in a copy")
        return self.root / name

    def _require_root(self) -> None:
        if not is_folder(self.root):
            raise CopyAway(f"there is no copy of this vault in {self._above}", hint="is the disk mounted?")

    @contextmanager
    def _worded(self, act: str, name: str = "") -> Iterator[None]:
        """Turn a failed system call into CopyAway, which says what was tried."""
        what = f"{name} in {self.place}" if name else self.place
        try:
            yield
        except OSError as error:
            hint = "free space there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "is the disk mounted?"
            raise CopyAway(f"cannot {act} {what}: {error.strerror}", hint=hint) from error
        except WorldError as error:
            if isinstance(error, CopyAway):
                raise
            raise CopyAway(f"cannot {act} {what}: {error.message}", hint=error.hint) from error


class _Part(Struct):
    """A file on its way: under its temporary name until it was flushed and read back."""

    path: Path
    temporary: Path
    new: NewObject
    fd: int = -1

    def write(self, stack: ExitStack) -> None:
        """Write the blocks; it stays open until it is flushed, and its temporary name goes with the stack."""
        found = hashlib.sha256()
        stack.callback(_unlink, self.temporary)
        _unlink(self.temporary)
        self.fd = create_descriptor(self.temporary)
        stack.callback(os.close, self.fd)
        with Flusher(self.fd) as flusher:
            for block in self.new.blocks():
                found.update(block)
                write_all(self.fd, block)
                flusher.wrote(len(block))
            flusher.settle()
        if found.hexdigest() != self.new.sha256:
            words = f"{self.new.name} was not copied: the bytes in the vault are not those that were archived"
            raise SourceChanged(words)

    def flush(self) -> None:
        """Flush the bytes to the disk, and drop them from the page cache."""
        os.fsync(self.fd)
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def read_back(self, place: str) -> None:
        """Raise CopyAway where the disk has other bytes."""
        if digest_of(read_in_blocks(self.temporary)) != self.new.sha256:
            words = f"{self.new.name} read back from {place} is not what was written"
            raise CopyAway(words, hint="check the disk")


def _unlink(path: Path) -> None:
    with suppress(OSError):  # what is left is removed by the next run
        unlink(path)


def _each_at_once(act: Callable[[_Thing], None], things: Collection[_Thing]) -> None:
    """Do something with each at the same time: flushes that wait together are one for the disk."""
    if len(things) < 2:
        for thing in things:
            act(thing)
        return
    with ThreadPoolExecutor(min(FLUSHERS, len(things))) as pool:
        list(pool.map(act, things))


def require_apart(vault: Path, folder: Path) -> None:
    """Raise VaultError where a copy would be inside the vault, or the vault inside the copy's folder of copies."""
    inner, outer = Path(os.path.realpath(folder)), Path(os.path.realpath(vault))
    if inner == outer or outer in inner.parents:
        raise VaultError(f"the folder {folder} is inside the vault", hint="name another disk in [[copy]] path")


def list_prefixes(folder: Path) -> list[str]:
    """Return the folders in a folder, sorted: each may be a copy of a vault."""
    above = Path(os.path.realpath(folder))
    return [path.name for path in list_folder(above) if is_folder(path)]
