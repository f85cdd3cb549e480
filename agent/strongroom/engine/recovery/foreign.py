"""What in a catalogue nothing of ours wrote: another schema, or rows of the log that are none of its chain."""

from __future__ import annotations

from pathlib import Path

from strongroom.model.errors import VaultError
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, open_catalogue
from strongroom.vault.chainwalk import ChainWalk
from strongroom.vault.schemacheck import ForeignSchema
from strongroom.vault.vaultfiles import is_there


def foreign_schema(path: Path) -> str:
    """Return how the schema of a catalogue differs from the program's own, or an empty text.

    Raises VaultError or WorldError where it cannot be opened for another reason.
    """
    try:
        open_catalogue(path).close()
    except ForeignSchema as error:
        return error.message
    return ""


def is_foreign(path: Path) -> bool:
    """Say whether there is a catalogue that can be read and whose schema is not the program's own."""
    try:
        return is_there(path) and bool(foreign_schema(path))
    except VaultError:
        return False


def unchained_row(catalogue: Catalogue, seq: int, prev: str) -> int | None:
    """Return the number of a row that does not follow what the log's file ends with; None where all do."""
    odd = catalogue.read_one(queries.ENTRY_BEFORE_ALL)
    if odd is not None:
        return int(odd["seq"])
    walk = ChainWalk(seq, prev)
    for row in catalogue.read(queries.ENTRIES_AFTER, seq):
        try:
            walk.follow(bytes(row["line"]))
        except (VaultError, TypeError):
            return int(row["seq"])
    return None
