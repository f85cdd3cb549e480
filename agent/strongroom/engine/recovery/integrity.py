"""What SQLite has against a catalogue's file: found out by reading alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from strongroom.model.errors import VaultError
from strongroom.vault.catalogue import is_writable, open_to_read, refusal
from strongroom.vault.vaultfiles import file_size, is_file


def integrity(path: Path) -> str:
    """Return what SQLite has against the file, or an empty text. Reads through its log, writes nothing.

    Raises WorldError where the file is not to be had: that is no damage, and making it again would not help.
    """
    if file_size(path) == 0 and not _has_write_ahead(path):
        return "the file is empty (0 bytes)"
    if not is_writable(path):
        return _integrity_where_nobody_writes(path)
    try:
        connection = sqlite3.connect(path, timeout=5)
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("SELECT count(*) FROM vault").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        refused = refusal(path, error)
        if refused is not None:
            raise refused from error
        return str(error)
    return "" if verdict == "ok" else str(verdict).splitlines()[0]


def _has_write_ahead(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return is_file(log) and file_size(log) > 0


def _integrity_where_nobody_writes(path: Path) -> str:
    try:
        catalogue = open_to_read(path, checked=False)
        try:
            (verdict,) = catalogue.read("PRAGMA quick_check(1)")[0]
        finally:
            catalogue.close()
    except VaultError as error:
        if not isinstance(error.__cause__, sqlite3.Error) or refusal(path, error.__cause__) is not None:
            raise
        return error.message
    return "" if verdict == "ok" else str(verdict).splitlines()[0]
