"""Coverage that nothing backs: the part of the comparison with the log that every command can afford."""

from __future__ import annotations

from msgspec import Struct

from strongroom.vault.derived import UNBACKED
from strongroom.vault.vault import Vault


class Unbacked(Struct, frozen=True):
    """A period that is archived or destroyed in the catalogue alone."""

    where: str
    code: str = "row"
    message: str = "the catalogue shows this as archived, but has no archive of it"


def unbacked_coverage(vault: Vault) -> list[Unbacked]:
    """Return coverage that is archived or destroyed without an archive or tombstone; fast, reads no log."""
    return [
        Unbacked(f"coverage {row['stream']} {row['window_start']} {row['window_end']}")
        for row in vault.catalogue.read(UNBACKED)
    ]
