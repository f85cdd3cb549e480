"""Restoring the original file: its digest is checked before it gets its name, and nothing is ever overwritten.

A file that came with a content coding is restored without it, under the provider's name, unless it is requested as it
was delivered. The digest of the delivered bytes is checked in both cases. Nothing is restored into the vault: plaintext
there would outlive the destruction of its archive.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.age.reader import SealedReader
from strongroom.engine.access.browse import Filler, WatchedReader, read_blocks
from strongroom.engine.access.fixity import Watch
from strongroom.engine.access.payload import open_sealed
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import Unpacked, decoder, open_delivered, require_known_coding
from strongroom.engine.worker.seal_worker import HashThread
from strongroom.formats.compression import Gunzipped
from strongroom.formats.plaintext import PlaintextReader
from strongroom.model.archive import Archive
from strongroom.model.errors import SealError, UsageError, WorldError
from strongroom.model.inspection import Caps
from strongroom.model.provider import Container
from strongroom.vault.durable import Flusher, flush_folder, in_words, write_all
from strongroom.vault.vault import Vault


def require_outside(vault: Vault, target: Path) -> None:
    """Refuse a place inside the vault, by whatever name, link or mount it is reached. Raises UsageError."""
    require_outside_of(vault.layout.root, target)


def require_outside_of(root: Path, target: Path) -> None:
    """Refuse a place inside the folder of a vault. Raises UsageError."""
    place = target.resolve()
    if any(each.exists() and each.samefile(root) for each in (place, *place.parents)):
        raise UsageError(
            f"{target} is inside the vault, which must contain only its own files",
            hint="choose a place outside the vault",
        )


class Restored(Struct, frozen=True):
    """What was written."""

    paths: tuple[Path, ...]
    size: int  # bytes of the file written; with members, of the whole file that they were in
    sha256: str  # hex, of the same bytes
    coded: str = ""  # where a content coding was undone: hex SHA-256 of the bytes as delivered


def restore(
    vault: Vault,
    archive: Archive,
    identities: Sequence[X25519Identity],
    target: Path,
    watch: Watch = lambda _count: None,
    *,
    as_delivered: bool = False,
) -> Restored:
    """Write the delivered file to `target` (a new file, or a folder to put it in), byte for byte.

    Its content coding is undone unless it is wanted `as_delivered`. Raises UsageError when the file exists, SealError
    when the archive does not authenticate or its digest differs, ContentRefused when its coding cannot be undone; then
    nothing is left behind.
    """
    path = target / file_name(archive, as_delivered=as_delivered) if target.is_dir() else target
    require_outside(vault, path)
    _refuse_existing(path)
    key = unlock(vault, archive, identities)
    temporary = path.with_name(f".{path.name[:40]}.{archive.id[-6:]}.part")
    with open_sealed(vault, archive, key) as sealed:
        reader = _Hashed(open_delivered(sealed, archive.seal))
        clear = None if as_delivered else _undone(reader, archive)
        try:
            with _onto(path.parent):
                content = _copy(clear or reader, temporary, watch)
                _check(archive, key.salt, reader.digest(), content if clear else b"")
                _name(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    if clear is None:
        return Restored((path,), archive.seal.size, content.hex())
    return Restored((path,), archive.seal.file_size, content.hex(), reader.digest().hex())


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
        raise UsageError(f"{folder} is not an empty folder", hint="name a new folder with --output")
    key = unlock(vault, archive, identities)
    with open_sealed(vault, archive, key) as sealed:
        reader = open_delivered(sealed, archive.seal)
        digest = hashlib.sha256()
        for block in read_blocks(reader):
            digest.update(block)
            watch(len(block))
        _check(archive, key.salt, digest.digest())
        reader.seek(0)
        coded = _member_codings(archive)
        watched = WatchedReader(reader, watch)
        with _onto(folder):
            paths = extract_container(_undone(watched, archive) or watched, folder, Caps(), coded)
    return Restored(tuple(paths), archive.seal.size, digest.hexdigest())


class _Hashed:
    """A reader that hashes the delivered bytes as they are read, in order."""

    def __init__(self, reader: SealedReader | Unpacked) -> None:
        self._reader, self._hash = reader, hashlib.sha256()

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer and return how many bytes; 0 at the end."""
        count = self._reader.readinto(buffer)
        self._hash.update(memoryview(buffer)[:count])
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Refuse: the digest is that of all bytes in order."""
        raise UsageError(f"the delivered bytes are read in order, not from {offset} ({whence})")

    def digest(self) -> bytes:
        """Return the SHA-256 of what was read."""
        return self._hash.digest()


def _member_codings(archive: Archive) -> dict[str, str]:
    """Return the content codings of a bundle's files by name. Raises SealError for one this program does not know."""
    coded = {report.member: report.coding for report in archive.inspection.members if report.coding}
    for coding in coded.values():
        require_known_coding(coding)
    return coded


def _undone(reader: PlaintextReader, archive: Archive) -> Gunzipped | None:
    """Return a reader that undoes the content coding, None without one. Raises SealError where it cannot be undone."""
    if archive.seal.delivered_coding and archive.seal.decoded_size is None:
        raise SealError(
            f"archive {archive.id} came {archive.seal.delivered_coding}-coded, and the coding cannot be removed",
            hint=f"write the bytes as delivered: strongroom restore {archive.id} --as-delivered --output PATH",
        )
    return decoder(reader, archive.seal, Caps())


@contextmanager
def _onto(folder: Path) -> Iterator[None]:
    """Report a full disk as that of the target, not of the vault: the agent cannot wait for it."""
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


def _copy(reader: Filler, temporary: Path, watch: Watch) -> bytes:
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise WorldError(
            f"cannot write {temporary}: {error.strerror}", hint="choose another place with --output"
        ) from error
    try:
        with HashThread() as digest, Flusher(fd) as flusher:
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


def _check(archive: Archive, salt: bytes, content: bytes, decoded: bytes = b"") -> None:
    """Compare the digests of the delivered and, where given, of the decoded bytes with the manifest."""
    pairs = [(content, archive.seal.digest)]
    if decoded:
        pairs.append((decoded, archive.seal.decoded_digest))
    if not all(
        hmac.compare_digest(hmac.new(salt, each, hashlib.sha256).hexdigest(), expected) for each, expected in pairs
    ):
        raise SealError(
            f"archive {archive.id} decrypts, but its content is not what was archived",
            hint="run: strongroom verify, and restore the file from a copy of the vault",
        )


def _name(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        _refuse_existing(path)
        raise UsageError(
            f"{path} was being created by another process", hint="name another file with --output"
        ) from None
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
            f"the manifest of archive {archive.id} has an invalid file name",
            hint="name the file yourself with --output PATH, and run: strongroom verify",
        )
    return name


def file_name(archive: Archive, *, as_delivered: bool = False) -> str:
    """Return the name of the file as it is restored: where it came coded, with the ending of the coding only as it was
    delivered.

    Raises SealError for a name that could lead out of the target folder.
    """
    bare_name(archive)
    return archive.seal.coded_name if as_delivered else archive.seal.file_name


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists and is never overwritten", hint="name another file with --output")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint="create it first, or choose another with --output")
