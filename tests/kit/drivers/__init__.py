"""Programs that tests run in processes of their own, which may then be killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]


def command(name: str, *arguments: object) -> list[str]:
    """Return the command line that runs a driver."""
    return [sys.executable, "-m", f"kit.drivers.{name}", *(str(each) for each in arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which a process of its own finds the kits and what this process finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)]), **more}
