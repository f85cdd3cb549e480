"""The write protocol: a file counts as written once it was flushed, dropped from the page cache and read back.

A file is written under a temporary name, flushed, read back from the disk, and given its name without overwriting
another; then its folder is flushed. If a flush fails the file is discarded: the kernel may have dropped the dirty
pages, and calling fsync again would report a success that never happened.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.files import create_descriptor, link, make_directory, read_file, unlink

STEP = 16 << 20  # bytes written between two flushes


class Flusher:
    """Flushes what was written to one file, in a thread, whenever enough has come together.

    A context manager: leaving it waits for a flush under way, so that the file can be closed.
    """

    def __init__(self, fd: int, step: int = STEP) -> None:
        self._fd = fd
        self._step = step
        self._unflushed = 0
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None

    def __enter__(self) -> Flusher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait()

    def wrote(self, count: int) -> None:
        """Take note that so many more bytes were written; never waits."""
        self._unflushed += count
        if self._unflushed >= self._step and not (self._thread and self._thread.is_alive()):
            self._unflushed = 0
            self._thread = threading.Thread(target=self._flush, name="flusher")
            self._thread.start()

    def settle(self) -> None:
        """Wait for a flush under way; call it before the last flush.

        Raises WorldError when any flush so far has failed: the file must then be thrown away.
        """
        self._wait()
        if self._failure:
            raise in_words(self._failure) from self._failure

    def _wait(self) -> None:
        if self._thread:
            self._thread.join()

    def _flush(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            self._failure = self._failure or error


def write_new(path: Path, temporary: Path, data: bytes) -> None:
    """Write a small file by the whole protocol. Raises VaultError when `path` exists already or reads back wrong.

    Raises WorldError when the disk is full or fails, or when `temporary` is there already, be it a link. The folder
    for unfinished work is made where a copy left it out.
    """
    make_folder(temporary.parent)
    try:
        fd = create_descriptor(temporary)
    except OSError as error:
        raise in_words(error) from error
    try:
        try:
            write_all(fd, data)
            flush(fd)
        finally:
            os.close(fd)
        _read_back(temporary, data)
        publish(temporary, path)
    except BaseException:
        with suppress(OSError):  # what is in tmp is removed at the next start
            unlink(temporary)
        raise


def _read_back(path: Path, data: bytes) -> None:
    try:
        found = read_file(path, most=None)
    except OSError as error:
        raise in_words(error, "read back") from error
    if found != data:
        raise VaultError(f"{path.name} read back from the disk is not what was written", hint="check the disk")


def create(path: Path, data: bytes) -> None:
    """Write and flush a file that only its owner can read. Raises OSError when the name is taken, be it by a link.

    Raises WorldError when the disk is full or fails: what is there by then is the caller's to remove.
    """
    _fill(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), data)


def create_in_vault(path: Path, data: bytes) -> None:
    """Do the same in a folder of the vault, which is not reached through a link."""
    _fill(create_descriptor(path), data)


def _fill(fd: int, data: bytes) -> None:
    try:
        write_all(fd, data)
        flush(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte, however short the single writes are. A full disk becomes a WorldError in words."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise in_words(error) from error


def flush(fd: int) -> None:
    """Flush a file to the disk and drop it from the page cache, so that the next read comes from the disk."""
    try:
        os.fsync(fd)
    except OSError as error:
        raise in_words(error) from error
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def publish(temporary: Path, path: Path) -> None:
    """Give a flushed file its name. Raises VaultError when the name is taken; nothing is ever overwritten."""
    make_folder(path.parent)
    try:
        link(temporary, path)
    except FileExistsError:
        raise VaultError(
            f"{path.name} exists already and is never overwritten", hint="run: strongroom doctor"
        ) from None
    except OSError as error:
        raise in_words(error) from error
    try:
        flush_folder(path.parent)
    except WorldError:
        with suppress(OSError):  # the caller that gets the failure removes it as well
            unlink(path)  # a name that may not outlive a crash must not be believed
        raise
    with suppress(OSError):  # the file has its name; what is in tmp is removed at the next start
        unlink(temporary)


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can read, and flush its parent when it is new."""
    try:
        if not make_directory(path):
            return
    except OSError as error:
        raise in_words(error) from error
    flush_folder(path.parent)


def flush_folder(path: Path) -> None:
    """Flush a folder's entries to the disk."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise in_words(error) from error
    try:
        os.fsync(fd)
    except OSError as error:
        raise in_words(error) from error
    finally:
        os.close(fd)


def remove(path: Path) -> None:
    """Remove a file if it is there, and flush its folder."""
    try:
        unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise in_words(error) from error
    flush_folder(path.parent)


def in_words(error: OSError, act: str = "write") -> WorldError:
    """Turn a failed system call into a sentence; `act` is what was tried."""
    name = Path(str(error.filename)).name if error.filename else "the vault"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorldError(f"the disk is full while writing {name}", hint="free space, then the job goes on by itself")
    if error.errno == errno.EIO:
        return WorldError(f"the disk reports an error at {name}", hint="check the disk before anything else: dmesg")
    return WorldError(f"cannot {act} {name}: {error.strerror}", hint="check owner and permissions: strongroom doctor")
