"""The catalogue: one SQLite file where daemon, command line and screen meet. One transaction helper for all of them.

Every write goes through `transaction`, which takes the write lock at BEGIN: a transaction that reads first and writes
later can then never fail half-way because another process wrote in between.

Where the vault cannot be written, because of its permissions or of a mount that only reads, the catalogue opens for
reading alone, and every transaction is refused as the world's doing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.connection import (
    BUSY_SECONDS,
    connect_to_read,
    executing,
    in_words,
    is_undecodable,
    not_opened,
    text_or_bytes,
)
from strongroom.vault.files import create_descriptor, is_there, require_files
from strongroom.vault.rows import UNREADABLE, RowUnreadable, readable, unreadable
from strongroom.vault.schema import SCHEMA, alone, build, migrate, require_own_schema


class Catalogue:
    """A connection to the catalogue. One for each thread; closing is the opener's."""

    def __init__(self, connection: sqlite3.Connection, *, read_only: bool = False, checked: bool = True) -> None:
        self._connection = connection
        self._connection.row_factory = sqlite3.Row
        self.read_only = read_only
        self.log: Path | None = None  # the log's file: nothing is entered while it has more than the catalogue
        self.refused: WorldError | None = None  # what kept it from being opened for writing, where it was tried
        self._cookie = -1  # of the schema that was last found to be the program's own
        if checked:
            self._require_own()

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Run a named query that reads. Text that is not UTF-8 comes as bytes, which no reader of a row accepts."""
        with executing():
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if not is_undecodable(error):
                    raise
            with self._lenient():
                return self._connection.execute(query, values).fetchall()

    def read_one(self, query: str, *values: object) -> sqlite3.Row | None:
        """Run a named query that reads at most one row. Text that is not UTF-8 comes as bytes."""
        with executing():
            try:
                return self._one(query, values)
            except sqlite3.OperationalError as error:
                if not is_undecodable(error):
                    raise
            with self._lenient():
                return self._one(query, values)

    def _one(self, query: str, values: tuple[object, ...]) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return row

    def write(self, query: str, *values: object) -> int:
        """Run a named query that writes, inside a transaction; return how many rows it touched."""
        if not self._connection.in_transaction:
            raise VaultError("a write to the catalogue outside a transaction was refused")
        with executing():
            return self._connection.execute(query, values).rowcount

    def confirm(self, query: str, *key: object, expected: Sequence[object]) -> None:
        """Read back what was just written. Raises VaultError unless `query` returns the columns of `expected`."""
        row = self.read_one(query, *key)
        if row is None or tuple(row) != tuple(expected):
            words = "what was written to the catalogue is not what is read back: nothing was changed"
            raise VaultError(words, hint="compare it with the log: strongroom audit verify; and: strongroom recover")

    @property
    def in_transaction(self) -> bool:
        """Say whether this connection is inside a transaction."""
        return self._connection.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of it or nothing of it. Not nestable. A full disk or a lasting lock becomes an error in words."""
        if self._connection.in_transaction:  # a BEGIN that fails would take the outer transaction down unseen
            raise VaultError("a transaction of the catalogue inside another was refused")
        if self.refused is not None:
            raise self.refused
        if self.read_only:
            raise WorldError(
                "the vault can only be read here: nothing was changed",
                hint="mount it for writing, or run this as the vault's owner; check its permissions",
            )
        with in_words():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                _schema_of(self._connection)  # a newer program may have come since this one opened it
                self._require_own()
                yield
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read the state of one moment, whatever others commit meanwhile; outside a transaction, and only to read."""
        with in_words():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()

    def change_count(self) -> int:
        """Return a number that changes whenever another connection has committed.

        Raises VaultError when one of them was a program of a newer schema.
        """
        _schema_of(self._connection)
        self._require_own()
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def version(self) -> tuple[int, int]:
        """Return what differs after any change, of this connection or another. Raises VaultError as `change_count`."""
        return self.change_count(), self._connection.total_changes

    @contextmanager
    def _lenient(self) -> Iterator[None]:
        self._connection.text_factory = text_or_bytes
        try:
            yield
        finally:
            self._connection.text_factory = str

    def _require_own(self) -> None:
        """Compare the schema with the migrations' own, anew whenever anybody has changed it. Raises ForeignSchema."""
        cookie = int(self._connection.execute("PRAGMA schema_version").fetchone()[0])
        if cookie != self._cookie:
            require_own_schema(self._connection)
            self._cookie = cookie

    def compact(self) -> bool:
        """Write the file anew without what was deleted, and empty the write-ahead log; outside a transaction.

        Returns False where a reader blocked the last part: then older pages may remain in the log until it is
        done again.
        """
        with in_words():
            self._connection.execute("VACUUM")
            row = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return bool(row[0] == 0)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def open_catalogue(path: Path) -> Catalogue:
    """Open an existing catalogue for reading and writing, bringing an older schema up to date.

    One that cannot be written opens for reading, also where a full disk leaves no room for SQLite's index of its
    write-ahead log. Raises WorldError where disk or permissions do not even allow that.
    """
    if not is_there(path):
        raise VaultError(f"there is no catalogue at {path}", hint="run: strongroom init, or check [vault] path")
    if not is_writable(path):
        return open_to_read(path)
    try:
        return _open_to_write(path)
    except WorldError as error:
        return _open_on_full_disk(path, error)


def _open_to_write(path: Path) -> Catalogue:
    connection = connect(path)
    try:
        with in_words():
            _bring_up_to_date(connection, path)
            return Catalogue(connection)
    except BaseException:
        connection.close()
        raise


def _open_on_full_disk(path: Path, refused: WorldError) -> Catalogue:
    """Open it for reading without any file of SQLite's beside it; raises what refused it where that is no help."""
    try:
        catalogue = open_to_read(path)
    except (WorldError, VaultError):
        raise refused from refused.__cause__
    catalogue.refused = refused
    return catalogue


def is_writable(path: Path) -> bool:
    """Say whether this user may write the catalogue and make files beside it, as a write-ahead log wants."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def open_to_read(path: Path, *, checked: bool = True) -> Catalogue:
    """Open a catalogue that cannot be written here; see readonly.py for how.

    `checked` off also opens one whose schema is not the program's own, for who only looks at it as a witness.
    """
    require_own_files(path)
    connection = connect_to_read(path)
    try:
        with in_words():
            _require_up_to_date(connection)
            return Catalogue(connection, read_only=True, checked=checked)
    except BaseException:
        connection.close()
        raise


def _require_up_to_date(connection: sqlite3.Connection) -> None:
    if _schema_of(connection) < SCHEMA:
        raise WorldError(
            "the catalogue is of an earlier version, and cannot be brought up to date where it cannot be written",
            hint="open it once where it can be written: strongroom status",
        )


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    if _schema_of(connection) < SCHEMA:
        migrate(connection, path)


def _schema_of(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA:
        raise VaultError(
            f"the catalogue has schema {version}, this program knows up to {SCHEMA}",
            hint="install a newer strongroom and start that one",
        )
    return version


def create_catalogue(path: Path) -> Catalogue:
    """Make a new, empty catalogue. The file must not exist."""
    try:
        os.close(create_descriptor(path))
    except FileExistsError:
        raise VaultError(f"there is a catalogue at {path} already") from None
    return _open_to_write(path)


def create_in_memory() -> Catalogue:
    """Make an empty catalogue that never reaches a disk; the caller closes it."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    build(connection)
    return Catalogue(connection)


def require_own_files(path: Path) -> None:
    """Raise VaultError where the catalogue, or what SQLite keeps beside it, is a link or no file: SQLite follows it."""
    require_files(path.with_name(f"{path.name}{ending}") for ending in ("", "-wal", "-shm", "-journal"))


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection with the settings every connection must have."""
    require_own_files(path)
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise not_opened(path, error) from error
    try:
        _write_ahead(connection, path)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        raise not_opened(path, error) from error
    return connection


def _write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Switch a new file to write-ahead logging. Two processes that do so at once are both refused without waiting."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    with alone(path):
        connection.execute("PRAGMA journal_mode = WAL")


PUT_FACT = "INSERT INTO vault (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


FACT = "SELECT value FROM vault WHERE name = ?"


Value = TypeVar("Value")


def read_fact(catalogue: Catalogue, name: str, parse: Callable[[str], Value]) -> Value | None:
    """Return what is remembered under a name, None where nothing is. Raises RowUnreadable."""

    def read(row: sqlite3.Row) -> Value:
        try:
            return parse(row["value"])
        except (RowUnreadable, *UNREADABLE) as error:
            raise unreadable("vault", name) from error

    return next(readable(catalogue.read(FACT, name), read), None)


def seconds(text: str) -> timedelta:
    """Read a duration as it is remembered."""
    return timedelta(seconds=float(text))


IDS_LIKE = {
    table: f"""
SELECT {key} AS id FROM {table} WHERE substr({key}, 1, length(?1)) = ?1 OR substr({key}, -length(?1)) = ?1 LIMIT 3
"""
    for table, key in (
        *(("archives", "id"), ("jobs", "id"), ("holds", "id"), ("proposals", "id"), ("erasures", "id")),
        ("tombstones", "archive"),
    )
}


IDS_FROM = {
    table: f"SELECT id FROM {table} WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id LIMIT ?2"
    for table in ("archives", "jobs")
}
"""Ids that begin with some letters, by the index of the key; a tilde sorts after every letter of an id."""


def ids_from(catalogue: Catalogue, table: str, part: str, most: int) -> list[str]:
    """Return at most so many ids of archives or jobs that begin with what a person typed, in any case."""
    return [row["id"] for row in catalogue.read(IDS_FROM[table], part.lower(), most)]


def find_by_prefix(catalogue: Catalogue, table: str, part: str) -> list[str]:
    """Return up to three ids in a table that begin or end with what a person typed, in any case."""
    return [row["id"] for row in catalogue.read(IDS_LIKE[table], part.lower())]
