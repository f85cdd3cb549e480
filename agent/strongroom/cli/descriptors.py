"""What a shell may have left closed or taken away: standard descriptors and the working directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from strongroom.model.errors import WorldError

_closed: set[int] = set()


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
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process
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
