"""The files of an evidence package: copied from the vault with their digests compared, and summed up."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from strongroom.model.errors import VaultError
from strongroom.vault.durable import flush, write_all
from strongroom.vault.files import open_file

HINT = "run: strongroom audit verify, and restore the file from a copy of the vault"
_BLOCK = 1 << 20


def copy_sealed(source: Path, target: Path, sha256: str) -> None:
    """Copy a sealed file of the vault. Raises VaultError unless it has the digest that the log has."""
    digest = hashlib.sha256()
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open_file(source) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                write_all(fd, block)
        flush(fd)
    finally:
        os.close(fd)
    if digest.hexdigest() != sha256:
        raise VaultError(
            f"the payload {source.name} is not the one that was archived, so no package was made", hint=HINT
        )


def sums_of(folder: Path) -> tuple[bytes, int]:
    """Return the text of SHA256SUMS, and how many bytes the files have together."""
    lines, size = [], 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder)}\n")
        size += path.stat().st_size
    return "".join(lines).encode(), size
