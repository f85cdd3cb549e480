"""The only module that opens, lists, links, moves and removes files of a vault: it never follows a symbolic link.

Every name is looked up from a folder that is open (openat), so that nobody can put a link in its place between a check
and the use. Only regular files are opened: a pipe would be waited for without an end, and a device may act when it is
opened. All refusals are OSErrors whose words say what is there, so that they end where a file that is gone does.

The vault's own folder may be reached through a link: `Layout` resolves it once. Below it a file lies at most two
folders deep, and these two are what is not followed here.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from strongroom.model.errors import VaultError

SYMLINK = "a symbolic link, which is not followed"
NOT_A_FILE = "a folder, pipe, socket or device instead of a file"
NOT_A_FOLDER = "something else instead of a folder"
NEVER_OURS = (SYMLINK, NOT_A_FILE, NOT_A_FOLDER)
TOO_LARGE = "a file that is far too large to be one of ours"
LARGEST = 256 << 20  # bytes of a file that is read whole; manifests and keys have some thousand

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # behind a link is nothing of ours
_LOOK = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC  # needs the right to pass, not the right to list
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HINT = "put the real one back; a vault is moved to another disk as a whole. See: strongroom doctor"


@contextmanager
def _folder(path: Path, flags: int = _LOOK) -> Iterator[int]:
    """Open a folder; neither its own name nor the one above it may be a link. Raises OSError in words."""
    fd = os.open(path.parent.parent, _LOOK)
    try:
        for place in (path.parent, path):
            if place.name:
                last = fd
                how = flags if place is path else _LOOK
                try:
                    fd = os.open(place.name, how | os.O_NOFOLLOW, dir_fd=last)
                except OSError as error:
                    raise _worded(error, place, last) from error
                os.close(last)
        yield fd
    finally:
        os.close(fd)


def _worded(error: OSError, path: Path, folder: int) -> OSError:
    """Describe in a refusal what is in the place; the error keeps the name of the file."""
    mode = 0
    with suppress(OSError):
        mode = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode) and error.errno in (errno.ELOOP, errno.ENOTDIR):
        return OSError(errno.ELOOP, SYMLINK, str(path))
    if mode and error.errno == errno.ENOTDIR:
        return NotADirectoryError(errno.ENOTDIR, NOT_A_FOLDER, str(path))
    return type(error)(error.errno, error.strerror, str(path))


def open_descriptor(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file and return its descriptor. Raises OSError, also for a link, pipe, device or folder."""
    with _folder(path.parent) as folder:
        _require_file(path, folder)
        try:
            fd = os.open(path.name, flags | _FILE, mode, dir_fd=folder)
        except OSError as error:
            raise _worded(error, path, folder) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, NOT_A_FILE, str(path))
    return fd


def _require_file(path: Path, folder: int) -> None:
    """Refuse before it is opened what is no file; one that is not there may be about to be made."""
    try:
        mode = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, SYMLINK if stat.S_ISLNK(mode) else NOT_A_FILE, str(path))


def open_file(path: Path) -> io.FileIO:
    """Open a regular file for reading, without a buffer. Raises OSError."""
    return io.FileIO(open_descriptor(path, os.O_RDONLY), "rb")


def open_lines(path: Path) -> io.BufferedReader:
    """Open a regular file for reading line by line. Raises OSError."""
    return io.BufferedReader(open_file(path))


def create_descriptor(path: Path) -> int:
    """Make a file that only its owner can read and return its descriptor. Raises OSError where the name is taken."""
    with _folder(path.parent) as folder:
        try:
            return os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=folder)
        except OSError as error:
            raise _worded(error, path, folder) from error


def read_file(path: Path, most: int | None = LARGEST) -> bytes:
    """Return what is in a regular file of at most so many bytes. Raises OSError."""
    with open_file(path) as file:
        if most is not None and os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, TOO_LARGE, str(path))
        return file.read()


def read_in_blocks(path: Path, block: int = 1 << 20) -> Iterator[bytes]:
    """Yield what is in a file, one block in memory at a time. Raises OSError."""
    fd = open_descriptor(path, os.O_RDONLY)
    try:
        while data := os.read(fd, block):
            yield data
    finally:
        os.close(fd)


def file_size(path: Path) -> int:
    """Return the size of a regular file in bytes. Raises OSError, also for a link, pipe, device or folder."""
    found = _status(path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, SYMLINK if stat.S_ISLNK(found.st_mode) else NOT_A_FILE, str(path))
    return found.st_size


def is_there(path: Path) -> bool:
    """Say whether the name is taken, by whatever it may be. Raises OSError where that cannot be known."""
    return _mode(path) is not None


def is_file(path: Path) -> bool:
    """Say whether a regular file has this name. Raises OSError where that cannot be known."""
    return stat.S_ISREG(_mode(path) or 0)


def is_folder(path: Path) -> bool:
    """Say whether a folder has this name. Raises OSError where that cannot be known."""
    return stat.S_ISDIR(_mode(path) or 0)


def _mode(path: Path) -> int | None:
    try:
        return _status(path).st_mode
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise


def _status(path: Path) -> os.stat_result:
    with _folder(path.parent) as folder:
        return os.stat(path.name, dir_fd=folder, follow_symlinks=False)


def same_file(one: Path, other: Path) -> bool:
    """Say whether two names are of one file. Raises OSError where one of them is not there."""
    return os.path.samestat(_status(one), _status(other))


def list_folder(path: Path, part: str = "") -> list[Path]:
    """Return what is in a folder, sorted; nothing where there is no such folder, or a link in its place.

    With `part` only names that it is part of: a folder of thousands is gone through for one without a path for each.
    """
    try:
        with _folder(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) as folder:
            return sorted(path / name for name in _names(folder) if part in name)
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        raise


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


def list_shards(path: Path) -> list[Path]:
    """Return what is in the folders of a folder, sorted; links are reported by `doctor` and not followed."""
    return [found for shard in list_folder(path) for found in list_folder(shard)]


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Open a folder to lock or flush it. Raises OSError, also for a link."""
    with _folder(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) as folder:
        yield folder


def unlink(path: Path) -> None:
    """Remove a name; a link is removed and not followed. Raises OSError."""
    with _folder(path.parent) as folder:
        try:
            os.unlink(path.name, dir_fd=folder)
        except OSError as error:
            raise _worded(error, path, folder) from error


def link(old: Path, new: Path) -> None:
    """Give a file a second name, which must be free. Raises OSError."""
    with _folder(old.parent) as source, _folder(new.parent) as target:
        try:
            os.link(old.name, new.name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(new)) from error


def rename(old: Path, new: Path) -> None:
    """Move a file to a name, replacing what is there. Raises OSError."""
    with _folder(old.parent) as source, _folder(new.parent) as target:
        try:
            os.replace(old.name, new.name, src_dir_fd=source, dst_dir_fd=target)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(new)) from error


def make_directory(path: Path) -> bool:
    """Make a folder that only its owner can enter; return False where it is there already.

    Raises OSError, also where a link or a file has its name.
    """
    with _folder(path.parent) as folder:
        try:
            os.mkdir(path.name, 0o700, dir_fd=folder)
        except FileExistsError:
            mode = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
            if not stat.S_ISDIR(mode):
                words = SYMLINK if stat.S_ISLNK(mode) else NOT_A_FOLDER
                raise NotADirectoryError(errno.ENOTDIR, words, str(path)) from None
            return False
    return True


def empty_folder(path: Path) -> None:
    """Remove every file in a folder and flush it; folders in it are left. Raises OSError, also for a link."""
    with open_folder(path) as folder:
        for name in _names(folder):
            with suppress(IsADirectoryError):  # nothing of ours makes one here: `doctor` names it
                os.unlink(name, dir_fd=folder)
        os.fsync(folder)


def require_folders(folders: Iterable[Path]) -> None:
    """Raise VaultError where something else than a folder has a folder's name, be it a link to one."""
    for folder in folders:
        _require(folder, stat.S_ISDIR, f"the folder {folder.name}/ of the vault is", NOT_A_FOLDER)


def require_files(files: Iterable[Path]) -> None:
    """Raise VaultError where something else than a regular file has a file's name, be it a link to one."""
    for path in files:
        _require(path, stat.S_ISREG, f"{path.name} of the vault is", NOT_A_FILE)


def _require(path: Path, is_right: Callable[[int], bool], start: str, otherwise: str) -> None:
    mode = _mode(path)
    if mode is not None and not is_right(mode):
        raise VaultError(f"{start} {SYMLINK if stat.S_ISLNK(mode) else otherwise}", hint=_HINT)


class FileEntry(Struct, frozen=True):
    """One name in a vault, as it was found without following it."""

    name: str  # relative to the vault
    status: os.stat_result | None  # None where it could not be looked at
    error: str = ""  # why


def walk(root: Path, enter: Callable[[str], bool]) -> Iterator[FileEntry]:
    """Yield everything below a folder, each folder once and before what is in it; links are yielded, never followed.

    `enter` says by its name whether a folder is looked into. What vanishes meanwhile is left out. Raises OSError where
    the folder itself cannot be listed.
    """
    with open_folder(root) as folder:
        yield from _walk(folder, "", enter)


def _walk(folder: int, prefix: str, enter: Callable[[str], bool]) -> Iterator[FileEntry]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda each: each.name)
    for each in entries:
        name = prefix + each.name
        try:
            status = each.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield FileEntry(name, None, error.strerror or "")
            continue
        yield FileEntry(name, status)
        if stat.S_ISDIR(status.st_mode) and enter(name):
            yield from _enter(folder, each.name, name, enter)


def _enter(folder: int, place: str, name: str, enter: Callable[[str], bool]) -> Iterator[FileEntry]:
    try:
        inner = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        yield FileEntry(name, None, error.strerror or "")
        return
    try:
        yield from _walk(inner, f"{name}/", enter)
    finally:
        os.close(inner)
