"""Help and palette, made from the bindings that are in force: a key that is not bound cannot be promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text
from textual.app import App
from textual.binding import ActiveBinding
from textual.screen import Screen

from strongroom_tui.marks import STATES
from strongroom_tui.reading import TextScreen

_ABOUT = (
    "New data appears by itself; times are in the local zone. What asks for something writes a request that the\n"
    "daemon answers. Everything here can be had without a screen, with --json: strongroom --help."
)


class HelpScreen(TextScreen):
    """The keys that worked on the screen below."""


def usable(screen: Screen[Any]) -> list[ActiveBinding]:
    """Return what a person can do on a screen now, those of the footer first, each action once."""
    active = [each for each in screen.active_bindings.values() if each.enabled and each.binding.description]
    active.sort(key=lambda each: not each.binding.show)
    return list({each.binding.action: each for each in active}.values())


def help_text(app: App[None], screen: Screen[Any]) -> Text:
    """Return the help for a screen."""
    text = Text.assemble(("Keys", "bold underline"), "\n")
    for each in usable(screen):
        keys = ", ".join(_keys(app, screen, each.binding.action))
        text.append(f"  {keys:<18} ", "bold").append(f"{each.tooltip or each.binding.description}\n")
    text.append("\n").append("States of a job", "bold underline").append("\n")
    for mark in STATES.values():
        text.append(f"  {mark.symbol} {mark.word}\n", mark.style)
    return text.append(f"\n{_ABOUT}")


def _keys(app: App[None], screen: Screen[Any], action: str) -> Iterator[str]:
    for each in screen.active_bindings.values():
        if each.enabled and each.binding.action == action:
            yield app.get_key_display(each.binding)
