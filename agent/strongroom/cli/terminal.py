"""The terminal and its streams, even where a shell left them closed, and progress of long reads.

Standard output is data, standard error is words, and no control character from outside reaches a terminal.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from strongroom.model.errors import WorldError
from strongroom.model.text import clean as clean  # what is printed goes through it

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress, ProgressColumn

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
    """Return whether a standard descriptor was closed when the program began."""
    return number in _closed


def lost_output() -> bool:
    """Return whether something was printed although standard output was closed when the program began."""
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
    """Refuse to produce data that cannot be written. Raises WorldError if standard output is closed."""
    if is_closed(1):
        raise WorldError("standard output is closed: the data cannot be written", hint="redirect it to a file: > FILE")


def has_folder() -> bool:
    """Return whether the working directory still exists."""
    try:
        os.getcwd()  # noqa: PTH109 - `--help` does without pathlib
    except OSError:
        return False
    return True


def working_folder() -> Path:
    """Return the working directory, or one that never holds anything where it was removed."""
    from pathlib import Path

    return Path.cwd() if has_folder() else Path(os.devnull)


WIDTH = 80
_MOST_DIGITS = 9  # of $COLUMNS; more is no width
"""Columns where there is no terminal to ask."""

HELP_WIDTH = 100
"""Columns that a page of help fills at most."""


def say(text: str = "") -> None:
    """Write one line of data. Raises WorldError where standard output cannot be written."""
    with writing():
        click.echo(text, color=wants_color())


def say_lines(lines: Iterable[str]) -> None:
    """Write lines of data. Raises WorldError as `say`."""
    for line in lines:
        say(line)


def say_exactly(data: str | bytes) -> None:
    """Write data as it is, without the end of a line. Raises WorldError as `say`."""
    with writing():
        click.echo(data, nl=False, color=wants_color())


def report(text: str = "") -> None:
    """Write one line for a person to standard error. The work continues if it cannot be written."""
    try:
        click.echo(text, err=True, color=wants_color())
    except BrokenPipeError:
        raise
    except OSError:
        silence(sys.stderr)


@contextmanager
def writing() -> Iterator[None]:
    """Raise WorldError where standard output cannot be written. A closed pipe is not such an error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> WorldError:
    """Return the error for standard output that cannot be written, and let nothing more be written to it."""
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
    """Escape within a text; blanks between tokens, the only ones that JSON allows there, stay."""
    import json

    return char if char.isprintable() or char in " \t\n" else json.dumps(char)[1:-1]


def width() -> int:
    """Return how many columns there are to write in, 40 or more."""
    return max(40, columns())


def help_width() -> int:
    """Return how many columns a page of help is wide: as click would choose, without the library it asks."""
    return max(50, min(columns(), HELP_WIDTH) - 2)


def columns() -> int:
    """Return the columns of the terminal: those of $COLUMNS, of standard output, or 80."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and len(wanted) < _MOST_DIGITS and int(wanted) > 0:
        return int(wanted)
    try:
        return os.get_terminal_size(1).columns or WIDTH
    except OSError:  # it is a file, a pipe, or closed
        return WIDTH


def paint(text: str, mark: Mark) -> str:
    """Return text in the style of a state."""
    words = mark.style.split()
    return click.style(text, fg=next((each for each in words if each != "bold"), None), bold="bold" in words or None)


def wants_color() -> bool | None:
    """Return False where color is not wanted (https://no-color.org), None to let the stream decide."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return False if plain else None


def can_ask() -> bool:
    """Return whether a person can be prompted: input and messages are both on a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_screen(*, words: bool = True) -> bool:
    """Return whether a stream, that of words or that of data, is a terminal that can be drawn on."""
    stream = sys.stderr if words else sys.stdout
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


_EVERY = 0.1
"""Seconds between two drawings."""


@contextmanager
def watching(name: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts bytes and, on a screen, shows them."""
    if quiet or not is_screen():
        yield lambda _count: None
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _progress(DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(name, total=total)
        drawn = 0.0

        def watch(count: int) -> None:
            nonlocal drawn
            progress.advance(task, count)
            if time.monotonic() - drawn >= _EVERY:
                drawn = time.monotonic()
                progress.refresh()

        yield watch


@contextmanager
def counting(name: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many of how many are done and, on a screen, shows it."""
    if quiet or not is_screen():
        yield lambda _done, _total: None
        return
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    with _progress(MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total, refresh=True)


def _progress(*columns: ProgressColumn) -> Progress:
    """Return a bar on standard error that disappears at its end; drawn from the caller's thread."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, highlight=False)
    shown = (TextColumn("{task.description}", markup=False), BarColumn(), *columns)
    return Progress(*shown, console=console, transient=True, auto_refresh=False)
