"""What SQLite has against a catalogue's file: found out by reading alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.catalogue import is_writable, open_to_read
from strongroom.vault.connection import has_write_ahead, refusal
from strongroom.vault.files import file_size


def integrity(path: Path) -> str:
    """Return what SQLite has against the file, or an empty text. Reads through its log, writes nothing.

    Raises WorldError where the file is not to be had: that is no damage, and making it again would not help.
    """
    if file_size(path) == 0 and not has_write_ahead(path):
        return "the file is empty (0 bytes)"
    if not is_writable(path):
        return _integrity_where_nobody_writes(path)
    try:
        connection = sqlite3.connect(path, timeout=5)
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("SELECT count(*) FROM vault").fetchone()
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            known = pages * connection.execute("PRAGMA page_size").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        refused = refusal(path, error)
        if refused is None:
            return str(error)
        if isinstance(refused, WorldError):  # a full disk: it can be read all the same
            return _integrity_where_nobody_writes(path)
        raise refused from error
    if verdict == "ok" and not has_write_ahead(path) and file_size(path) > known:
        return f"the file has {file_size(path)} bytes, SQLite knows of {known}"
    return "" if verdict == "ok" else str(verdict).splitlines()[0]


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
