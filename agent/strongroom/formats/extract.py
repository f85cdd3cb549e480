"""Take a ZIP's members out into a folder: all of them or none, and nothing anywhere else.

Every path is walked by folder descriptors that refuse symbolic links, every file is created new (never opened), and
nothing is written before the whole directory was found sound.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from strongroom.formats.compression import gunzip
from strongroom.formats.inspect import read_container
from strongroom.formats.plaintext import PlaintextReader, Unreadable
from strongroom.formats.zip_directory import Member
from strongroom.formats.zip_members import inflate_member
from strongroom.model.content_coding import Coding
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.inspection import Caps, Severity

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def extract_container(
    reader: PlaintextReader, target: Path, caps: Caps, coded: Mapping[str, str] = MappingProxyType({})
) -> list[Path]:
    """Write all members (mode 0600, folders 0700) into `target`, which is made or must be empty; return the files.

    The content codings of the members in `coded`, by name, are undone.

    Raise Unreadable for a ZIP with any fault, UsageError for a target that is not an empty folder, WorldError where
    the disk refuses. After an error nothing of the extraction is left; another process that writes there at the same
    time is left alone.
    """
    directory = read_container(reader, caps)
    for finding in directory.findings:
        if finding.severity is Severity.FAULT:
            raise Unreadable(finding.code, finding.message, member=finding.member)
    made = done = False
    try:
        made = _open_target(target)
        with _Target(target) as folder:
            files = folder.take_all(reader, directory.members, caps, coded)
        done = True
        return files
    except OSError as error:
        raise WorldError(f"extracting into {target} failed: {error.strerror}") from error
    finally:
        if made and not done:
            with suppress(OSError):  # it stays when someone else has put something there
                target.rmdir()


def _open_target(target: Path) -> bool:
    """Make the folder, or check that it is empty; return whether it was made."""
    try:
        target.mkdir(mode=0o700)
    except FileExistsError:
        if target.is_symlink() or not target.is_dir() or any(target.iterdir()):
            raise UsageError(f"{target} must be an empty folder", hint="name a new folder to extract into") from None
        return False
    return True


class _Target:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = os.open(path, _FOLDER)
        self._made: list[tuple[str, bool]] = []  # what we created, in order; True for folders

    def __enter__(self) -> _Target:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed:
            self._remove_all()
        os.close(self._root)

    def take_all(
        self, reader: PlaintextReader, members: tuple[Member, ...], caps: Caps, coded: Mapping[str, str]
    ) -> list[Path]:
        files = []
        for member in members:
            parts = member.name.removesuffix("/").split("/")
            folder = self._walk(parts if member.is_folder else parts[:-1])
            try:
                if not member.is_folder:
                    pieces = inflate_member(reader, member, caps)
                    coding = coded.get(member.name)
                    self._write(folder, member, parts[-1], gunzip(pieces, caps, Coding(coding)) if coding else pieces)
                    files.append(self._path / member.name)
                os.fsync(folder)
            finally:
                os.close(folder)
        os.fsync(self._root)
        return files

    def _walk(self, parts: list[str]) -> int:
        """Open the folder below the root, making what is missing; the caller closes the descriptor."""
        folder = os.dup(self._root)
        for depth, part in enumerate(parts, 1):
            try:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=folder)
                    self._made.append(("/".join(parts[:depth]), True))
                below = os.open(part, _FOLDER, dir_fd=folder)
            finally:
                os.close(folder)
            folder = below
        return folder

    def _write(self, folder: int, member: Member, name: str, pieces: Iterator[bytes]) -> None:
        descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=folder)
        self._made.append((member.name, False))
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            try:
                for piece in pieces:
                    _write_all(file.fileno(), piece)
            except Unreadable as fault:
                raise Unreadable(fault.code, fault.message, member=member.shown) from fault
            os.fsync(descriptor)

    def _remove_all(self) -> None:
        for name, is_folder in reversed(self._made):
            with suppress(OSError):  # gone already, or filled by someone else: not ours to force
                if is_folder:
                    os.rmdir(name, dir_fd=self._root)
                else:
                    os.unlink(name, dir_fd=self._root)


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
