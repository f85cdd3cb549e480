"""What in a catalogue nothing of ours wrote: another schema, or rows of the log that are none of its chain."""

from __future__ import annotations

from pathlib import Path

from strongroom.model.errors import VaultError
from strongroom.vault.catalogue import Catalogue, open_catalogue
from strongroom.vault.files import is_there
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.schema import ForeignSchema

ENTRIES_AFTER = "SELECT seq, line FROM entries WHERE seq > ? ORDER BY seq"
ENTRY_BEFORE_ALL = "SELECT seq FROM entries WHERE seq < 1 ORDER BY seq LIMIT 1"


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
    odd = catalogue.read_one(ENTRY_BEFORE_ALL)
    if odd is not None:
        return int(odd["seq"])
    walk = LogWalk(seq, prev)
    for row in catalogue.read(ENTRIES_AFTER, seq):
        try:
            walk.follow(bytes(row["line"]))
        except (VaultError, TypeError):
            return int(row["seq"])
    return None
