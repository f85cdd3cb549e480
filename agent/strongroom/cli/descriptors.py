"""What a shell may have left closed or taken away: standard descriptors and the working directory."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from strongroom.model.errors import WorldError

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
