"""What this program is and runs on, for a report of a fault and for an inventory."""

from __future__ import annotations

import platform
import sqlite3
import ssl
from importlib.metadata import PackageNotFoundError, version

from strongroom import __version__
from strongroom.age.header import VERSION
from strongroom.age.self_test import failed_vectors, load_vectors
from strongroom.search.segment import VERSION as SEGMENT
from strongroom.vault.schema import SCHEMA

_LIBRARIES = ("cryptography", "httpx", "zstandard", "textual")


def describe_program() -> dict[str, object]:
    """Return versions of the program, of what it runs on, and of the formats that it writes.

    Opens the age test vectors that came with the program, which takes about 20 ms.
    """
    return {
        "version": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": {name: _installed(name) for name in _LIBRARIES},
        "formats": {"catalogue": SCHEMA, "search segment": SEGMENT, "sealing": VERSION.decode().strip()},
        "age_vectors": _open_vectors(),
    }


def _open_vectors() -> dict[str, object]:
    vectors = load_vectors()
    failed = failed_vectors(vectors)
    return {"run": len(vectors), "passed": len(vectors) - len(failed), "failed": failed}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
