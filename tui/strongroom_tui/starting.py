"""How to have somebody work in the vault, where nobody does: the very configuration that is looked at is named.

Whoever looks on only is offered no command, and a demonstration begins its own daemon.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from strongroom.config.load import find_config
from strongroom.model.errors import UsageError


class Start(Struct, frozen=True):
    """What to say where nobody works in the vault."""

    lines: tuple[str, ...]  # for the top of the screen, the longest first
    help: str = ""  # for the help, empty where there is nothing to start


DEMO = Start(
    (
        "○ the daemon of the demonstration is starting, or has ended",
        "○ the daemon is starting, or has ended",
        "○ no daemon",
    )
)
LOOKING_ON = Start(("○ no daemon is running", "○ no daemon"))


def start_with(*commands: str) -> Start:
    """Return what to say where one of these begins the work: the same program, the longest way to name it first."""
    lines = [f"○ no daemon is running: start one with  {each} daemon" for each in commands]
    lines += [f"○ no daemon: {each} daemon" for each in commands]
    words = f"To begin the work:  {commands[0]} daemon\nor once, for what is pending:  {commands[0]} run --once"
    return Start((*lines, "○ no daemon: ? shows how to start one", "○ no daemon"), words)


def commands_for(file: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return how the program is called for a configuration, the longest way first.

    A configuration that is found from every folder is not named; any other is, whatever this shell has set.
    """
    file = file.absolute()
    if _found_anyway(file, env):
        return ("strongroom",)
    ways = [shlex.quote(str(file))]
    home = Path(env["HOME"]) if env.get("HOME") else None
    if home is not None and file.is_relative_to(home) and ways[0] == str(file):
        ways.append(f"~/{file.relative_to(home)}")
    return tuple(f"strongroom --config {way}" for way in ways)


def _found_anyway(file: Path, env: Mapping[str, str]) -> bool:
    unnamed = {name: value for name, value in env.items() if name != "STRONGROOM_CONFIG"}
    try:
        return not env.get("STRONGROOM_CONFIG") and find_config(None, unnamed, Path("/")) == file
    except UsageError:
        return False
