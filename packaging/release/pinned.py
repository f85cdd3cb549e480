"""Print, of a file of pinned dependencies, those that the program and some of its extras need, with their hashes.

    python pinned.py requirements-dev.lock demo

Whatever else is pinned stays out. What needs what is read from what is installed here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement


def normal(name: str) -> str:
    """Return a name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> set[str]:
    """Collect the names of everything that a distribution with some extras needs on this machine, itself included."""
    if (name, extras) not in seen:
        seen.add((name, extras))
        for each in _requirements(name):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                needed(normal(each.name), frozenset(each.extras), seen)
    return {known for known, _ in seen}


def _requirements(name: str) -> Iterator[Requirement]:
    try:
        yield from map(Requirement, requires(name) or [])
    except PackageNotFoundError:
        return  # not for this machine


def entries(lock: Path) -> dict[str, str]:
    """Return every entry of a lock file by its name."""
    return {normal(re.split(r"[=\[; ]", entry, maxsplit=1)[0]): entry.rstrip() for entry in _split(lock)}


def _split(lock: Path) -> list[str]:
    return re.split(r"\n(?=\S)", lock.read_text().rstrip())


def main(lock: Path, extras: list[str]) -> None:
    """Print the pinned entries that are needed."""
    names = needed("strongroom", frozenset(extras), set())
    for name, entry in entries(lock).items():
        if name in names:
            sys.stdout.write(entry + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
