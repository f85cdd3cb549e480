"""Reads TOML tables and continues after a mistake, so that one check finds all of them.

What does not fit is noted; the whole is thrown away in the end if anything was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import UNSET

from strongroom.config.line_numbers import Locator
from strongroom.config.problem import Caution, KeyPath, Problem, Unfit, describe, format_key, quote, suggest

Parse = Callable[[object], Any]
"""Returns a value in its final type. Raises Unfit."""


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
        """Note something that works but should be changed."""
        self.cautions.append(Caution(self._file, self._locator.line_near(path), format_key(path), text))


class TableReader:
    """Reads one table. It knows which keys were read: those left over when it is closed are unknown."""

    def __init__(self, table: object, path: KeyPath, notebook: Notebook) -> None:
        self._path = path
        self._is_table = isinstance(table, dict)
        self._table: Mapping[str, object] = table if isinstance(table, dict) else {}
        self._notebook = notebook
        self._asked: list[str] = []

    def has(self, key: str) -> bool:
        """Say whether a key is given."""
        return key in self._table

    def raw(self, key: str) -> object:
        """Return a value unchecked, None when it is not given."""
        return self._table.get(key)

    def take(self, key: str, parse: Parse) -> Any:
        """Return the value of a key, UNSET when it is not given (or wrong, which is noted)."""
        self._asked.append(key)
        return self._parse(parse, self._table[key], (*self._path, key)) if key in self._table else UNSET

    def items(self, key: str, parse: Parse, expected: str, at_least: int) -> tuple[Any, ...]:
        """Return the items of a list, each checked by itself and none given twice."""
        self._asked.append(key)
        if key not in self._table and at_least == 0:
            return ()
        items = self._table.get(key)
        if not isinstance(items, list) or len(items) < at_least:
            got = "nothing" if key not in self._table else "an empty list" if items == [] else describe(items)
            self.refuse(key, expected, got)
            return ()
        values: dict[Any, None] = {}
        for index, item in enumerate(items):
            path = (*self._path, key, index)
            value = self._parse(parse, item, path)
            if value in values:
                self._notebook.refuse(path, "every item once", "the same item again")
            elif value is not UNSET:
                values[value] = None
        return tuple(values)

    def entries(self, parse: Parse) -> dict[str, Any]:
        """Return all of a free-form table: any names, each value checked by itself."""
        found = {name: self._parse(parse, item, (*self._path, name)) for name, item in self._table.items()}
        return {name: value for name, value in found.items() if value is not UNSET}

    def table(self, key: str) -> TableReader:
        """Return a reader of a table inside this one: of an empty one when it is not given.

        Where the value is of another type, only that mistake is reported: its keys are not checked.
        """
        self._asked.append(key)
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "a table", describe(value))
        return TableReader(value, (*self._path, key), self._notebook)

    def tables(self, key: str) -> list[TableReader]:
        """Return readers of the tables of an array of tables, none when it is not given."""
        self._asked.append(key)
        value = self._table.get(key, [])
        if not isinstance(value, list):
            self.refuse(key, f"tables that begin with [[{key}]]", describe(value), f"write [[{key}]]")
            return []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                self._notebook.refuse((*self._path, key, index), "a table", describe(item))
        return [TableReader(item, (*self._path, key, index), self._notebook) for index, item in enumerate(value)]

    def at(self, key: str, index: int) -> TableReader:
        """Return a reader of one table of an array that was read before."""
        items = self._table.get(key)
        return TableReader(items[index] if isinstance(items, list) else None, (*self._path, key, index), self._notebook)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def refuse(self, key: str, expected: str, got: str, suggestion: str = "") -> None:
        """Note a mistake at one of this table's keys."""
        if self._is_table:
            self._notebook.refuse((*self._path, key), expected, got, suggestion)

    def caution(self, key: str, text: str) -> None:
        """Note a caution at one of this table's keys."""
        self._notebook.caution((*self._path, key), text)

    def close(self) -> None:
        """Refuse every unknown key."""
        for key in self._table:
            if key not in self._asked:
                near = suggest(key, self._asked)
                expected = "a known key" if near else "one of " + ", ".join(self._asked)
                self.refuse(key, expected, f"the unknown key {quote(key)}", near)

    def _parse(self, parse: Parse, value: object, path: KeyPath) -> Any:
        try:
            return parse(value)
        except Unfit as unfit:
            self._notebook.refuse(path, unfit.expected, unfit.got, unfit.suggestion)
            return UNSET
