"""What keeps SQLite from a catalogue's file, in words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.sqlcodes import BUSY, WORLD, code_of
from strongroom.vault.sqlwords import stayed_locked


def not_opened(path: Path, error: sqlite3.Error) -> VaultError | WorldError:
    """Say why a file could not be opened as a catalogue: the machine's doing, or the file's."""
    if code_of(error) in BUSY:
        return stayed_locked(str(path))
    if code_of(error) in WORLD:
        return WorldError(f"{path}: {WORLD[code_of(error)][0]}", hint=WORLD[code_of(error)][1])
    return VaultError(f"{path} cannot be opened as a catalogue: {error}", hint="run: strongroom doctor")


def refusal(path: Path, error: sqlite3.Error) -> VaultError | WorldError | None:
    """Return what kept SQLite from the file, in words; None where it is the file itself that is no sound catalogue."""
    if code_of(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, 0):
        return None  # SQLITE_ERROR: there is no such table; 0: what was read is no text
    return not_opened(path, error)
