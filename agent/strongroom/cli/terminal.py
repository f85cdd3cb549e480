"""Standard output is data, standard error is words, and no control character from outside reaches a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import click

from strongroom.cli.descriptors import silence
from strongroom.model.errors import WorldError
from strongroom.model.printable import clean as clean  # what is printed goes through it

WIDTH = 80
"""Columns where there is no terminal to ask."""


def say(text: str = "") -> None:
    """Write one line of data. Raises WorldError where standard output cannot be written."""
    with writing():
        click.echo(text, color=wants_colour())


def say_exactly(data: str | bytes) -> None:
    """Write data as it is, without the end of a line. Raises WorldError as `say`."""
    with writing():
        click.echo(data, nl=False, color=wants_colour())


def tell(text: str = "") -> None:
    """Write one line of words for a person. Work does not depend on them: it goes on where they cannot be written."""
    try:
        click.echo(text, err=True, color=wants_colour())
    except BrokenPipeError:
        raise
    except OSError:
        silence(sys.stderr)


@contextmanager
def writing() -> Iterator[None]:
    """Raise WorldError where standard output cannot be written. A reader that has gone is no such error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> WorldError:
    """Return what to tell where standard output cannot be written, and let nothing more be written to it."""
    silence(sys.stdout)
    words = f"standard output cannot be written: {error.strerror or type(error).__name__}"
    return WorldError(words, hint="free space where it goes, or redirect it to another file: > FILE")


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
