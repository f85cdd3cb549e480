"""httpx without its command line, which would bring click, rich and pygments: a third of its time and 5 MiB.

Its extra `cli` is optional: where click or pygments cannot be imported, httpx does without.
"""

from __future__ import annotations

import sys
import threading
from importlib.abc import MetaPathFinder

__all__ = ["httpx"]


class _WithoutCommandLine(MetaPathFinder):
    """Lets this thread find neither click nor pygments; other threads go on as they are."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        """Leave everything else to those who find modules."""
        if name.partition(".")[0] in ("click", "pygments") and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)


_finder = _WithoutCommandLine()
sys.meta_path.insert(0, _finder)
try:
    import httpx
finally:
    sys.meta_path.remove(_finder)
