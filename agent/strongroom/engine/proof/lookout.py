"""What was signed of a log, as it is known outside the vault: in folders that got checkpoints, and beside the key.

A vault that was put back as a whole, with its catalogue and its checkpoints, contradicts nothing in itself. Only what
lies elsewhere can tell that more was signed already.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from strongroom.config.schema import Config
from strongroom.config.secrets import Scheme
from strongroom.evidence.checkpoint import Checkpoint, read_unchecked
from strongroom.model.errors import StrongroomError

_LONGEST = 65_536  # bytes; a longer file is no note


@dataclass(frozen=True, slots=True)
class Lookout:
    """Where to look outside the vault before anything is signed."""

    folders: tuple[Path, ...] = ()  # that checkpoints were sent to
    key: Path | None = None  # the file of the signing key; the last checkpoint is remembered beside it

    def seen(self, origin: str) -> list[Checkpoint]:
        """Return the newest checkpoint of this log from each place that can be read, whoever signed it."""
        folders = [_newest(folder, origin) for folder in self.folders]
        memory = self._memory(origin)
        beside = None if memory is None else _read(memory, origin)
        return [each for each in (*folders, beside) if each is not None]

    def remember(self, origin: str, note: str) -> None:
        """Keep the last checkpoint beside the signing key, where that folder can be written."""
        memory = self._memory(origin)
        if memory is None:
            return
        temporary = memory.with_name(f".{memory.name[:40]}.{os.getpid()}.part")
        with suppress(OSError):  # a credential's folder is read-only: the folders must do then
            try:
                fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                with os.fdopen(fd, "wb") as file:
                    file.write(note.encode())
                    file.flush()
                    os.fsync(fd)
                temporary.replace(memory)
            finally:
                temporary.unlink(missing_ok=True)

    def _memory(self, origin: str) -> Path | None:
        return None if self.key is None else self.key.with_name(f"{self.key.name}.{_log_of(origin)}.note")


NOWHERE = Lookout()


def lookout_of(config: Config) -> Lookout:
    """Return where this configuration says that checkpoints lie outside the vault."""
    reference = config.vault.signing_key
    key = Path(reference.target) if reference is not None and reference.scheme is Scheme.FILE else None
    folders = tuple(each.directory for each in config.evidence.send_to if each.directory is not None)
    return Lookout(folders, key)


def _log_of(origin: str) -> str:
    """Return what an origin says of the log's first line: the name before it is the signer's, who may change."""
    return origin.rpartition("/")[2]


def _newest(folder: Path, origin: str) -> Checkpoint | None:
    return next(iter(_of_log(folder, origin)), None)


def _of_log(folder: Path, origin: str) -> Iterator[Checkpoint]:
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".note" and path.stem.isdecimal()]
    except OSError:  # not mounted, or a place that we may add to and not read
        return
    for path in sorted(paths, key=lambda path: int(path.stem[:20]), reverse=True):
        found = _read(path, origin)
        if found is not None:
            yield found


def _read(path: Path, origin: str) -> Checkpoint | None:
    """Return what a file says of this log; None for one of another log, or that is none."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            found = read_unchecked(file.read(_LONGEST).decode())
    except (OSError, ValueError, StrongroomError):
        return None
    return found if _log_of(found.origin) == _log_of(origin) else None
