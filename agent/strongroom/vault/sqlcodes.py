"""What SQLite's result codes mean: whose doing an error is, and what to do about it."""

from __future__ import annotations

import sqlite3


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, 0 for an error that Python's module made itself.

    An index of the write-ahead log that finds no space is a full disk, though SQLite counts it among the disk's errors.
    """
    extended = int(getattr(error, "sqlite_errorcode", 0))
    return sqlite3.SQLITE_FULL if extended == sqlite3.SQLITE_IOERR_SHMSIZE else extended & 0xFF


BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
WORLD = {
    sqlite3.SQLITE_FULL: ("the disk is full while writing the catalogue", "free space, then start again"),
    sqlite3.SQLITE_READONLY: (
        "the catalogue cannot be written",
        "check owner and permissions of the vault's folder, and whether its disk is mounted for writing",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the catalogue cannot be opened by this user",
        "check owner and permissions of the vault's folder and of catalogue.sqlite in it",
    ),
    sqlite3.SQLITE_PERM: ("the catalogue cannot be opened by this user", "check owner and permissions of the vault"),
    sqlite3.SQLITE_IOERR: (
        "the disk reports an error at the catalogue",
        "check the disk before anything else: dmesg; and that it is there and has space",
    ),
}
"""What the world does to the catalogue: the machine is to be mended, not the vault."""
