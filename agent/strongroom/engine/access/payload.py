"""The payload of an archive, opened: from the vault, or from a copy where the vault's file is missing or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, cast

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.reader import SealedReader, SeekableSource
from strongroom.model.archive import Archive
from strongroom.model.copies import Part
from strongroom.vault.vault import Vault


@contextmanager
def open_sealed(vault: Vault, archive: Archive, key: ArchiveKey) -> Iterator[SealedReader]:
    """Open the payload with the archive's own key. Damage may show only when it is reached.

    Raises OSError where the file is missing and no copy has it, SealError where it does not authenticate.
    """
    with ExitStack() as stack:

        def from_copy() -> SeekableSource | None:
            file = other_file(vault, archive, Part.PAYLOAD, archive.seal.sealed_sha256)
            return cast("SeekableSource", stack.enter_context(file)) if file else None

        try:
            file: SeekableSource = stack.enter_context(vault.open_payload(archive))
        except OSError:
            other = from_copy()
            if other is None:
                raise
            file = other
        yield SealedReader(file, [key.identity], from_copy)


def other_file(vault: Vault, archive: Archive, part: Part, sha256: str) -> IO[bytes] | None:
    """Return a part of an archive from elsewhere, None where there is none; its SHA-256 was compared."""
    return vault.other_files.fetch(archive, part, sha256) if vault.other_files else None
