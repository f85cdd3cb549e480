"""The catalogue's schema: numbered migrations, applied once each, in order, by one process at a time.

Every table, index, trigger and view must be exactly the one that the migrations make: a foreign trigger or view could
swallow what is written. What SQLite and the migrations keep for themselves is left out, except a trigger on it.
"""

from __future__ import annotations

import fcntl
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.model.errors import VaultError
from strongroom.vault.files import open_folder

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
    folder = Path(__file__).with_name("migrations")
    return [(found.stem, found.read_text(encoding="utf-8")) for found in sorted(folder.glob("*.sql"))]


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


Objects = Mapping[tuple[str, str], str]
"""The text of each object, by its type and name."""

Scripts = tuple[tuple[str, str], ...]
"""The name and the text of each migration, in order."""

SHIPPED = (
    "10126427c95392b4716daac7db8143c883402ca618bf6cf159b053c3c0f6881b",
    "acbbc7275f3b04e812d0feb7efb8b90909f3d22bae8b3458fba6327579f02d21",
)
"""The digest of all migrations, and that of the schema they make: spares every command making it anew to compare.

Where the first is not that of the migrations at hand the schema is made anew, which takes some hundredths of a second.
"""

_OBJECTS = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema"
_OWN = ("_sqlite_migrations",)


class ForeignSchema(VaultError):
    """The catalogue has something that no migration made, or lacks something that one did."""


def require_own_schema(connection: sqlite3.Connection) -> None:
    """Compare the schema that this connection works with. Raises ForeignSchema, naming the first difference."""
    found, own = _objects(connection), tuple(scripts())
    if (digest_of_scripts(own), digest_of(found)) == SHIPPED:
        return
    words = _difference(found, made_by(own))
    if words:
        hint = (
            "somebody changed the catalogue: find out who; then rebuild it from log and manifests: "
            "strongroom rebuild, which keeps this one under another name"
        )
        raise ForeignSchema(f"the catalogue's schema is not the one that this program made: {words}", hint=hint)


def digest_of(objects: Objects) -> str:
    """Return the SHA-256 of a schema, whatever the order in which it was made."""
    return hashlib.sha256(repr(sorted(objects.items())).encode()).hexdigest()


def digest_of_scripts(scripts: Scripts) -> str:
    """Return the SHA-256 of all migrations."""
    return hashlib.sha256(repr(scripts).encode()).hexdigest()


@cache
def made_by(scripts: Scripts) -> Objects:
    """Return the schema that migrations make, by making it in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for _name, script in scripts:
            for statement in statements(script):
                connection.execute(statement)
        return _objects(connection)
    finally:
        connection.close()


def _objects(connection: sqlite3.Connection) -> Objects:
    rows = [tuple(row) for row in connection.execute(_OBJECTS)]
    return {(kind, name): f"{table}: {text}" for kind, name, table, text in rows if not _is_internal(kind, name, table)}


def _is_internal(kind: str, name: str, table: str) -> bool:
    return kind in ("table", "index") and (name.startswith("sqlite_") or table in _OWN)


def _difference(found: Objects, expected: Objects) -> str:
    for kind, name in sorted(set(found) - set(expected)):
        table = found[kind, name].partition(":")[0]
        about = "" if table == name else f" on {table}"
        return f"it has the {kind} {name}{about}, which no migration made"
    for kind, name in sorted(set(expected) - set(found)):
        return f"the {kind} {name} is not there"
    for kind, name in sorted(found):
        if found[kind, name] != expected[kind, name]:
            return f"the {kind} {name} was changed"
    return ""
