"""Checkpoints in the vault: a file for each, which leaves the host, and the rows that say where it has been."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from strongroom.model.errors import VaultError
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import in_words, write_new
from strongroom.vault.files import is_there, list_folder, read_file
from strongroom.vault.layout import Layout
from strongroom.vault.log import ENTRIES_OF_ARCHIVE, ENTRIES_OF_JOB, select_entries
from strongroom.vault.log_reader import LINES_AFTER, is_in_chain, read_line
from strongroom.vault.rows import Rows

TROUBLE = "SELECT value FROM vault WHERE name = 'checkpoint-refused'"
PUT_TROUBLE = """
INSERT INTO vault (name, value) VALUES ('checkpoint-refused', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
UNKEPT = "SELECT value FROM vault WHERE name = 'note-unwritten'"
PUT_UNKEPT = """
INSERT INTO vault (name, value) VALUES ('note-unwritten', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
DROP_UNKEPT = "DELETE FROM vault WHERE name = 'note-unwritten'"
DROP_TROUBLE = "DELETE FROM vault WHERE name = 'checkpoint-refused'"
ENTRIES_MATCHING = f"""
{select_entries()}
WHERE (?1 = '' OR kind = ?1 OR substr(kind, 1, length(?1) + 1) = ?1 || '.')
    AND (?2 = '' OR archive = ?2) AND (?3 = '' OR job = ?3) AND seq > ?4
ORDER BY seq LIMIT ?5
"""

PAGE = 2_000  # rows at a time


class KeptCheckpoint(Struct, frozen=True):
    """A checkpoint that was signed here."""

    size: int  # lines of the log that it covers
    at: datetime
    note: str  # the exact text of its file


class LoggedLine(Struct, frozen=True):
    """One entry with the exact bytes of its line, which are a leaf of the tree."""

    seq: int
    line: bytes
    body: dict[str, Any]
    words: str  # beside the line, for people


class Sending(Struct, frozen=True):
    """What one target received last, and the state of the next attempt."""

    target: str
    size: int = 0  # of the newest checkpoint that it took; 0: none yet
    sent_at: datetime | None = None
    tries: int = 0  # that failed since
    next_at: datetime | None = None  # not before
    failure: str = ""  # the last one, in words


_CHECKPOINTS = Rows(KeptCheckpoint, "checkpoints", "size")
PUT_CHECKPOINT = f"{_CHECKPOINTS.insert} ON CONFLICT (size) DO NOTHING"
CHECKPOINTS = f"{_CHECKPOINTS.select} ORDER BY size"
CHECKPOINT = f"{_CHECKPOINTS.select} WHERE size = ?"
NEWEST_CHECKPOINT = f"{_CHECKPOINTS.select} ORDER BY size DESC LIMIT 1"
_SENDINGS = Rows(Sending, "sendings", "target")
PUT_SENDING = _SENDINGS.upsert()
SENDING = f"{_SENDINGS.select} WHERE target = ?"
SENDINGS = f"{_SENDINGS.select} ORDER BY target"
DROP_SENDING = "DELETE FROM sendings WHERE target = ?"


def note_path(layout: Layout, size: int) -> Path:
    """Return the path of a checkpoint."""
    return layout.log.parent / "checkpoints" / f"{size}.note"


def stamp_path(layout: Layout, size: int) -> Path:
    """Return where a checkpoint's time stamp lies."""
    return layout.log.parent / "checkpoints" / f"{size}.tsr"


def note_files(layout: Layout) -> list[Path]:
    """Return the files of all checkpoints, the oldest first; other names are none of ours."""
    found = (path for path in list_folder(layout.log.parent / "checkpoints") if path.suffix == ".note")
    return sorted((path for path in found if path.stem.isdecimal()), key=lambda path: int(path.stem))


def keep_file(layout: Layout, path: Path, data: bytes) -> None:
    """Write a checkpoint or a stamp durably. One that is there already must be the same. Raises VaultError."""
    if not is_there(path):
        try:
            write_new(path, layout.tmp / f"{path.name}.{os.getpid()}", data)
        except VaultError:
            if not is_there(path):  # otherwise another process was quicker, which is judged below
                raise
    try:
        found = read_file(path)
    except OSError as error:
        raise in_words(error, "read") from error
    if found != data:
        raise VaultError(f"{path.name} is there already and says something else", hint="run: strongroom audit verify")


def put_checkpoint(catalogue: Catalogue, kept: KeptCheckpoint) -> None:
    """Remember a checkpoint; inside a transaction."""
    catalogue.write(PUT_CHECKPOINT, *_CHECKPOINTS.values(kept))


def get_checkpoint(catalogue: Catalogue, size: int) -> KeptCheckpoint | None:
    """Return the checkpoint of exactly so many lines."""
    return _CHECKPOINTS.read_one(catalogue.read_one(CHECKPOINT, size))


def newest_checkpoint(catalogue: Catalogue) -> KeptCheckpoint | None:
    """Return the checkpoint that covers most."""
    return _CHECKPOINTS.read_one(catalogue.read_one(NEWEST_CHECKPOINT))


def all_checkpoints(catalogue: Catalogue) -> list[KeptCheckpoint]:
    """Return every checkpoint, the oldest first."""
    return _CHECKPOINTS.read_all(catalogue.read(CHECKPOINTS))


def get_sending(catalogue: Catalogue, target: str) -> Sending:
    """Return the state of a target; a new one has received nothing."""
    return _SENDINGS.read_one(catalogue.read_one(SENDING, target)) or Sending(target)


def all_sendings(catalogue: Catalogue) -> list[Sending]:
    """Return the state of every target that was ever tried."""
    return _SENDINGS.read_all(catalogue.read(SENDINGS))


def put_sending(catalogue: Catalogue, sending: Sending) -> None:
    """Record the state of a target; inside a transaction."""
    catalogue.write(PUT_SENDING, *_SENDINGS.values(sending))


def drop_sending(catalogue: Catalogue, target: str) -> None:
    """Forget a target; inside a transaction."""
    catalogue.write(DROP_SENDING, target)


def get_trouble(catalogue: Catalogue) -> str:
    """Return why the log was refused a checkpoint last time, or nothing."""
    row = catalogue.read_one(TROUBLE)
    return str(row["value"]) if row else ""


def set_trouble(catalogue: Catalogue, words: str) -> None:
    """Remember why the log was refused a checkpoint, or that it no longer is."""
    if words == get_trouble(catalogue):
        return
    with catalogue.transaction():
        catalogue.write(PUT_TROUBLE, words) if words else catalogue.write(DROP_TROUBLE)


def get_unkept(catalogue: Catalogue) -> str:
    """Return why the last checkpoint could not be kept beside the signing key, or nothing."""
    row = catalogue.read_one(UNKEPT)
    return str(row["value"]) if row else ""


def set_unkept(catalogue: Catalogue, words: str) -> None:
    """Remember why the last checkpoint could not be kept beside the signing key, or that it was."""
    if words == get_unkept(catalogue):
        return
    with catalogue.transaction():
        catalogue.write(PUT_UNKEPT, words) if words else catalogue.write(DROP_UNKEPT)


def walk_lines(catalogue: Catalogue) -> Iterator[bytes]:
    """Yield the line of every row, in order, some rows at a time: a log may be very long."""
    last = 0
    while rows := catalogue.read(LINES_AFTER, last, PAGE):
        yield from (row["line"] for row in rows)
        last = rows[-1]["seq"]


def entries_matching(
    catalogue: Catalogue, *, kind: str = "", archive: str = "", job: str = "", after: int = 0, most: int = 1 << 40
) -> list[LoggedLine]:
    """Return entries in their order. A kind also takes in those below it: `job` means every `job.…`."""
    rows = catalogue.read(ENTRIES_MATCHING, kind, archive, job, after, most)
    return [_logged(row) for row in rows if is_in_chain(row)]


def lines_about(catalogue: Catalogue, archive: str, job: str) -> list[LoggedLine]:
    """Return the entries about an archive and those about its job; some may be there twice."""
    found = [*catalogue.read(ENTRIES_OF_ARCHIVE, archive), *catalogue.read(ENTRIES_OF_JOB, job)]
    return [_logged(row) for row in found if is_in_chain(row)]


def _logged(row: sqlite3.Row) -> LoggedLine:
    return LoggedLine(row["seq"], row["line"], read_line(row["seq"], row["line"]), row["words"])
