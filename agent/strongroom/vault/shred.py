"""Destroying files: overwritten, flushed, unlinked, folder flushed, in this order. Each act may be repeated.

A file is overwritten in place before it loses its name, so that a second name of the same file, or a look at the bare
disk, finds zeros. On a disk that writes to other places (flash, snapshots, copy on write) that proves
nothing, and nobody may say that it does: what makes an archive unreadable is that its key has gone everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from strongroom.model.errors import WorldError
from strongroom.vault.durable import flush_folder, in_words, write_all
from strongroom.vault.files import (
    create_descriptor,
    is_file,
    is_folder,
    list_folder,
    make_directory,
    open_descriptor,
    read_file,
    rename,
    unlink,
)
from strongroom.vault.layout import Layout

_BLOCK = bytes(1 << 16)
_KEPT = ("log",)  # folders whose files outlive the archive they are named after


def shred(path: Path) -> bool:
    """Overwrite a file with zeros and remove it; return False where there was none. A link is removed, not followed.

    Raises WorldError when the disk refuses: then the file may still be there, and the caller does not go on.
    """
    try:
        _overwrite(path)
        unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise in_words(error) from error
    flush_folder(path.parent)
    return True


def _overwrite(path: Path) -> None:
    if not is_file(path):
        return
    with suppress(PermissionError):  # a file that may not be written may still be unlinked, which is what counts
        fd = open_descriptor(path, os.O_WRONLY)
        try:
            _blank(fd)
        finally:
            os.close(fd)


def _blank(fd: int) -> None:
    left = os.fstat(fd).st_size
    os.lseek(fd, 0, os.SEEK_SET)
    while left > 0:
        block = _BLOCK[: min(left, len(_BLOCK))]
        write_all(fd, block)
        left -= len(block)
    os.fsync(fd)


def discard(path: Path) -> bool:
    """Remove a large sealed file whose key has gone: without it its bytes are noise, and are not overwritten.

    Returns False where there was none. Raises WorldError.
    """
    try:
        unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise in_words(error) from error
    flush_folder(path.parent)
    return True


def put_in_place_of(path: Path, temporary: Path, data: bytes) -> None:
    """Put a small file in the place of another in one move, and overwrite the bytes of the one that lost its name.

    Whoever reads `path` finds the old file or the new one, whole. Does nothing where the new one is there already.
    """
    if _holds(path, data):
        return
    with suppress(FileNotFoundError):
        unlink(temporary)
    old = _open_if_there(path)
    try:
        _write(temporary, data)
        try:
            make_directory(path.parent)
            rename(temporary, path)
        except OSError as error:
            raise in_words(error) from error
        flush_folder(path.parent)
        if old is not None:
            _blank(old)
    finally:
        if old is not None:
            os.close(old)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return read_file(path) == data
    except OSError:
        return False


def _open_if_there(path: Path) -> int | None:
    try:
        return open_descriptor(path, os.O_WRONLY)
    except OSError:
        return None


def _write(path: Path, data: bytes) -> None:
    try:
        fd = create_descriptor(path)
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise in_words(error) from error
    if not _holds(path, data):
        raise WorldError(f"{path.name} read back from the disk is not what was written", hint="check the disk")


def copies_of(layout: Layout, archive_id: str) -> list[Path]:
    """Return every file of the vault named after an archive, wherever it lies, key files first.

    Looks into each folder of the vault and into the one below it that the id belongs to, so that unfinished, rotated
    and quarantined files are found as well as published ones. The log and its certificates are no copies.
    """
    found = [path for folder in _folders(layout, archive_id) for path in _named(folder, archive_id)]
    return sorted(found, key=lambda path: (".key." not in path.name, path))


def _folders(layout: Layout, archive_id: str) -> Iterator[Path]:
    for folder in list_folder(layout.root):
        if folder.name not in _KEPT:  # what is no folder has nothing in it
            yield folder
            yield folder / archive_id[-2:]


def _named(folder: Path, archive_id: str) -> list[Path]:
    return [path for path in list_folder(folder, archive_id) if not is_folder(path)]
