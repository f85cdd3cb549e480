"""How a person looked at things last time: tab, colors, zone, and of each list its filter and order.

A convenience, and nothing else. What cannot be read is as good as none, and what cannot be written is let go: no screen
fails for it. Of a vault it holds the name of a stream that a list was filtered by, and never an id or what is in a
record: what was searched for inside an archive is forgotten with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct, field

_LONGEST = 100  # letters of one word
_MOST = 20  # lists


class ListView(Struct, frozen=True):
    """How one list is looked at: what it is filtered by, and its order where a person may choose one."""

    stream: str = ""
    kind: str = ""
    when: str = ""
    sort: str = ""


class SavedView(Struct, frozen=True):
    """How things are looked at."""

    tab: str = ""
    theme: str = ""
    utc: bool = False
    zoom: str = ""  # how long a cell of the overview is
    lists: Mapping[str, ListView] = field(default_factory=dict)  # by the mode of their tab


class Memory:
    """A small file under $XDG_STATE_HOME, by default ~/.local/state."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        named = Path(environment.get("XDG_STATE_HOME", ""))
        base = named if named.is_absolute() else Path(environment.get("HOME", "/nonexistent")) / ".local" / "state"
        self._path = base / "strongroom" / "screen.json"

    def recall(self) -> SavedView:
        """Return what was kept."""
        try:
            stored = json.loads(self._path.read_bytes()[:10_000])
            lists = {_word(name): _list_view(each) for name, each in list(stored.get("lists", {}).items())[:_MOST]}
            tab = _word(stored["tab"] if "tab" in stored else stored["room"])  # as 0.3 called it
            return SavedView(tab, _word(stored["theme"]), stored["utc"] is True, _word(stored.get("zoom", "")), lists)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return SavedView()

    def keep(self, view: SavedView) -> None:
        """Write it."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = self._path.with_suffix(".new")
            temporary.write_bytes(msgspec.json.encode(view))
            temporary.replace(self._path)


def _list_view(stored: Mapping[str, object]) -> ListView:
    return ListView(*(_word(stored[name]) for name in ("stream", "kind", "when", "sort")))


def _word(stored: object) -> str:
    """Return a word that this could have written. Raises ValueError for anything else."""
    if not isinstance(stored, str) or len(stored) > _LONGEST or not stored.isprintable():
        raise ValueError("not written by this screen")
    return stored
