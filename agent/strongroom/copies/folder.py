"""A folder as a store: another disk, or a share that is mounted. Files have the names of the objects.

A file is written under a temporary name, flushed, dropped from the page cache, read back and given its name without
overwriting another; then its folder is flushed. No symbolic link below the copy's own folder is ever followed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.copies.port import BLOCK, CopyAway, ObjectAbsent, SourceChanged, StoredObject, digest_of
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
    rename,
    unlink,
    walk,
)
from strongroom.vault.shred import shred

_UNLINKED = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # file systems without hard links
_TMP = "tmp"


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
        path = self._path(name)
        with self._worded("write", name):
            if is_there(path):
                return False
            temporary = self.root / _TMP / f"{path.name}.part"
            with suppress(FileNotFoundError):
                unlink(temporary)
            try:
                self._fill(temporary, blocks, sha256, name)
                return self._publish(temporary, path)
            finally:
                with suppress(OSError):  # what is left is removed by the next run
                    unlink(temporary)

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

    def _fill(self, temporary: Path, blocks: Iterable[bytes], sha256: str, name: str) -> None:
        found, fd = hashlib.sha256(), create_descriptor(temporary)
        try:
            with Flusher(fd) as flusher:
                for block in blocks:
                    found.update(block)
                    write_all(fd, block)
                    flusher.wrote(len(block))
                flusher.settle()
            if found.hexdigest() != sha256:
                raise SourceChanged(f"{name} was not copied: the bytes in the vault are not those that were archived")
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)
        if digest_of(_blocks(temporary)) != sha256:
            raise CopyAway(f"{name} read back from {self.place} is not what was written", hint="check the disk")

    def _publish(self, temporary: Path, path: Path) -> bool:
        """Give the file its name; return False where another has it."""
        for folder in reversed(path.parents[: len(path.relative_to(self.root).parts) - 1]):
            if make_directory(folder):
                flush_folder(folder.parent)
        try:
            link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _UNLINKED:
                raise
            if is_there(path):
                return False
            rename(temporary, path)  # nobody else writes here: see `copies_alone`
        flush_folder(path.parent)
        return True

    def _path(self, name: str) -> Path:
        if not is_object_name(name) or name.startswith(f"{_TMP}/"):
            raise VaultError(f"{name!r:.80} is no name of an object in a copy")
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


def _blocks(path: Path) -> Iterator[bytes]:
    fd = open_descriptor(path, os.O_RDONLY)
    try:
        while block := os.read(fd, BLOCK):
            yield block
    finally:
        os.close(fd)


def require_apart(vault: Path, folder: Path) -> None:
    """Raise VaultError where a copy would be inside the vault, or the vault inside the copy's folder of copies."""
    inner, outer = Path(os.path.realpath(folder)), Path(os.path.realpath(vault))
    if inner == outer or outer in inner.parents:
        raise VaultError(f"the folder {folder} is inside the vault", hint="name another disk in [[copy]] path")


def list_prefixes(folder: Path) -> list[str]:
    """Return the folders in a folder, sorted: each may be a copy of a vault."""
    above = Path(os.path.realpath(folder))
    return [path.name for path in list_folder(above) if is_folder(path)]
