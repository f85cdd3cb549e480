"""Where a production is written: a folder built under another name, or a ZIP of it, and then named as a whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from strongroom.model.errors import UsageError
from strongroom.model.times import Chance
from strongroom.vault.durable import flush_folder, in_words

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can name


@contextmanager
def building(target: Path, random_bytes: Chance) -> Iterator[Path]:
    """Yield a folder to build in, which is removed at the end with what is left in it."""
    temporary = target.with_name(f".{target.name[:40]}.{random_bytes(4).hex()}.part")
    try:
        temporary.mkdir(mode=0o700)
        yield temporary
    except OSError as error:
        raise in_words(error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.with_suffix(".zip").unlink(missing_ok=True)


def pack(folder: Path) -> Path:
    """Pack a folder into a ZIP that is the same for the same files; return its path."""
    path = folder.with_suffix(".zip")
    with create_new(path) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in _files_in(folder):
                info = zipfile.ZipInfo(name, _EARLIEST)
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
                with (folder / name).open("rb") as source, packed.open(info, "w") as member:
                    shutil.copyfileobj(source, member, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    return path


def _files_in(folder: Path, place: str = "") -> Iterator[str]:
    """Yield the files in and below a folder, sorted, with the names of one folder in memory at a time."""
    for each in sorted(os.scandir(folder / place), key=lambda entry: entry.name):
        if each.is_dir():
            yield from _files_in(folder, f"{place}{each.name}/")
        else:
            yield f"{place}{each.name}"


def publish(built: Path, target: Path) -> None:
    """Give what was built its name; a name that was taken meanwhile is refused."""
    try:
        if built.is_dir():
            for folder, _folders, _files in os.walk(built, topdown=False):
                flush_folder(Path(folder))
            target.mkdir(mode=0o700)  # reserves the name or fails; the rename replaces an empty folder
            built.rename(target)
        else:
            os.link(built, target)
        flush_folder(target.parent)
    except FileExistsError:
        raise UsageError(
            f"{target} was being created by another process", hint="name another place with --output"
        ) from None


def create_new(path: Path | str) -> BinaryIO:
    """Create a file that only its owner can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "wb")


def close_flushed(file: BinaryIO) -> None:
    """Flush a file to the disk and close it."""
    with file:
        file.flush()
        os.fsync(file.fileno())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
