"""A catalogue under construction: where it lies until it is whole, and how it takes the place of the one before it.

The catalogue before it is never deleted: it is moved aside under a name that tells when.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from strongroom.evidence.line import GENESIS, digest
from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.catalogue import Catalogue, create_catalogue, open_catalogue
from strongroom.vault.durable import flush_folder, in_words
from strongroom.vault.facts import FACT, PUT_FACT
from strongroom.vault.files import is_there, open_descriptor, rename, unlink
from strongroom.vault.layout import Layout
from strongroom.vault.log import LAST_ENTRY

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
        raise VaultError(f"{path.name} exists already and is never overwritten", hint="name another file with --to")
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
