"""Catalogues that are not in use: one that a rebuild is writing, and older ones that it moved aside.

A catalogue is never deleted; it is moved aside under a name with the time. An older one may still have the text of a
manifest or tombstone that is gone from its place, but anyone who can write a catalogue can write anything into it. So
nothing is taken from it except bytes whose digest the caller knows from the log, and only from a table, never a view.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from strongroom.evidence.line import GENESIS, digest
from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue, create_catalogue, open_catalogue
from strongroom.vault.durable import flush_folder, in_words
from strongroom.vault.files import is_file, is_there, list_folder, open_descriptor, rename, unlink
from strongroom.vault.layout import Layout
from strongroom.vault.log import LAST_ENTRY

LARGEST = 64 << 20  # bytes of one row that are looked at
_IS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
_MANIFESTS = "SELECT manifest AS text FROM archives WHERE id = ?"
_TOMBSTONES = "SELECT tombstone AS text FROM tombstones WHERE archive = ?"


class Witnesses(Struct, frozen=True):
    """The older catalogues of a vault, which may know what its files no longer show; the newest first."""

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


DROP_MARKS = "DELETE FROM vault WHERE name LIKE 'rebuild %'"

_ENDINGS = ("", "-wal", "-shm")


def open_unfinished(path: Path) -> Catalogue:
    """Go on with a catalogue that an interrupted rebuild left, or begin one."""
    if is_there(path):
        try:
            return open_catalogue(path)
        except VaultError:
            discard(path)  # it was ours and not yet believed
    return create_catalogue(path)


def discard(path: Path) -> None:
    """Remove an unfinished catalogue of our own making."""
    for ending in _ENDINGS:
        with suppress(FileNotFoundError):
            unlink(path.with_name(path.name + ending))


def last_line(catalogue: Catalogue) -> tuple[int, bytes, str]:
    """Return number and raw line of the newest entry, and the digest that the next one names."""
    row = catalogue.read_one(LAST_ENTRY)
    return (int(row["seq"]), bytes(row["line"]), digest(row["line"])) if row else (0, b"", GENESIS)


def read_mark(catalogue: Catalogue, name: str) -> str:
    """Return how far a part of the rebuild has come, or an empty text."""
    row = catalogue.read_one(FACT, f"rebuild {name}")
    return str(row["value"]) if row else ""


def put_mark(catalogue: Catalogue, name: str, value: str) -> None:
    """Write how far a part of the rebuild has come; inside a transaction."""
    catalogue.write(PUT_FACT, f"rebuild {name}", value)


def drop_marks(catalogue: Catalogue) -> None:
    """Forget how far it had come: it is whole. Inside a transaction."""
    catalogue.write(DROP_MARKS)


def set_aside(layout: Layout, now: datetime) -> Path | None:
    """Move the catalogue that is there aside, with what belongs to it; return its new name, or None."""
    if not is_there(layout.catalogue):
        return None
    aside = layout.root / f"catalogue-{now:%Y%m%dT%H%M%S%f}.sqlite"
    for ending in reversed(_ENDINGS):  # the catalogue itself comes last: until then it can be opened where it was
        old, new = (path.with_name(path.name + ending) for path in (layout.catalogue, aside))
        if is_there(old):
            _rename(old, new)
    flush_folder(layout.root)
    return aside


def take_place(unfinished: Path, path: Path) -> None:
    """Give a whole catalogue its name. The name must be free. Raises WorldError, VaultError."""
    if is_there(path):
        raise VaultError(f"{path.name} exists already and is never overwritten", hint="name another file with --output")
    fd = open_descriptor(unfinished, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        raise in_words(error) from error
    finally:
        os.close(fd)
    if any(is_there(unfinished.with_name(unfinished.name + ending)) for ending in _ENDINGS[1:]):
        raise WorldError(
            "the new catalogue could not be closed whole", hint="see whether something has it open, and run again"
        )
    _rename(unfinished, path)
    flush_folder(path.parent)


def _rename(old: Path, new: Path) -> None:
    try:
        rename(old, new)
    except OSError as error:
        raise in_words(error) from error
