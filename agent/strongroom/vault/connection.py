"""SQLite errors in words for a person, and connections to a catalogue that cannot be written.

A catalogue may be unwritable because of permissions, a read-only mount or a full disk. SQLite reads a write-ahead log
only with an index file beside it. Where that file cannot be made, the catalogue is copied to memory, which needs
exclusive access for a moment. Without a write-ahead log, the file is read as one that does not change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from strongroom.model.errors import CatalogueBusy, UsageError, VaultError, WorldError
from strongroom.vault.files import file_size, is_file

BUSY_SECONDS = 15.0


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the world does to the catalogue into words; a broken constraint or binding stays what it is."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        raise _words(error) from error


@contextmanager
def executing() -> Iterator[None]:
    """As `in_words`, for one statement: values that SQLite cannot take are refused in words too."""
    try:
        with in_words():
            yield
    except (UnicodeEncodeError, OverflowError) as error:
        what = "text that is not UTF-8" if isinstance(error, UnicodeEncodeError) else "a number of more than 64 bits"
        raise Unstorable(f"the catalogue cannot hold or look up {what}") from error


def is_undecodable(error: sqlite3.Error) -> bool:
    """Say whether a text in a row is not UTF-8."""
    return code_of(error) == 0 and "decode to UTF-8" in str(error)


def text_or_bytes(raw: bytes) -> str | bytes:
    """Return a text of a row, or its bytes where it is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _words(error: sqlite3.Error) -> VaultError | WorldError:
    code = code_of(error)
    if code in BUSY:
        return stayed_locked("the catalogue")
    if code in WORLD:
        return WorldError(WORLD[code][0], hint=WORLD[code][1])
    return VaultError(f"the catalogue refused: {error}", hint="run: strongroom doctor")


def stayed_locked(what: str) -> CatalogueBusy:
    """Return the error of what another program did not let go."""
    return CatalogueBusy(
        f"{what} stayed locked for {BUSY_SECONDS:.0f} s", hint="another program may be holding it open; run it again"
    )


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
"""Errors of the machine that stop the catalogue: fix the machine, not the vault."""


class Unstorable(UsageError):
    """A value that the catalogue can neither hold nor look up."""


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
