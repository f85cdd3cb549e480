"""The catalogue: one SQLite file where daemon, command line and screen meet. One transaction helper for all of them.

Every write goes through `transaction`, which takes the write lock at BEGIN: a transaction that reads first and writes
later can then never fail half-way because another process wrote in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from strongroom.model.errors import VaultError, WorldError
from strongroom.model.instants import require_utc
from strongroom.vault.schema import SCHEMA, alone, migrate

BUSY_SECONDS = 15.0


class Catalogue:
    """A connection to the catalogue. One for each thread; closing is the opener's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._connection.row_factory = sqlite3.Row

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Run a named query that reads."""
        with _in_words():
            return self._connection.execute(query, values).fetchall()

    def read_one(self, query: str, *values: object) -> sqlite3.Row | None:
        """Run a named query that reads at most one row."""
        with _in_words():
            row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
            return row

    def write(self, query: str, *values: object) -> int:
        """Run a named query that writes, inside a transaction; return how many rows it touched."""
        if not self._connection.in_transaction:
            raise VaultError("a write to the catalogue outside a transaction was refused")
        with _in_words():
            return self._connection.execute(query, values).rowcount

    @property
    def in_transaction(self) -> bool:
        """Say whether this connection is inside a transaction."""
        return self._connection.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of it or nothing of it. Not nestable. A full disk or a lasting lock becomes an error in words."""
        if self._connection.in_transaction:  # a BEGIN that fails would take the outer transaction down unseen
            raise VaultError("a transaction of the catalogue inside another was refused")
        with _in_words():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def change_count(self) -> int:
        """Return a number that changes whenever another connection has committed."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def compact(self) -> bool:
        """Write the file anew without what was deleted, and empty the write-ahead log; outside a transaction.

        Returns False where a reader was in the way of the last part: then older pages may stand in the log until it is
        done again.
        """
        with _in_words():
            self._connection.execute("VACUUM")
            row = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return bool(row[0] == 0)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn what the world does to the catalogue into words; a broken constraint or binding stays what it is."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        raise _words(error) from error


def _words(error: sqlite3.DatabaseError) -> VaultError | WorldError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return VaultError(
            f"the catalogue stayed locked for {BUSY_SECONDS:.0f} s", hint="another program may be holding it open"
        )
    if "full" in text:
        return WorldError("the disk is full while writing the catalogue", hint="free space, then start again")
    if "readonly" in text:
        return WorldError("the catalogue cannot be written", hint="check owner and permissions: strongroom doctor")
    return VaultError(f"the catalogue refused: {text}", hint="run: strongroom doctor")


def open_catalogue(path: Path) -> Catalogue:
    """Open an existing catalogue for reading and writing, bringing an older schema up to date."""
    if not path.exists():
        raise VaultError(f"there is no catalogue at {path}", hint="run: strongroom init, or check [vault] path")
    connection = connect(path)
    try:
        with _in_words():
            _bring_up_to_date(connection, path)
    except BaseException:
        connection.close()
        raise
    return Catalogue(connection)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA:
        raise VaultError(
            f"the catalogue has schema {version}, this program knows up to {SCHEMA}", hint="install a newer strongroom"
        )
    if version < SCHEMA:
        migrate(connection, path)


def create_catalogue(path: Path) -> Catalogue:
    """Make a new, empty catalogue. The file must not exist."""
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise VaultError(f"there is a catalogue at {path} already") from None
    return open_catalogue(path)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection with the settings every connection must have."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _not_opened(path, error) from error
    try:
        _write_ahead(connection, path)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        raise _not_opened(path, error) from error
    return connection


def _write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Switch a new file to write-ahead logging. Two processes that do so at once are both refused without waiting."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    with alone(path):
        connection.execute("PRAGMA journal_mode = WAL")


def _not_opened(path: Path, error: sqlite3.Error) -> VaultError:
    return VaultError(f"{path} cannot be opened as a catalogue: {error}", hint="run: strongroom doctor")


def to_text(instant: datetime) -> str:
    """Write an instant for a column: a fixed number of digits, so that text order is order in time."""
    return require_utc(instant).isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_text_or_none(instant: datetime | None) -> str | None:
    """Write an instant that may be absent."""
    return None if instant is None else to_text(instant)


def to_instant(text: str) -> datetime:
    """Read an instant from a column."""
    return datetime.fromisoformat(text).astimezone(UTC)


def to_instant_or_none(text: str | None) -> datetime | None:
    """Read an instant that may be absent."""
    return None if text is None else to_instant(text)
