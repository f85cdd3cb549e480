"""Whether the catalogue's schema is the program's own: a foreign trigger or view could swallow what is written.

Every table, index, trigger and view must be the one that the migrations make, to the letter of its text. What SQLite
and the migrations keep for themselves is left out, but for a trigger on it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from functools import cache

from strongroom.model.errors import VaultError
from strongroom.vault import schema

Objects = Mapping[tuple[str, str], str]
"""The text of each object, by its type and name."""

Scripts = tuple[tuple[str, str], ...]
"""The name and the text of each migration, in order."""

SHIPPED = (
    "82dd1871edcfeb5136d89733854897202a64467925dc823be79f7cc2c6a11325",
    "077ac6babe4b2f404da0e9b47c9bd84e05c2757cea11adfa0a7a76f566234896",
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
    found, scripts = _objects(connection), tuple(schema.scripts())
    if (digest_of_scripts(scripts), digest_of(found)) == SHIPPED:
        return
    words = _difference(found, made_by(scripts))
    if words:
        hint = (
            "somebody changed the catalogue: find out who; then make it again from log and manifests: "
            "strongroom rebuild, which keeps this one aside"
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
            for statement in schema.statements(script):
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
