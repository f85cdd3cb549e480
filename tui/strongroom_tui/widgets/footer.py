"""The last line: the keys that work now, made from the bindings in force. A click on one is the key.

It is one line of text and not a widget for each key: it is drawn anew at every change of tab or row. What does not fit
stays behind the key for help; a key that cannot be read is not half shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from msgspec import Struct
from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.screen import Screen
from textual.widget import Widget

_HELP, _PALETTE = "help", "command_palette"


class KeyEntry(Struct, frozen=True):
    """One key in the line: what a person presses, what it is called, and the first cell after those before it."""

    key: str
    shown: str
    name: str
    enabled: bool = True
    start: int = 0

    @property
    def width(self) -> int:
        """Return the cells that key and name take."""
        return cell_len(self.shown) + 1 + cell_len(self.name)


class KeyFooter(Widget):
    """Keys and their names on one line at the foot of a screen."""

    DEFAULT_CSS = """
    KeyFooter {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._placed: tuple[KeyEntry, ...] = ()

    @property
    def placed(self) -> dict[str, KeyEntry]:
        """Return what stands in the line, by name."""
        return {each.name: each for each in self._placed}

    def on_mount(self) -> None:
        """Follow the bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bound, immediate=True)

    def render(self) -> Text:
        """Draw what fits; nothing under a screen that has keys of its own."""
        self._placed = tuple(self._entries()) if self.screen.is_active else ()
        text = Text(no_wrap=True)
        for each in self._placed:
            text.append(" " * (each.start - text.cell_len))
            text.append(each.shown, "bold underline" if each.enabled else "dim")
            text.append(f" {each.name}", "" if each.enabled else "dim")
        return text

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        for each in self._placed:
            if each.start <= event.x < each.start + each.width and each.enabled:
                self.app.simulate_key(each.key)

    def _bound(self, _screen: Screen[Any]) -> None:
        self.refresh()  # once for all changes until the next picture

    def _entries(self) -> Iterator[KeyEntry]:
        active = self.screen.active_bindings
        found: dict[str, KeyEntry] = {}
        for each in active.values():
            key = each.binding
            if key.show and key.description:
                shown = self.app.get_key_display(key)
                found.setdefault(key.action, KeyEntry(key.key, shown, key.description, each.enabled))
        palette = active.get(self.app.COMMAND_PALETTE_BINDING)
        if palette is not None and palette.binding.action.endswith(_PALETTE):
            shown = self.app.get_key_display(palette.binding)
            found.setdefault(_PALETTE, KeyEntry(palette.binding.key, shown, palette.binding.description))
        return place_entries(found, self.size.width)


def place_entries(found: dict[str, KeyEntry], width: int) -> Iterator[KeyEntry]:
    """Place entries, by action, on a line: closer where they would not fit, then without the palette, then cut.

    A line that had to be cut ends with the key for help, named `more`, where there is one.
    """
    without = [entry for action, entry in found.items() if action != _PALETTE]
    for entries, gap in ((list(found.values()), 2), (list(found.values()), 1), (without, 1)):
        if _taken(entries, gap) <= width:
            return _placed(entries, gap)
    more = [KeyEntry(each.key, each.shown, "more") for action, each in found.items() if action == _HELP]
    first = [entry for action, entry in found.items() if action not in (_PALETTE, _HELP)]
    first.sort(key=lambda each: each.key != "escape")  # the way out is never cut off
    while first and _taken([*first, *more], 1) > width:
        first.pop()
    return _placed([*first, *more], 1)


def _taken(entries: Iterable[KeyEntry], gap: int) -> int:
    return sum(each.width + gap for each in entries)


def _placed(entries: list[KeyEntry], gap: int) -> Iterator[KeyEntry]:
    starts = accumulate((each.width + gap for each in entries), initial=1)
    for each, start in zip(entries, starts, strict=False):
        yield KeyEntry(each.key, each.shown, each.name, each.enabled, start)
