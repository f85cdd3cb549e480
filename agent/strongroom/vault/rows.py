"""Rows of the catalogue become values, or an error that names the row.

Anyone who can write the file can put anything into any column. A row that cannot be read is named, with the next step,
and is never taken for a bug of the program.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from enum import Enum
from operator import attrgetter, itemgetter
from types import MappingProxyType, NoneType
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct

from strongroom.model.errors import VaultError
from strongroom.model.times import require_utc
from strongroom.model.window import Window
from strongroom.vault.connection import Unstorable

Value = TypeVar("Value")
Noun = TypeVar("Noun", bound=Struct)


UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, Unstorable)
"""What reading a value of the wrong form raises."""

HINT = "the catalogue was changed or is damaged; see what can be done: strongroom recover"


class RowUnreadable(VaultError):
    """A row of the catalogue holds a value that cannot be read."""


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


def window_of(row: sqlite3.Row, table: str, *key: object) -> Window:
    """Return the window of a row. Raises RowUnreadable, which names the row by these and the window's start."""
    with naming(table, *key, row["window_start"]):
        return Window(to_instant(row["window_start"]), to_instant(row["window_end"]))


def count_of(row: sqlite3.Row, table: str, *key: object) -> int:
    """Return the column `count` of a row whose key are texts. Raises RowUnreadable, which names the row."""
    if not isinstance(row["count"], int) or not all(isinstance(part, str) for part in key):
        raise unreadable(table, *key)
    return int(row["count"])


def text_list(text: str, table: str, *key: object) -> list[str]:
    """Return the texts of a JSON array in a column. Raises RowUnreadable, which names the row."""
    with naming(table, *key):
        return list(_texts(text))


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
    """Record a row that is left out; return False where such rows are not collected."""
    left_out = _LEFT_OUT.get()
    if left_out is None:
        return False
    left_out[error.message] = error
    return True


def readable(rows: Iterable[sqlite3.Row], read: Callable[[sqlite3.Row], Value]) -> Iterator[Value]:
    """Yield what the rows contain. Raises RowUnreadable, or inside `leaving_out` records the row and continues."""
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


def require(value: object, kind: type[Value]) -> Value:
    """Return the value of a column. Raises TypeError for one of another type: SQLite takes any in any column."""
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    return value


class Rows(Generic[Noun]):
    """The rows of one table as structs of one kind: the columns, the statements, and the way in both directions.

    A field is the column of the same name; `names` has the exceptions. A field that is a struct is the columns of its
    own fields, which for a window or a wait begin with the name of the field.
    """

    def __init__(
        self,
        noun: type[Noun],
        table: str,
        *key: str,
        names: Mapping[str, str] = MappingProxyType({}),
        without: Collection[str] = (),
    ) -> None:
        self._table, self._key = table, key
        self._columns, self._read, self._write, _ = _struct(noun, "", names, without)
        self.columns = ", ".join(self._columns)
        self.select = f"SELECT {self.columns} FROM {table}"
        self.insert = f"INSERT INTO {table} ({self.columns}) VALUES ({', '.join('?' * len(self._columns))})"

    def upsert(self, *fixed: str) -> str:
        """Return the statement that inserts a row, or under its key changes all columns but the `fixed` ones."""
        changes = [f"{name} = excluded.{name}" for name in self._columns if name not in (*self._key, *fixed)]
        return f"{self.insert} ON CONFLICT ({', '.join(self._key)}) DO UPDATE SET {', '.join(changes)}"

    def values(self, value: Noun) -> tuple[object, ...]:
        """Return the values of the columns, in their order."""
        return self._write(value)

    def read(self, row: sqlite3.Row) -> Noun:
        """Return the struct. Raises RowUnreadable, which names the row by its key."""
        columns = dict(zip(row.keys(), row, strict=True))  # a row itself is searched for each name
        try:
            found: Noun = self._read(columns)
        except (RowUnreadable, *UNREADABLE) as error:
            raise unreadable(self._table, *(columns[name] for name in self._key if name in columns)) from error
        return found

    def read_all(self, rows: Iterable[sqlite3.Row]) -> list[Noun]:
        """Return all of them, as `readable` yields them."""
        return list(readable(rows, self.read))

    def read_one(self, row: sqlite3.Row | None) -> Noun | None:
        """Return the struct, or None where there is no row."""
        return None if row is None else self.read(row)


Columns = Mapping[str, Any]
"""The values of a row by the names of their columns."""


class _Part(NamedTuple):
    """A field of a struct, or a struct."""

    columns: tuple[str, ...]
    read: Callable[[Columns], Any]
    write: Callable[[Any], tuple[object, ...]]
    plain: tuple[type, ...] = ()  # of one column that is taken as it is: the types that it may have


_PREFIXED = ("window", "wait")


def _struct(noun: type[Struct], prefix: str, names: Mapping[str, str], without: Collection[str] = ()) -> _Part:
    hints = get_type_hints(noun)
    parts = {name: _part(name, kind, prefix, names) for name, kind in hints.items() if name not in without}
    plain = [(name, part.columns[0], part.plain) for name, part in parts.items() if part.plain]
    others = [(name, part.read) for name, part in parts.items() if not part.plain]
    writers, fields = [part.write for part in parts.values()], attrgetter(*parts)

    def read(row: Columns) -> Struct:
        found = {name: load(row) for name, load in others}
        for name, column, kinds in plain:  # nearly all columns: kept out of a call for each
            value = row[column]
            if not isinstance(value, kinds):
                raise TypeError(name)
            found[name] = value
        return noun(**found)

    def write(value: Struct) -> tuple[object, ...]:
        return tuple(each for dump, field in zip(writers, fields(value), strict=True) for each in dump(field))

    return _Part(tuple(column for part in parts.values() for column in part.columns), read, write)


def _part(name: str, kind: Any, prefix: str, names: Mapping[str, str]) -> _Part:
    optional = NoneType in get_args(kind)
    inner = next(each for each in get_args(kind) if each is not NoneType) if optional else kind
    if isinstance(inner, type) and issubclass(inner, Struct):
        part = _struct(inner, f"{name}_" if name in _PREFIXED else "", names)
        return _absent(part, inner) if optional else part
    column = names.get(name, prefix + name)
    if inner in (str, int, bytes):
        return _Part((column,), itemgetter(column), lambda value: (value,), (inner, NoneType) if optional else (inner,))
    load, dump = _conversion(inner)
    if optional:
        return _Part(
            (column,),
            lambda row: None if row[column] is None else load(row[column]),
            lambda value: (None if value is None else dump(value),),
        )
    return _Part((column,), lambda row: load(row[column]), lambda value: (dump(value),))


def _absent(part: _Part, noun: type[Struct]) -> _Part:
    """Let a struct be absent: its texts are empty then, and the first column of it says so."""
    blank = tuple(None if NoneType in get_args(kind) else "" for kind in get_type_hints(noun).values())
    first = part.columns[0]
    return _Part(
        part.columns,
        lambda row: part.read(row) if row[first] else None,
        lambda value: blank if value is None else part.write(value),
    )


def _conversion(kind: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return how the value of a column becomes one of this type, and back."""
    if get_origin(kind) is tuple:
        return (_pairs if get_origin(get_args(kind)[0]) is tuple else _texts), json.dumps
    if get_origin(kind) is Mapping:
        return _counts, lambda counts: json.dumps(dict(counts), sort_keys=True)
    if issubclass(kind, Enum):
        return kind, attrgetter("value")
    return _CONVERSIONS[kind]


_CONVERSIONS: Mapping[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    datetime: (to_instant, to_text),
    bool: (bool, int),
    timedelta: (lambda seconds: timedelta(seconds=seconds), timedelta.total_seconds),
    float: (lambda seconds: timedelta(seconds=seconds).total_seconds(), float),  # refuses what is no length of time
}


def _texts(text: str) -> tuple[str, ...]:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise TypeError(text)
    return tuple(found)


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((require(name, str), require(value, str)) for name, value in json.loads(text))


def _counts(text: str) -> Mapping[str, int]:
    return MappingProxyType({name: require(count, int) for name, count in require(json.loads(text), dict).items()})
