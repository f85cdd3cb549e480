"""What SQLite's result codes mean: whose doing an error is, and what to do about it.

A row of the catalogue becomes a value, or an error that names the row.

Anybody who can write the file can put anything into any column. What cannot be read is named, with the next step, and
never taken for a fault of the program.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from inspect import get_annotations
from types import NoneType
from typing import Any, TypeVar

from msgspec import Struct

from strongroom.model.errors import UsageError, VaultError
from strongroom.model.times import parse_instant


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, 0 for an error that Python's module made itself.

    An index of the write-ahead log that finds no space is a full disk, though SQLite counts it among the disk's errors.
    """
    extended = int(getattr(error, "sqlite_errorcode", 0))
    return sqlite3.SQLITE_FULL if extended == sqlite3.SQLITE_IOERR_SHMSIZE else extended & 0xFF


BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
WORLD = {
    sqlite3.SQLITE_FULL: ("the disk is full while writing the catalogue", "free space, then start again"),
    sqlite3.SQLITE_READONLY: (
        "the catalogue cannot be written",
        "check owner and permissions of the vault's folder, and whether its disk is mounted for writing",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the catalogue cannot be opened by this user",
        "check owner and permissions of the vault's folder and of catalogue.sqlite in it",
    ),
    sqlite3.SQLITE_PERM: ("the catalogue cannot be opened by this user", "check owner and permissions of the vault"),
    sqlite3.SQLITE_IOERR: (
        "the disk reports an error at the catalogue",
        "check the disk before anything else: dmesg; and that it is there and has space",
    ),
}
"""What the world does to the catalogue: the machine is to be mended, not the vault."""


Value = TypeVar("Value")


class Unstorable(UsageError):
    """A value that the catalogue can neither hold nor look up."""


UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, Unstorable)
"""What reading a value of the wrong form raises."""

HINT = "the catalogue was changed or is damaged; see what can be done: strongroom recover"


class RowUnreadable(VaultError):
    """A row of the catalogue holds a value that cannot be read."""


def reads(table: str, *key: str) -> Callable[[Callable[[sqlite3.Row], Value]], Callable[[sqlite3.Row], Value]]:
    """Let a function that reads a row of this table raise RowUnreadable, which names the row by its key columns."""

    def around(read: Callable[[sqlite3.Row], Value]) -> Callable[[sqlite3.Row], Value]:
        @wraps(read)
        def reading(row: sqlite3.Row) -> Value:
            try:
                return _checked(read(row))
            except (RowUnreadable, *UNREADABLE) as error:
                raise unreadable(table, *_named(row, key)) from error

        return reading

    return around


def _named(row: sqlite3.Row, key: tuple[str, ...]) -> list[object]:
    there = row.keys()
    return [row[name] for name in key if name in there]


_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "int | None": (int, NoneType),
    "str | None": (str, NoneType),
    "bytes": (bytes,),
}


@lru_cache(maxsize=64)
def _plain_fields(noun: object) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """Return the fields of a data class that hold text, numbers or bytes, as its annotations have them."""
    if not isinstance(noun, type) or not issubclass(noun, Struct):
        return ()
    fields = [field for each in reversed(noun.__mro__) for field in get_annotations(each).items()]
    return tuple((name, _PLAIN[str(kind)]) for name, kind in fields if str(kind) in _PLAIN)


def _checked(value: Value) -> Value:
    """Return what was read, once its columns are of the types that it wants: SQLite takes any in any column."""
    for name, types in _plain_fields(type(value)):  # type: ignore[arg-type]
        if not isinstance(getattr(value, name), types):
            raise TypeError(name)
    return value


def unreadable(table: str, *key: object) -> RowUnreadable:
    """Return the error that names a row."""
    name = " ".join(_shown(part) for part in key)
    return RowUnreadable(f"the row {name} of {table} in the catalogue cannot be read", hint=HINT)


@contextmanager
def naming(table: str, *key: object) -> Iterator[None]:
    """Read something of a row. Raises RowUnreadable, which names the row, where it has another form."""
    try:
        yield
    except (RowUnreadable, *UNREADABLE) as error:
        raise unreadable(table, *key) from error


def text_list(text: str, table: str, *key: object) -> list[str]:
    """Return the texts of a JSON array in a column. Raises RowUnreadable, which names the row."""
    with naming(table, *key):
        found = json.loads(text)
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise TypeError
        return found


def _shown(part: object) -> str:
    text = part if isinstance(part, str | int) else type(part).__name__
    return f"{text}"[:60] or "without a name"


_LEFT_OUT: ContextVar[dict[str, RowUnreadable] | None] = ContextVar("left_out", default=None)


@contextmanager
def leaving_out() -> Iterator[dict[str, RowUnreadable]]:
    """Let lists leave out rows that cannot be read, and yield these: to show the others, never to decide by them."""
    found: dict[str, RowUnreadable] = {}
    former = _LEFT_OUT.set(found)
    try:
        yield found
    finally:
        _LEFT_OUT.reset(former)


def leave_out(error: RowUnreadable) -> bool:
    """Note a row that is left out; return False where nobody is told of such rows."""
    left_out = _LEFT_OUT.get()
    if left_out is None:
        return False
    left_out[error.message] = error
    return True


def readable(rows: Iterable[sqlite3.Row], read: Callable[[sqlite3.Row], Value]) -> Iterator[Value]:
    """Yield what the rows tell. Raises RowUnreadable, or inside `leaving_out` notes the row and goes on."""
    for row in rows:
        try:
            yield read(row)
        except RowUnreadable as error:
            if not leave_out(error):
                raise


def read_page(
    fetch: Callable[[int], list[sqlite3.Row]], read: Callable[[sqlite3.Row], Value], most: int
) -> list[Value]:
    """Return up to `most` of a list; `fetch` returns so many rows. A row that is left out makes the page no shorter."""
    wanted = most
    while True:
        rows = fetch(wanted)
        found = list(readable(rows, read))
        if len(found) >= most or len(rows) < wanted:
            return found[:most]
        wanted *= 2


def is_line(line: bytes) -> bool:
    """Say whether an entry's line can be read."""
    try:
        read_line(0, line)
    except RowUnreadable:
        return False
    return True


def read_line(seq: object, line: bytes) -> dict[str, Any]:
    """Return the body of an entry's line, with the parts that every entry has. Raises RowUnreadable."""
    try:
        body = json.loads(line)
        if isinstance(body["facts"], dict) and isinstance(body["kind"], str):
            parse_instant(body["at"])
            return dict(body)
    except UNREADABLE as error:
        raise unreadable("entries", seq) from error
    raise unreadable("entries", seq)
