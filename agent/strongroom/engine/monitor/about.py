"""What this program is and runs on, for a report of a fault and for an inventory."""

from __future__ import annotations

import platform
import sqlite3
import ssl
from importlib.metadata import PackageNotFoundError, version

from strongroom import __version__
from strongroom.age.header import VERSION
from strongroom.search.segment import VERSION as SEGMENT
from strongroom.vault.schema import SCHEMA

_LIBRARIES = ("cryptography", "httpx", "zstandard", "textual")


def describe_program() -> dict[str, object]:
    """Return versions of the program, of what it runs on, and of the formats that it writes."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": {name: _installed(name) for name in _LIBRARIES},
        "formats": {"catalogue": SCHEMA, "search segment": SEGMENT, "sealing": VERSION.decode().strip()},
    }


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
