"""Help and palette, made from the bindings that are in force: a key that is not bound cannot be promised.

Every action by its name: the toolkit's palette, which opens only where there is room to see its list.

The toolkit turns pages by the lines of the list and fails where they were never laid out: on a terminal of a few lines,
or when the key comes before the first layout. Here such a key does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, cast

from rich.text import Text
from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.command import CommandList, CommandPalette, ProviderSource
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import Worker, WorkerError

from strongroom.text.states import JOBS
from strongroom_tui.dialogs.tour import TourHost, begin_tour
from strongroom_tui.dismissal import DismissibleScreen
from strongroom_tui.screens.screen import LEAST_HEIGHT, LEAST_WIDTH, TextScreen
from strongroom_tui.widgets.footer import KeyFooter

_ABOUT = (
    "New data appears by itself; times are in the local zone. Keys that change an export send a request to the "
    "daemon. Everything here is also a command, with --json: see strongroom --help."
)


class HelpScreen(TextScreen):
    """What a person can do on the screen below, by what they want. From here the tour begins."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "tour", "tour", tooltip="Start the guided tour")]

    def action_tour(self) -> None:
        """Leave the help and begin the tour."""
        app = self.app
        while len(app.screen_stack) > 1:  # the tour leads through the tabs, not through what is open over one
            app.pop_screen()
        begin_tour(cast("TourHost", app))


_TASKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Look closer",
        ("select_cursor", "open", "zoom", "next_gap", "results", "date", "holds", "plans"),
    ),
    ("Choose rows", ("filter", "next_state", "sort", "reverse", "mark")),
    ("Decide about exports", ("retry", "cancel", "regenerate", "pause", "resume", "wake", "edit")),
    ("Read and restore records", ("browse", "restore", "verify", "compare", "identity", "search", "jump", "dataset")),
    ("Retain and destroy", ("hold", "place", "release", "propose", "approve", "undo")),
    ("Prove and hand over", ("package", "audit", "checkpoint", "copy", "export", "check")),
    (
        "Find your way",
        ("go", "travel", "back", "leave", "app.pop_screen", "app.focus", "cursor", "page", "older", "newer", "scroll"),
    ),
    ("This program", ("help", "palette", "utc", "lock", "reread", "quit", "command_palette", "theme")),
)
"""What a person wants, and how the names of the actions for it begin or end."""

_OTHER = "On this screen"


def task_of(action: str) -> str:
    """Return what an action is for; one that no task names stands under what belongs to the screen."""
    name = action.partition("(")[0]
    for task, words in _TASKS:
        if any(name == word or name.startswith(f"{word}_") or name.endswith(f"_{word}") for word in words):
            return task
    return _OTHER


_TOOLKIT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "app.focus_next": ("next", "Go to the next pane, line or button"),
        "app.focus_previous": ("previous", "Go to the one before"),
        "screen.copy_text": ("copy selection", "Copy what the mouse has selected"),
        "quit": ("quit", "Quit the screen; the daemon keeps running"),
        "command_palette": ("palette", "Find an action by its name"),
        "app.command_palette": ("palette", "Find an action by its name"),
    }
)
"""Our words for what the toolkit binds by itself; of its other keys, those of every line of text, nothing is said."""


def usable(screen: Screen[Any]) -> list[ActiveBinding]:
    """Return what a person can do on a screen now, those of the footer first, each action once, in our words."""
    active = [
        named
        for each in screen.active_bindings.values()
        if each.enabled and each.binding.description and (named := _in_our_words(each)) is not None
    ]
    active.sort(key=lambda each: not each.binding.show)
    found: dict[str, ActiveBinding] = {}
    for each in active:
        found.setdefault(each.binding.action, each)  # later ones are hidden twins, some with words of the toolkit
    return list(found.values())


def help_text(app: App[None], screen: Screen[Any], start: str = "") -> Text:
    """Return the help for a screen; `start` says how to start the daemon."""
    found = usable(screen)
    text = Text("Press t for a guided tour.\n\n")
    for task in (_OTHER, *(task for task, _words in _TASKS)):
        lines = [each for each in found if task_of(each.binding.action) == task]
        if lines:
            text.append(f"{task}\n", "bold underline")
        for each in lines:
            keys = ", ".join(_keys(app, screen, each.binding.action))
            text.append(f"  {keys:<18} ", "bold").append(f"{each.tooltip or each.binding.description}\n")
        text.append("\n" if lines else "")
    text.append("States of a job\n", "bold underline")
    for mark in JOBS.values():
        text.append(f"  {mark.symbol} {mark.word}\n", mark.style)
    return text.append(f"\n{_ABOUT}" + (f"\n\n{start}" if start else ""))


def _in_our_words(each: ActiveBinding) -> ActiveBinding | None:
    """Return a binding with words of ours, or None for one of the toolkit's that nobody needs to know."""
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


class FoundList(CommandList):
    """The list of the palette. A click on a line that a shorter answer has just replaced does nothing."""

    def on_click(self, event: events.Click) -> None:
        """Pass over a click on what is no longer in the list; the toolkit would look for it there."""
        if event.style.meta.get("option", -1) >= self.option_count:
            event.prevent_default()
            event.stop()


class Palette(CommandPalette, DismissibleScreen[None]):
    """The palette. It closes, with nothing done, when the terminal becomes too small for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "next", tooltip="The next action"),
        Binding("escape", "escape", "close", tooltip="Close and do nothing"),
    ]

    def compose(self) -> ComposeResult:
        """Put its own keys over those of the tab."""
        for part in super().compose():
            yield FoundList() if isinstance(part, CommandList) else part
        yield KeyFooter()

    def run_worker(self, work: Any, *args: Any, **named: Any) -> Worker[Any]:
        """Start work whose errors are judged here: the toolkit's goes on for a moment after the palette closed."""
        return super().run_worker(work, *args, **{**named, "exit_on_error": False})

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Raise what went wrong while the palette was there."""
        if event.worker.error is not None and self in self.app.screen_stack:
            raise event.worker.error

    @on(Input.Submitted)
    def _wait(self, event: Input.Submitted) -> None:
        """Choose from the answer to what was typed: while it is being looked for, the list shows an older one."""
        looking = [each for each in self.app.workers if each.node is self and not each.is_finished]
        if looking:
            event.stop()
            event.prevent_default()
            self.app.call_later(self._choose_after, looking)

    async def _choose_after(self, looking: list[Worker[Any]]) -> None:
        _worker: Worker[None] = self.app.run_worker(partial(self._choose, looking), group="palette", exclusive=True)

    async def _choose(self, looking: list[Worker[Any]]) -> None:
        with suppress(WorkerError):  # something else was typed: Enter was not meant for that
            await self.app.workers.wait_for_complete(looking)
            for found in self.query(CommandList) if self.is_current else ():  # none where it was closed meanwhile
                if found.option_count:
                    found.action_select()

    async def on_resize(self) -> None:
        """Close where there is no room left."""
        if self.app.screen is self and not _fits(self.app):
            await self.run_action("escape")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Turn no page of a list that is not laid out yet."""
        if action == "command_list" and str(parameters[0]).startswith("page_"):
            return any(each.scrollable_content_region for each in self.query(CommandList))
        return super().check_action(action, parameters)


def open_palette(app: App[None], providers: ProviderSource | None, placeholder: str) -> None:
    """Open a palette of what the providers offer, None for those of the app; where it has no room, say so."""
    if _fits(app):
        app.push_screen(Palette(providers, placeholder=placeholder))
    else:
        width, height = app.size
        app.notify(f"too small for the palette: {width}x{height}, needs {LEAST_WIDTH}x{LEAST_HEIGHT}", timeout=3)


def _fits(app: App[None]) -> bool:
    return app.size.width >= LEAST_WIDTH and app.size.height >= LEAST_HEIGHT
