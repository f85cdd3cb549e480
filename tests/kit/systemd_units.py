"""Unit files as tests read them: every option with the comment that explains it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
SYSTEMD = PACKAGING / "systemd"
DAEMON = SYSTEMD / "strongroom.service"
ONCE = SYSTEMD / "strongroom-once.service"
TIMER = SYSTEMD / "strongroom-once.timer"
USER = SYSTEMD / "user" / "strongroom.service"
UNITS = (DAEMON, ONCE, TIMER, USER)


@dataclass(frozen=True, slots=True)
class Option:
    """One assignment. `comment` is what stands above it, or above the neighbours that it stands with."""

    section: str
    name: str
    value: str
    comment: str


def options(path: Path) -> Iterator[Option]:
    """Read a unit file; a comment counts for all assignments up to the next comment or empty line."""
    section, comment, fresh = "", "", True
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section, comment = line.strip("[]"), ""
        elif not line.strip():
            comment, fresh = "", True
        elif line.startswith("#"):
            comment, fresh = (line if fresh else f"{comment}\n{line}"), False
        else:
            name, _, value = line.partition("=")
            yield Option(section, name, value, comment)
            fresh = True


def values(path: Path) -> dict[str, list[str]]:
    """Return all values of each option, in order."""
    found: dict[str, list[str]] = {}
    for option in options(path):
        found.setdefault(option.name, []).append(option.value)
    return found


def tool(name: str) -> str:
    """Return a program's path, or skip where it is not here."""
    return shutil.which(name) or pytest.skip(f"{name} is not here")
