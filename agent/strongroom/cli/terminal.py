"""Standard output is data, standard error is words, and no control character from outside reaches a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata

import click

from strongroom.model.printable import clean as clean  # what is printed goes through it

WIDTH = 80
"""Columns where there is no terminal to ask."""


def say(text: str = "") -> None:
    """Write one line of data."""
    click.echo(text, color=wants_colour())


def tell(text: str = "") -> None:
    """Write one line of words for a person."""
    click.echo(text, err=True, color=wants_colour())


def escape_hidden(line: bytes) -> bytes:
    """Return a line of JSON whose texts hold no character that steers a terminal or hides or reorders what is shown.

    Such characters become JSON escapes, so that the values stay what they are.
    """
    text = line.decode()
    if text.isascii() and "\x7f" not in text:
        return line
    return "".join(_escaped(char) for char in text).encode()


def _escaped(char: str) -> str:
    """Escape within a text; blanks between tokens, the only ones that JSON lets stand bare, stay."""
    return char if char.isprintable() or char in " \t\n" else json.dumps(char)[1:-1]


def cells(text: str) -> int:
    """Return how many columns a terminal gives to clean text."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Return text in at most `width` columns, with an ellipsis where something was left out."""
    if cells(text) <= width:
        return text
    shown = ""
    for char in text:
        if cells(shown) + _cells(char) > width - 1:
            break
        shown += char
    return shown + "…"


def width() -> int:
    """Return how many columns there are to write in."""
    return max(40, shutil.get_terminal_size((WIDTH, 24)).columns)


def wants_colour() -> bool | None:
    """Return False where colour is not wanted (https://no-color.org), None to let the stream decide."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return False if plain else None


def can_ask() -> bool:
    """Say whether there is a person to ask: input and words both on a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_screen(*, words: bool = True) -> bool:
    """Say whether a stream, that of words or that of data, is a terminal that can be drawn on."""
    stream = sys.stderr if words else sys.stdout
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
