"""Checkpoints known outside the vault: in folders that received them, and beside the signing key.

A vault that was restored as a whole, with its catalogue and checkpoints, is consistent in itself. Only a checkpoint
kept elsewhere can show that more was signed already.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from strongroom.config.schema import Config
from strongroom.config.secrets import Scheme
from strongroom.evidence.checkpoint import Checkpoint, read_unchecked
from strongroom.model.errors import StrongroomError
from strongroom.vault.layout import beside

_LONGEST = 65_536  # bytes; a longer file is no note


class CheckpointPlace(Struct, frozen=True):
    """A place outside the vault, and the newest checkpoint of this log there."""

    name: str  # for a person
    path: Path | None = None  # of that checkpoint's file
    checkpoint: Checkpoint | None = None
    unread: str = ""  # why the place could not be read


class KnownCheckpoints(Struct, frozen=True):
    """Where to look outside the vault before signing, and when auditing."""

    folders: tuple[Path, ...] = ()  # that checkpoints were sent to
    key: Path | None = None  # the file of the signing key; the last checkpoint is remembered beside it
    names: tuple[str, ...] = ()  # of the targets whose folders these are
    blind: tuple[str, ...] = ()  # targets that receive checkpoints but cannot be read from here

    def look(self, origin: str) -> list[CheckpointPlace]:
        """Return the newest checkpoint of this log at each place, with any signature, or why it could not be read."""
        names = (*self.names, *(str(folder) for folder in self.folders[len(self.names) :]))
        found = [
            _newest(f"checkpoint target {name}", each, origin) for name, each in zip(names, self.folders, strict=True)
        ]
        memory = self._memory(origin)
        if memory is not None:
            place = _look_at("the note beside the signing key", memory, origin)
            if place == CheckpointPlace(place.name) and os.path.lexists(memory):  # its name says that it is of this log
                place = replace(place, unread=f"{memory.name}: it contains no checkpoint of this log")
            found.append(place)
        return found

    def seen(self, origin: str) -> list[Checkpoint]:
        """Return the newest checkpoint of this log from each readable place, with any signature."""
        return [each.checkpoint for each in self.look(origin) if each.checkpoint is not None]

    def remember(self, origin: str, note: str) -> str:
        """Store the last checkpoint beside the signing key; return why that failed, or an empty text."""
        memory = self._memory(origin)
        if memory is None:
            return ""
        temporary = memory.with_name(f".{memory.name[:40]}.{os.getpid()}.part")
        try:
            try:
                fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                with os.fdopen(fd, "wb") as file:
                    file.write(note.encode())
                    file.flush()
                    os.fsync(fd)
                temporary.replace(memory)
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
        except OSError as error:
            return f"{memory}: {error.strerror}"
        return ""

    def _memory(self, origin: str) -> Path | None:
        return None if self.key is None else beside(self.key, f".{_log_of(origin)}.note")


NOWHERE = KnownCheckpoints()


def known_checkpoints(config: Config) -> KnownCheckpoints:
    """Return where this configuration keeps checkpoints outside the vault."""
    reference = config.vault.signing_key
    key = Path(reference.target) if reference is not None and reference.scheme is Scheme.FILE else None
    targets = config.evidence.send_to
    folders = tuple(each.directory for each in targets if each.directory is not None)
    names = tuple(each.name for each in targets if each.directory is not None)
    return KnownCheckpoints(folders, key, names, tuple(each.name for each in targets if each.directory is None))


def _log_of(origin: str) -> str:
    """Return the part of an origin that names the log; the part before it is the signer, which may change."""
    return origin.rpartition("/")[2]


def _newest(name: str, folder: Path, origin: str) -> CheckpointPlace:
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".note" and path.stem.isdecimal()]
    except OSError as error:  # not mounted, or not readable for us
        return CheckpointPlace(name, unread=error.strerror or "it cannot be read")
    unread = ""
    for path in sorted(paths, key=lambda path: int(path.stem[:20]), reverse=True):
        found = _look_at(name, path, origin)
        if found.checkpoint is not None:
            return replace(found, unread=unread)
        unread = unread or found.unread
    return CheckpointPlace(name, unread=unread)


def _look_at(name: str, path: Path, origin: str) -> CheckpointPlace:
    """Return the checkpoint in a file; none if it is of another log, or no checkpoint."""
    try:
        found = read_unchecked(_read(path))
    except FileNotFoundError:
        return CheckpointPlace(name)
    except OSError as error:
        words = "it is a symbolic link, which is not followed" if error.errno == errno.ELOOP else error.strerror
        return CheckpointPlace(name, unread=f"{path.name}: {words}")
    except (ValueError, StrongroomError):
        return CheckpointPlace(name)
    ours = _log_of(found.origin) == _log_of(origin)
    return CheckpointPlace(name, path, found) if ours else CheckpointPlace(name)


def _read(path: Path) -> str:
    """Return the text of a regular file, which is not read through a link. Raises OSError, ValueError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe is not waited for
    with os.fdopen(fd, "rb", 0) as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("no file")
        return (file.read(_LONGEST) or b"").decode()
