"""Reading one file of an archive from a copy, where the vault's own is missing or damaged. Writes nothing to the vault.

The bytes are those that manifest and log name, or they are not used. What comes from a copy is as sealed as in the
vault: it lies in memory, or in a temporary file that has no name.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from strongroom.config.schema import Config
from strongroom.copies.port import ObjectAbsent
from strongroom.engine.copies.fetch import names_for
from strongroom.engine.copies.targets import CopyTarget, require_known, targets_of
from strongroom.engine.core.sources import open_reading
from strongroom.model.archive import Archive
from strongroom.model.copies import Part
from strongroom.model.errors import StrongroomError, WorldError
from strongroom.vault.copies import known_copies
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import Vault

IN_MEMORY = 8 << 20  # bytes of a file that are never on a disk: a key file must leave nothing behind

Say = Callable[[str], None]


@contextmanager
def open_with_copies(config: Config, say: Say) -> Iterator[Vault]:
    """Open the vault for reading; what is missing or damaged in it is read from a copy, and `say` gets the words."""
    with open_reading(config) as vault:
        if config.copies:
            vault.other_files = CopyFiles(config, vault, say)
        yield vault


class CopyFiles:
    """The files of archives in the copies of a vault."""

    def __init__(self, config: Config, vault: Vault, say: Say) -> None:
        self._config, self._vault, self._say = config, vault, say
        self._targets: list[CopyTarget] | None = None

    def fetch(self, archive: Archive, part: Part, sha256: str) -> IO[bytes] | None:
        """Return the file from the first copy that has it with this SHA-256; None where no copy has it."""
        if get_tombstone(self._vault.catalogue, archive.id) is not None:
            return None
        for target in self._reached():
            try:
                file = _fetch(target, part, archive, sha256)
            except WorldError as error:
                self._say(f"copy {target.name}: {error.message}")
                continue
            if file is not None:
                what = f"the {_WORDS[part]} of archive {archive.id} is missing or damaged in the vault"
                self._say(f"{what}; read from copy {target.name}. To see what can be done: strongroom repair")
                return file
        return None

    def _reached(self) -> list[CopyTarget]:
        """Return the copies that can be reached; of another, say why not, once."""
        if self._targets is None:
            self._targets, known = [], known_copies(self._vault.catalogue)
            for target in targets_of(self._config, self._vault):
                try:
                    if target.name in known:
                        require_known(target, self._vault)
                        self._targets.append(target)
                except StrongroomError as error:
                    self._say(error.message)
        return self._targets


_WORDS = {Part.KEY: "key file", Part.PAYLOAD: "file", Part.SEGMENT: "search segment"}


def _fetch(target: CopyTarget, part: Part, archive: Archive, sha256: str) -> IO[bytes] | None:
    """Return a part of an archive as a copy has it, None where it has none with this SHA-256."""
    for name in names_for(part, archive, sha256):
        file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller closes it
        try:
            if _fill(file, target, name) == sha256:
                file.seek(0)
                return file
        except ObjectAbsent:
            pass
        except OSError as error:
            file.close()
            hint = "free space there, or name another folder in TMPDIR"
            words = f"no room for a file of the copy in {tempfile.gettempdir()}: {error.strerror}"
            raise WorldError(words, hint=hint) from error
        except BaseException:
            file.close()
            raise
        file.close()
    return None


def _fill(file: IO[bytes], target: CopyTarget, name: str) -> str:
    """Write an object to a file, and return its SHA-256."""
    found = hashlib.sha256()
    for block in target.store.read(name):
        found.update(block)
        file.write(block)
    return found.hexdigest()
