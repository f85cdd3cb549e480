"""The catalogue's schema: numbered migrations, applied once each, in order, by one process at a time."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.vault.vaultfiles import open_folder

if TYPE_CHECKING:
    import sqlite_utils

SCHEMA = 8
"""The schema this program writes: the number of the last migration."""


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply every migration that the catalogue does not have yet.

    Alone, because sqlite-utils opens its transactions late: two processes at once would both find the same migration
    missing.
    """
    with alone(path):
        build(connection)


def build(connection: sqlite3.Connection) -> None:
    """Apply every missing migration to a catalogue that no other process can reach, such as one in memory."""
    import sqlite_utils  # only a new or an older catalogue pays for this import

    migrations = sqlite_utils.Migrations("strongroom")
    for number, script in scripts():
        migrations(name=number)(_apply(script))
    migrations.apply(sqlite_utils.Database(connection))
    connection.execute(f"PRAGMA user_version = {SCHEMA}")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only process that changes what kind of file the catalogue is.

    The folder is what is locked: a lock file that is removed afterwards would lock out nobody who had opened it
    before, and closing the catalogue itself would drop SQLite's own locks on it.
    """
    with open_folder(path.parent) as folder:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def scripts() -> list[tuple[str, str]]:
    """Return the name and the text of every migration, in order."""
    folder = resources.files("strongroom.vault") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(name.removesuffix(".sql"), (folder / name).read_text()) for name in names]


def _apply(script: str) -> Callable[[sqlite_utils.Database], None]:
    def run(database: sqlite_utils.Database) -> None:
        for statement in statements(script):
            database.conn.execute(statement)

    return run


def statements(script: str) -> Iterator[str]:
    """Cut a script into statements: executescript() would commit the transaction that must be able to roll back."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
