"""How a person looked at things last time: which room, which colours, which zone. A convenience, and nothing else.

What cannot be read is as good as none, and what cannot be written is let go: no screen fails for it. Nothing of a
vault is in it, neither names nor filters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class View:
    """How things are looked at."""

    room: str = ""
    theme: str = ""
    utc: bool = False


class Memory:
    """A small file under $XDG_STATE_HOME, by default ~/.local/state."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        named = Path(environment.get("XDG_STATE_HOME", ""))
        base = named if named.is_absolute() else Path(environment.get("HOME", "/nonexistent")) / ".local" / "state"
        self._path = base / "strongroom" / "screen.json"

    def recall(self) -> View:
        """Return what was kept."""
        try:
            told = json.loads(self._path.read_bytes()[:10_000])
            return View(str(told["room"]), str(told["theme"]), told["utc"] is True)
        except (OSError, ValueError, KeyError, TypeError):
            return View()

    def keep(self, view: View) -> None:
        """Write it."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(asdict(view)))
            temporary.replace(self._path)
