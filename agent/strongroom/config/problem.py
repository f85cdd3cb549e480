"""A mistake in the configuration, described so that a person can find and fix it: where, what was expected and got.

What was got is shown only where it is no secret: text that looks like a key or a token is described, not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time

from msgspec import Struct

from strongroom.model.errors import UsageError

KeyPath = tuple[str | int, ...]
"""Where a value is: names of tables and keys, and positions in lists counted from 0."""

_BARE = r"[A-Za-z0-9_-]+"
_LIKE_A_KEY = r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+/=.~-]{20,}"
_SHOWN = 60


class Unfit(UsageError):
    """A value does not fit. `expected` and `got` are phrases for a person; `suggestion` a sentence or empty."""

    def __init__(self, expected: str, got: str, suggestion: str = "") -> None:
        super().__init__(f"expected {expected}, got {got}", hint=suggestion)
        self.expected = expected
        self.got = got
        self.suggestion = suggestion


class Problem(Struct, frozen=True):
    """One mistake. `line` and `column` count from 1 and are None where they are not surely known."""

    file: str
    line: int | None
    key: str  # as in source[0].api_key; empty for the file as a whole
    expected: str
    got: str
    suggestion: str = ""
    column: int | None = None

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        suggestion = f" ({self.suggestion})" if self.suggestion else ""
        place = format_place(self.file, self.line, self.column)
        return f"{place}: {key}expected {self.expected}, got {self.got}{suggestion}"


class Caution(Struct, frozen=True):
    """Something that works but that a careful person would change."""

    file: str
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        return f"{format_place(self.file, self.line)}: {self.key}: {self.text}"


class ConfigRefused(UsageError):
    """The configuration has mistakes: `problems` has all of them, the message one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(str(problem) for problem in self.problems),
            hint="config.example.toml shows every key; to check again: strongroom config check",
        )


def format_place(file: str, line: int | None, column: int | None = None) -> str:
    """Write file:line:column, leaving out what is not known."""
    return ":".join(str(part) for part in (file, line, column) if part is not None)


def format_key(path: KeyPath) -> str:
    """Write a key path as in source[0].options.region, quoting names that TOML would quote."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if re.fullmatch(_BARE, part) else quote(part))
    return text


def quote(text: str) -> str:
    """Put text in quotes on one printable line, shortened where it is long."""
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in shown) + '"'


def describe(value: object) -> str:
    """Say what a TOML value is, without repeating text that may be a secret."""
    match value:
        case str():
            return _describe_text(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}" if abs(value) < 10**15 else "a very large number"
        case datetime():
            return "a date-time without a zone" if value.tzinfo is None else value.isoformat()
        case date() | time():
            return value.isoformat()
        case dict():
            return "a table"
        case _:
            return "a list"


def _describe_text(text: str) -> str:
    if not text:
        return "empty text"
    if "age-secret-key" in text.lower():
        return "a private age key (not shown; remove it from this file, and treat it as known to others)"
    if re.fullmatch(_LIKE_A_KEY, text.strip()) or "://" in text:
        return f"text of {len(text)} characters (not shown, as it may hold a secret)"
    return quote(text)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a did-you-mean sentence for the nearest known word, or empty text where none is near."""
    import difflib  # only mistakes pay for it

    near = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return f"did you mean {quote(near[0])}?" if near else ""
