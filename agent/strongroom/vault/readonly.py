"""Connections to a catalogue that cannot be written: by permissions, by a mount that only reads, or on a full disk.

SQLite reads a write-ahead log only with an index beside it. Where that file cannot be made, the index is kept in memory
instead, which wants the file for us alone: so the catalogue is copied to memory and let go of at once. Without a
write-ahead log the file is all there is, and is read as one that nobody changes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.files import file_size, is_file
from strongroom.vault.rows import WORLD, code_of
from strongroom.vault.sql_errors import BUSY_SECONDS, not_opened

LARGEST_COPY = 1 << 30  # bytes of a catalogue that is copied to memory
_NO_INDEX = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
"""What SQLite answers where it may not, or cannot, make a file beside the catalogue."""


def require_not_empty(path: Path) -> None:
    """Raise VaultError for a file of 0 bytes without a write-ahead log: SQLite would make a catalogue of it."""
    if is_file(path) and file_size(path) == 0 and not has_write_ahead(path):
        raise VaultError(f"{path.name} is empty (0 bytes)", hint="see what would be done: strongroom recover")


def has_write_ahead(path: Path) -> bool:
    """Say whether there is a write-ahead log with something in it."""
    log = path.with_name(f"{path.name}-wal")
    return is_file(log) and file_size(log) > 0


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a connection that only reads. Raises WorldError, VaultError where that cannot be done."""
    connection = _connect(path, "mode=ro")
    if connection is None and has_write_ahead(path):
        connection = _copy_to_memory(path)
        if connection is None:
            raise WorldError(
                "the vault cannot be written here, and its newest entries are in catalogue.sqlite-wal, which then "
                "cannot be read",
                hint="copy the vault to where it can be written, and look at the copy",
            )
    elif connection is None:
        connection = _connect(path, "mode=ro&immutable=1")
    if connection is None:
        raise WorldError(*WORLD[sqlite3.SQLITE_CANTOPEN][:1], hint=WORLD[sqlite3.SQLITE_CANTOPEN][1])
    return connection


def _copy_to_memory(path: Path) -> sqlite3.Connection | None:
    """Return a copy in memory of a catalogue with its write-ahead log, or None where it is too large or refused."""
    if file_size(path) > LARGEST_COPY:
        return None
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with closing(sqlite3.connect(_uri(path, "mode=rw"), uri=True, timeout=1)) as source:
            source.execute("PRAGMA locking_mode = EXCLUSIVE")  # before the first look: then no index on the disk
            source.execute("PRAGMA query_only = ON")
            source.execute("PRAGMA wal_autocheckpoint = 0")
            source.backup(copy)
        copy.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        copy.close()
        return None
    return copy


def _connect(path: Path, how: str) -> sqlite3.Connection | None:
    """Open a connection and read through it once; None where SQLite cannot do that in this way."""
    connection = None
    try:
        connection = sqlite3.connect(
            _uri(path, how), uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if code_of(error) in _NO_INDEX:
            return None
        raise not_opened(path, error) from error
    return connection


def _uri(path: Path, how: str) -> str:
    return f"file:{quote(str(path.absolute()))}?{how}"
