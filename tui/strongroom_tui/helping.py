"""Help and palette, made from the bindings that are in force: a key that is not bound cannot be promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from rich.text import Text
from textual.app import App
from textual.binding import ActiveBinding, Binding
from textual.screen import Screen

from strongroom_tui.marks import STATES
from strongroom_tui.reading import TextScreen

_ABOUT = (
    "New data appears by itself; times are in the local zone. What asks for something writes a request that the "
    "daemon answers. Everything here can be had without a screen, with --json: strongroom --help."
)


class HelpScreen(TextScreen):
    """The keys that worked on the screen below."""


_TOOLKIT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "app.focus_next": ("next", "Go to the next pane, line or button"),
        "app.focus_previous": ("previous", "Go to the one before"),
        "screen.copy_text": ("copy selection", "Copy what the mouse has selected"),
        "quit": ("quit", "Leave the screen; nothing that runs is stopped"),
        "command_palette": ("palette", "Find an action by its name"),
        "app.command_palette": ("palette", "Find an action by its name"),
    }
)
"""Our words for what the toolkit binds by itself; of its other keys, those of every line of text, nothing is said."""


def usable(screen: Screen[Any]) -> list[ActiveBinding]:
    """Return what a person can do on a screen now, those of the footer first, each action once, in our words."""
    active = [
        told
        for each in screen.active_bindings.values()
        if each.enabled and each.binding.description and (told := _in_our_words(each)) is not None
    ]
    active.sort(key=lambda each: not each.binding.show)
    found: dict[str, ActiveBinding] = {}
    for each in active:
        found.setdefault(each.binding.action, each)  # later ones are hidden twins, some with words of the toolkit
    return list(found.values())


def help_text(app: App[None], screen: Screen[Any], start: str = "") -> Text:
    """Return the help for a screen; `start` tells how to have somebody work in the vault."""
    text = Text.assemble(("Keys", "bold underline"), "\n")
    for each in usable(screen):
        keys = ", ".join(_keys(app, screen, each.binding.action))
        text.append(f"  {keys:<18} ", "bold").append(f"{each.tooltip or each.binding.description}\n")
    text.append("\n").append("States of a job", "bold underline").append("\n")
    for mark in STATES.values():
        text.append(f"  {mark.symbol} {mark.word}\n", mark.style)
    return text.append(f"\n{_ABOUT}" + (f"\n\n{start}" if start else ""))


def _in_our_words(each: ActiveBinding) -> ActiveBinding | None:
    """Return a binding with words of ours, or None for one of the toolkit's that nobody needs to be told of."""
    if not _of_toolkit(each):
        return each
    words = _TOOLKIT.get(each.binding.action)
    if words is None or each.binding.key.startswith("super+"):
        return None
    return each._replace(binding=replace(each.binding, description=words[0]), tooltip=words[1])


def _of_toolkit(each: ActiveBinding) -> bool:
    """Return whether the toolkit gave a binding its words."""
    if each.binding.action.endswith("command_palette"):
        return True
    bound = (each.binding.action, each.binding.description)
    bases = [base for base in type(each.node).__mro__ if base.__module__.startswith("textual.")]
    found = [known for base in bases for known in vars(base).get("BINDINGS", ())]
    return any((known.action, known.description) == bound for known in found if isinstance(known, Binding))


def _keys(app: App[None], screen: Screen[Any], action: str) -> Iterator[str]:
    for each in screen.active_bindings.values():
        if each.enabled and each.binding.action == action and not each.binding.key.startswith("super+"):
            yield app.get_key_display(each.binding)
