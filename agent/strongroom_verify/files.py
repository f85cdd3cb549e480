"""Files of a stranger, read with limits: never through a link, nor from a pipe or a device."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from strongroom_verify.findings import Wrong

LARGEST = 1 << 27  # bytes of a file that is read at once: custody, package and sums of very many events
LONGEST_LINE = 1 << 24  # bytes of an entry


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(data).digest()


def parse_entry(line: bytes, where: str) -> dict[str, Any]:
    """Read a line of a log; it is an object whose facts are an object."""
    try:
        body: dict[str, Any] = json.loads(line)
        body["facts"].items()
        return body
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Wrong("line", where, "expected an entry in JSON, found something else") from None


def is_file(path: Path) -> bool:
    """Say whether there is a file; what cannot be looked up is none."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long for one, or a folder that may not be entered
        return False


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file: never through a link, nor a pipe or a device, which would be waited for without an end."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Wrong("form", path.name, "expected a file, found something else")
    return os.fdopen(fd, "rb")


def read_plain(path: Path) -> bytes:
    """Read a whole file, up to a limit."""
    with open_plain(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Wrong("size", path.name, f"expected at most {LARGEST} bytes, found more")
    return data


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, each with its end; a line longer than any that is written is cut, and wrong by that."""
    while line := file.readline(LONGEST_LINE):
        yield line


def file_sha256(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()


def compare_file(path: Path, where: str, expected: str | None, code: str) -> None:
    """Compare a file with the digest that the log has of it."""
    found = file_sha256(path).hex()
    if found != expected:
        raise Wrong(code, where, f"expected SHA-256 {str(expected)[:16]}.., the file has {found[:16]}..")


def begins(path: Path, start: bytes) -> bool:
    """Say whether a file begins so."""
    if not is_file(path):
        return False
    with open_plain(path) as file:
        return file.read(len(start)) == start
