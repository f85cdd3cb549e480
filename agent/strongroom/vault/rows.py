"""Rows of the catalogue become values, or an error that names the row.

Anyone who can write the file can put anything into any column. A row that cannot be read is named, with the next step,
and is never taken for a bug of the program.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache, wraps
from inspect import get_annotations
from types import NoneType
from typing import TypeVar

from msgspec import Struct

from strongroom.model.errors import VaultError
from strongroom.model.times import require_utc
from strongroom.vault.connection import Unstorable

Value = TypeVar("Value")


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


def to_text(instant: datetime) -> str:
    """Write an instant for a column: a fixed number of digits, so that text order is order in time."""
    return require_utc(instant).isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_text_or_none(instant: datetime | None) -> str | None:
    """Write an instant that may be absent."""
    return None if instant is None else to_text(instant)


def to_instant(text: str) -> datetime:
    """Read an instant from a column. Raises RowUnreadable."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise RowUnreadable("the catalogue holds a time that cannot be read", hint=HINT) from error


def to_instant_or_none(text: str | None) -> datetime | None:
    """Read an instant that may be absent."""
    return None if text is None else to_instant(text)
