"""A row of the catalogue becomes a value, or an error that names the row.

Anybody who can write the file can put anything into any column. What cannot be read is named, with the next step, and
never taken for a fault of the program.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache, wraps
from types import NoneType
from typing import Any, TypeVar

from strongroom.model.errors import VaultError

Value = TypeVar("Value")

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
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
    if not isinstance(noun, type) or not is_dataclass(noun):
        return ()
    return tuple((field.name, _PLAIN[str(field.type)]) for field in fields(noun) if str(field.type) in _PLAIN)


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


def _shown(part: object) -> str:
    text = part if isinstance(part, str | int) else type(part).__name__
    return f"{text}"[:60] or "without a name"


def readable(rows: Iterable[sqlite3.Row], read: Callable[[sqlite3.Row], Value]) -> Iterator[Value]:
    """Yield what the rows tell that can be read; for work that must go on beside one that cannot."""
    for row in rows:
        try:
            yield read(row)
        except RowUnreadable:
            continue


def read_line(seq: object, line: bytes) -> dict[str, Any]:
    """Return the body of an entry's line, with the parts that every entry has. Raises RowUnreadable."""
    try:
        body = json.loads(line)
        if isinstance(body["facts"], dict) and isinstance(body["kind"], str) and isinstance(body["at"], str):
            return dict(body)
    except UNREADABLE as error:
        raise unreadable("entries", seq) from error
    raise unreadable("entries", seq)
