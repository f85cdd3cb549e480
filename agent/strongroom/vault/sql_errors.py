"""What SQLite raises becomes words, and text that it cannot decode becomes bytes.

What keeps SQLite from a catalogue's file, in words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.model.errors import CatalogueBusy, VaultError, WorldError
from strongroom.vault.rows import BUSY, WORLD, Unstorable, code_of

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
