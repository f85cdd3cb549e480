"""What a shell may have left closed or taken away: standard descriptors and the working directory.

Standard output is data, standard error is words, and no control character from outside reaches a terminal.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from strongroom.model.errors import WorldError
from strongroom.model.text import clean as clean  # what is printed goes through it

if TYPE_CHECKING:
    from strongroom.text.states import Mark

_closed: set[int] = set()


class _Lost(io.FileIO):
    """Standard output that was closed when the program began: remembers whether anything was written to it."""

    used = False

    def write(self, data: Any, /) -> int:
        _Lost.used = True
        return super().write(data)


def reopen_standard() -> None:
    """Open what is closed of standard input, output and error to /dev/null, before any file can take its number.

    Otherwise what is meant for standard output could land in a file of the vault.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _closed.add(number)
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process
    if is_closed(1) or not sys.stdout:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Lost(1, "w", closefd=False)), encoding="utf-8")
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process


def write_utf8() -> None:
    """Write UTF-8 in every locale; a file name that is none is escaped rather than the end of the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def is_closed(number: int) -> bool:
    """Say whether a standard descriptor was closed when the program began."""
    return number in _closed


def lost_output() -> bool:
    """Say whether something was printed although standard output was closed when the program began."""
    return _Lost.used


def silence(stream: TextIO) -> None:
    """Let nothing more be written to the stream, so that the interpreter does not complain about it while it ends."""
    try:
        number = stream.fileno()
    except OSError:  # it is a stream in memory
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, number)
    finally:
        os.close(null)


def require_output() -> None:
    """Refuse to produce data that nobody could read. Raises WorldError where standard output is closed."""
    if is_closed(1):
        raise WorldError("standard output is closed: the data cannot be written", hint="redirect it to a file: > FILE")


def has_folder() -> bool:
    """Say whether the working directory still exists."""
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def working_folder() -> Path:
    """Return the working directory, or one that never holds anything where it was removed."""
    return Path.cwd() if has_folder() else Path(os.devnull)


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


def width() -> int:
    """Return how many columns there are to write in."""
    return max(40, shutil.get_terminal_size((WIDTH, 24)).columns)


def paint(text: str, mark: Mark) -> str:
    """Return text in the style of a state."""
    words = mark.style.split()
    return click.style(text, fg=next((each for each in words if each != "bold"), None), bold="bold" in words or None)


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
