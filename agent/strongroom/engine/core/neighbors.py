"""Names of files beside another file, whose own name may be as long as a file system allows."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

LONGEST_NAME = 255
"""Bytes of a name on the file systems in use."""

_ROOM = 10  # bytes kept free for what SQLite adds, such as -journal


def beside(path: Path, ending: str) -> Path:
    """Return the path with the ending behind its name; where that is too long a digest stands for the name.

    It depends on nothing but the two names, so that it is found again.
    """
    name = f"{path.name}{ending}"
    if len(os.fsencode(name)) > LONGEST_NAME - _ROOM:
        name = f"{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}{ending}"
    return path.with_name(name)
