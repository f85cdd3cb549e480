"""Older catalogues asked as witnesses: the text of a manifest or tombstone that is gone from its place.

A witness may lie: whoever can write to a catalogue can write anything into it. Nothing is taken from it but bytes whose
digest the caller knows from the log; a row's table is read only where it is a table, never a view that computes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from strongroom.vault.files import is_file, list_folder
from strongroom.vault.layout import Layout

LARGEST = 64 << 20  # bytes of one row that are looked at
_IS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
_MANIFESTS = "SELECT manifest AS text FROM archives WHERE id = ?"
_TOMBSTONES = "SELECT tombstone AS text FROM tombstones WHERE archive = ?"


class Witnesses(Struct, frozen=True):
    """The catalogues of a vault that may know what its files do not tell any more, the newest first."""

    paths: tuple[Path, ...]

    def manifest(self, archive_id: str, sha256: str) -> bytes | None:
        """Return the manifest of an archive whose SHA-256 is the one given, or None where no witness has it."""
        return self._find("archives", _MANIFESTS, archive_id, sha256)

    def tombstone(self, archive_id: str, sha256: str) -> bytes | None:
        """Return the tombstone of an archive whose SHA-256 is the one given, or None where no witness has it."""
        return self._find("tombstones", _TOMBSTONES, archive_id, sha256)

    def _find(self, table: str, query: str, archive_id: str, sha256: str) -> bytes | None:
        for path in self.paths:
            for text in _texts(path, table, query, archive_id):
                if hashlib.sha256(text).hexdigest() == sha256:
                    return text
        return None


def witnesses_of(layout: Layout) -> Witnesses:
    """Return the vault's catalogue and every older one that a rebuild moved aside."""
    aside = [path for path in reversed(list_folder(layout.root)) if path.match("catalogue-*.sqlite")]
    return Witnesses(tuple(path for path in (layout.catalogue, *aside) if is_file(path)))


def _texts(path: Path, table: str, query: str, archive_id: str) -> Iterator[bytes]:
    """Yield what a catalogue has under an id; one that is damaged or cannot be opened has nothing."""
    for how in ("mode=ro", "mode=ro&immutable=1"):
        with suppress(sqlite3.Error, OSError), closing(_open(path, how)) as connection:
            if connection.execute(_IS_TABLE, (table,)).fetchone() is None:
                return
            for (text,) in connection.execute(query, (archive_id,)).fetchall():
                if isinstance(text, str):
                    yield text.encode(errors="surrogatepass")
            return


def _open(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True, timeout=1)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
