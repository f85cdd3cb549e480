"""Reads a TOML table key by key and goes on after a mistake, so that one look finds all of them.

A reader knows which keys it was asked for; what is left over when it is closed is unknown and refused. A value that
does not fit is noted and a stand-in returned: the whole is thrown away in the end if anything was noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from strongroom.config.line_numbers import Locator
from strongroom.config.problem import Caution, KeyPath, Problem, Unfit, describe, format_key, quote, suggest

T = TypeVar("T")


class Notebook:
    """Collects the mistakes and cautions of one file, each with its place."""

    def __init__(self, file: str, locator: Locator) -> None:
        self.problems: list[Problem] = []
        self.cautions: list[Caution] = []
        self._file = file
        self._locator = locator

    def refuse(self, path: KeyPath, expected: str, got: str, suggestion: str = "") -> None:
        """Note a mistake at the key, or at the table around it where the key is not given."""
        line = self._locator.line_near(path)
        self.problems.append(Problem(self._file, line, format_key(path), expected, got, suggestion))

    def caution(self, path: KeyPath, text: str) -> None:
        """Note something that works but had better be changed."""
        self.cautions.append(Caution(self._file, self._locator.line_near(path), format_key(path), text))


class TableReader:
    """Reads one table. Close it when every key was asked for."""

    def __init__(self, table: object, path: KeyPath, notebook: Notebook) -> None:
        self.path = path
        self._is_table = isinstance(table, dict)
        self._table: Mapping[str, object] = table if isinstance(table, dict) else {}
        self._notebook = notebook
        self._asked: list[str] = []

    def need(self, key: str, parse: Callable[[object], T], stand_in: T, expected: str) -> T:
        """Return the value of a key that must be there, or the stand-in after noting what is wrong."""
        if key not in self._table:
            self._asked.append(key)
            self.refuse(key, expected, "nothing")
            return stand_in
        return self.take(key, parse, stand_in)

    def take(self, key: str, parse: Callable[[object], T], default: T) -> T:
        """Return the value of a key, or the default when it is not given (or wrong, which is noted)."""
        self._asked.append(key)
        if key not in self._table:
            return default
        return self._fit(parse, self._table[key], (*self.path, key), default)

    def each(self, key: str, parse: Callable[[object], T], expected: str, at_least: int = 0) -> tuple[T, ...]:
        """Return the items of a list, each checked by itself and none given twice."""
        self._asked.append(key)
        if key not in self._table and at_least == 0:
            return ()
        items = self._table.get(key)
        if not isinstance(items, list) or len(items) < at_least:
            got = "nothing" if key not in self._table else "an empty list" if items == [] else describe(items)
            self.refuse(key, expected, got)
            return ()
        return self._unique(list(self._items(key, items, parse)))

    def _items(self, key: str, items: list[object], parse: Callable[[object], T]) -> Iterator[tuple[KeyPath, T]]:
        for index, item in enumerate(items):
            path = (*self.path, key, index)
            value = self._fit(parse, item, path, None)
            if value is not None:
                yield path, value

    def _unique(self, items: list[tuple[KeyPath, T]]) -> tuple[T, ...]:
        values: dict[T, None] = {}
        for path, value in items:
            if value in values:
                self._notebook.refuse(path, "every item once", "the same item again")
            values.setdefault(value)
        return tuple(values)

    def entries(self, parse: Callable[[object], T]) -> dict[str, T]:
        """Return all of a free-form table: any names, each value checked by itself."""
        found: dict[str, T] = {}
        for name, item in self._table.items():
            value = self._fit(parse, item, (*self.path, name), None)
            if value is not None:
                found[name] = value
        return found

    def table(self, key: str) -> TableReader:
        """Return a reader of a table inside this one: of an empty one when it is not given.

        Where something else stands in its place, that is the one mistake noted: the reader finds no more.
        """
        self._asked.append(key)
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "a table", describe(value))
        return TableReader(value, (*self.path, key), self._notebook)

    def tables(self, key: str) -> list[TableReader]:
        """Return readers of the tables of an array of tables, none when it is not given."""
        self._asked.append(key)
        value = self._table.get(key, [])
        if not isinstance(value, list):
            self.refuse(key, f"tables that begin with [[{key}]]", describe(value), f"write [[{key}]]")
            return []
        readers = []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                self._notebook.refuse((*self.path, key, index), "a table", describe(item))
            readers.append(TableReader(item, (*self.path, key, index), self._notebook))
        return readers

    def names(self) -> list[str]:
        """Return the keys that the table has."""
        return list(self._table)

    def raw(self, key: str) -> object:
        """Return a value unchecked, None when it is not given."""
        return self._table.get(key)

    def refuse(self, key: str, expected: str, got: str, suggestion: str = "") -> None:
        """Note a mistake at one of this table's keys."""
        if self._is_table:
            self._notebook.refuse((*self.path, key), expected, got, suggestion)

    def caution(self, key: str, text: str) -> None:
        """Note a caution at one of this table's keys."""
        self._notebook.caution((*self.path, key), text)

    def close(self) -> None:
        """Refuse every key that nobody asked for."""
        for key in self._table:
            if key not in self._asked:
                near = suggest(key, self._asked)
                expected = "a known key" if near else "one of " + ", ".join(self._asked)
                self.refuse(key, expected, f"the unknown key {quote(key)}", near)

    def _fit(self, parse: Callable[[object], T], value: object, path: KeyPath, stand_in: T) -> T:
        try:
            return parse(value)
        except Unfit as unfit:
            self._notebook.refuse(path, unfit.expected, unfit.got, unfit.suggestion)
            return stand_in
