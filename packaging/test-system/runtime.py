"""Print, of a file of pinned dependencies, those that the program itself needs to run, with their hashes.

    python runtime.py requirements.lock

The development tools that are pinned beside them stay out. Which ones are needed is read from what is installed here.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement


def normal(name: str) -> str:
    """Return a name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, seen: set[str], extras: tuple[str, ...] = ()) -> set[str]:
    """Collect everything that a distribution needs on this machine."""
    if name in seen:
        return seen
    seen.add(name)
    try:
        wanted = [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:
        return seen  # not for this machine
    for each in wanted:
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            needed(normal(each.name), seen, tuple(each.extras))
    return seen


def main(lock: Path) -> None:
    """Print the pinned entries that are needed."""
    names = needed("strongroom", set(), ("notify",))
    for entry in re.split(r"\n(?=\S)", lock.read_text()):
        if normal(re.split(r"[=\[; ]", entry, maxsplit=1)[0]) in names:
            sys.stdout.write(entry.rstrip() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
