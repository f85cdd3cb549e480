"""Giving the original bytes back: digest checked before the file gets its name, nothing ever overwritten."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from strongroom.engine.airlock.digest import Digest
from strongroom.engine.health.fixity import Watch
from strongroom.engine.keys.identities import unlock
from strongroom.engine.reading.blocks import WatchedReader, read_blocks
from strongroom.engine.reading.coding import Unpacked, open_clear
from strongroom.engine.reading.outside import require_outside
from strongroom.model.archive import Archive
from strongroom.model.errors import SealError, UsageError, WorldError
from strongroom.model.inspection import Caps
from strongroom.model.provider import Container
from strongroom.sealing.identity import X25519Identity
from strongroom.sealing.reader import SealedReader
from strongroom.vault.durable import flush_folder, in_words, write_all
from strongroom.vault.flusher import Flusher
from strongroom.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Restored:
    """What was written."""

    paths: tuple[Path, ...]
    size: int  # bytes as delivered
    sha256: str  # hex, of the delivered bytes


def restore(
    vault: Vault,
    archive: Archive,
    identities: Sequence[X25519Identity],
    target: Path,
    watch: Watch = lambda _count: None,
) -> Restored:
    """Write the delivered file to `target` (a new file, or a folder to put it in), byte for byte.

    Raises UsageError when the file exists, SealError when the archive does not authenticate or its digest differs;
    then nothing is left behind.
    """
    path = target / bare_name(archive) if target.is_dir() else target
    require_outside(vault, path)
    _refuse_existing(path)
    key = unlock(vault, archive, identities)
    temporary = path.with_name(f".{path.name[:40]}.{archive.id[-6:]}.part")
    with vault.open_payload(archive) as sealed:
        reader = open_clear(SealedReader(sealed, [key.identity]), archive.seal)
        try:
            with _onto(path.parent):
                content = _copy(reader, temporary, watch)
                _check(archive, key.salt, content)
                _name(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return Restored((path,), archive.seal.size, content.hex())


def restore_members(
    vault: Vault,
    archive: Archive,
    identities: Sequence[X25519Identity],
    folder: Path,
    watch: Watch = lambda _count: None,
) -> Restored:
    """Write the members of a ZIP or bundle into a new or empty folder, after the whole file's digest was checked."""
    if archive.expectation.container not in (Container.ZIP_OF_JSON, Container.BUNDLE):
        raise UsageError("the delivered file has no members: it is one file", hint="restore it without --extract")
    from strongroom.formats.extract import (
        extract_container,
    )  # the readers of ZIP and JSON, which `restore` does not need

    require_outside(vault, folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder", hint="name a new folder with --to")
    key = unlock(vault, archive, identities)
    with vault.open_payload(archive) as sealed:
        reader = open_clear(SealedReader(sealed, [key.identity]), archive.seal)
        digest = hashlib.sha256()
        for block in read_blocks(reader):
            digest.update(block)
            watch(len(block))
        _check(archive, key.salt, digest.digest())
        with _onto(folder):
            paths = extract_container(WatchedReader(reader, watch), folder, Caps())
    return Restored(tuple(paths), archive.seal.size, digest.hexdigest())


@contextmanager
def _onto(folder: Path) -> Iterator[None]:
    """Tell a full disk as that of the target: it is nothing that the agent could wait for, and not the vault's."""
    try:
        yield
    except WorldError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise WorldError(
            f"the disk of {folder} is full: nothing was left behind there, and the vault is unchanged",
            hint="free space there, or restore to another disk",
        ) from error


def _copy(reader: SealedReader | Unpacked, temporary: Path, watch: Watch) -> bytes:
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise WorldError(
            f"cannot write {temporary}: {error.strerror}", hint="choose another place with --to"
        ) from error
    try:
        with Digest() as digest, Flusher(fd) as flusher:
            for block in read_blocks(reader):
                digest.update(block)
                write_all(fd, block)
                flusher.wrote(len(block))
                watch(len(block))
            content = digest.result()
            flusher.settle()
        os.fsync(fd)
    except OSError as error:
        raise in_words(error) from error
    finally:
        os.close(fd)
    return content


def _check(archive: Archive, salt: bytes, content: bytes) -> None:
    found = hmac.new(salt, content, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(found, archive.seal.digest):
        raise SealError(
            f"archive {archive.id} decrypts, but to other bytes than were archived",
            hint="run: strongroom verify, and restore the file from a copy of the vault",
        )


def _name(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        _refuse_existing(path)
        raise UsageError(f"{path} was being made by somebody else", hint="name another file with --to") from None
    except OSError:
        _name_without_links(temporary, path)
    flush_folder(path.parent)


def _name_without_links(temporary: Path, path: Path) -> None:
    """Name the file where the file system has no hard links: take the name first, so that nothing is overwritten."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        _refuse_existing(path)
    temporary.rename(path)


def bare_name(archive: Archive) -> str:
    """Return the delivered file's name. Raises SealError for one that could lead out of the target folder."""
    name = archive.seal.delivered_name
    if name in ("", ".", "..") or Path(name).name != name or not name.isprintable():
        raise SealError(
            f"the manifest of archive {archive.id} has a file name that is none",
            hint="name the file yourself with --to PATH, and run: strongroom verify",
        )
    return name


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists and is never overwritten", hint="name another file with --to")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint="make it first, or name another with --to")
