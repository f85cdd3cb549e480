"""Finds the line of a key in TOML text, since the parser keeps no positions. Never a wrong line: rather none.

The text has already been accepted by the parser, so this walk needs only the shape of TOML: strings and comments are
stepped over, keys are noted. In the end the keys it saw must be exactly the keys that the parser saw; if they are not,
it has misunderstood something and forgets all of them.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from strongroom.config.problem import KeyPath

_TRIVIA = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")


class Locator:
    """Lines of one TOML text. `data` is what the parser made of the very same text."""

    def __init__(self, text: str, data: Mapping[str, object]) -> None:
        lines: dict[KeyPath, int] = {}
        try:
            walked = _Walk(text).walk()
            lines = walked if walked.keys() == set(_paths(data)) else {}
        except (_Lost, RecursionError):
            lines = {}
        self._empty = not data  # whatever is missing then is missing from the first line on
        self._lines = lines

    def line_of(self, path: KeyPath) -> int | None:
        """Return the line, from 1, on which the key is given (a table: its header), or None."""
        return self._lines.get(path)

    def line_near(self, path: KeyPath) -> int | None:
        """Return the line of the key or, where it is not given, of the innermost table around it that is; or None."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path) or (1 if self._empty else None)


def line_in(text: str, path: KeyPath) -> int | None:
    """Return the line of a key in a configuration that was loaded before, None where that is not surely known."""
    return Locator(text, tomllib.loads(text)).line_near(path)


class _Lost(Exception):
    """The text is not what the walk took it for."""


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}  # how many [[tables]] of a name there are so far

    def walk(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_TRIVIA)
        while self._at < len(self._text):
            if self._sees("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_TRIVIA)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._line()
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        path: KeyPath = ()
        *outer, last = self._key()
        for part in outer:
            path = (*path, part)
            self._lines.setdefault(path, line)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        path = (*path, last)
        if brackets == 2:
            self._lines.setdefault(path, line)
            count = self._counts[path] = self._counts.get(path, 0) + 1
            path = (*path, count - 1)
        self._lines[path] = line
        for _ in range(brackets):
            self._expect("]")
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._expect("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_TRIVIA)
        self._lines.setdefault(path, self._line())
        if self._sees("["):
            self._array(path)
        elif self._sees("{"):
            self._inline_table(path)
        elif self._sees('"') or self._sees("'"):
            self._take(_STRING)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._expect("[")
        for index in self._items("]"):
            self._value((*path, index))

    def _inline_table(self, path: KeyPath) -> None:
        self._expect("{")
        for _ in self._items("}"):
            self._pair(path)

    def _items(self, closing: str) -> Iterator[int]:
        index = 0
        self._skip(_TRIVIA)
        while not self._sees(closing):
            yield index
            index += 1
            self._skip(_TRIVIA)
            if not self._sees(closing):
                self._expect(",")
                self._skip(_TRIVIA)
        self._expect(closing)

    def _key(self) -> list[str]:
        parts = [self._key_part()]
        while _DOT.match(self._text, self._at):
            self._take(_DOT)
            parts.append(self._key_part())
        return parts

    def _key_part(self) -> str:
        self._skip(_TRIVIA)
        if self._sees('"') or self._sees("'"):
            return str(tomllib.loads(f"key = {self._take(_STRING)}")["key"])
        return self._take(_BARE_KEY)

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _sees(self, char: str) -> bool:
        return self._text.startswith(char, self._at)

    def _skip(self, form: re.Pattern[str]) -> None:
        self._take(form)

    def _expect(self, char: str) -> None:
        self._skip(_TRIVIA)
        if not self._sees(char):
            raise _Lost
        self._at += 1

    def _take(self, form: re.Pattern[str]) -> str:
        match = form.match(self._text, self._at)
        if match is None:
            raise _Lost
        self._at = match.end()
        return match[0]


def _paths(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    children: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(value, dict):
        children = iter(value.items())
    elif isinstance(value, list):
        children = iter(enumerate(value))
    for part, child in children:
        yield (*path, part)
        yield from _paths(child, (*path, part))
