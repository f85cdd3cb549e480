"""The program around the tabs: it carries their questions to the thread that has the vault open, and the answers back.

A look costs one counter. A reading follows when the counter moved, when a person asked, and every few seconds in any
case, since the lock and the disk change without the catalogue. Readings never take more than a fifth of the time.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.events import Event, InputEvent
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widget import AwaitMount
from textual.worker import Worker

from strongroom.engine.queries.lists import Request, Status
from strongroom.model.errors import ExitCode, StrongroomError
from strongroom.model.times import Clock
from strongroom.text.times import Zone
from strongroom_tui.dialogs.help import HelpScreen, help_text, open_palette, usable
from strongroom_tui.keyring import Keyring
from strongroom_tui.process import Ending, GcControl, waiting_notice
from strongroom_tui.reader import VaultReader, VaultSession
from strongroom_tui.requests import Answers, person
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import STEPS
from strongroom_tui.state import Memory, SavedView
from strongroom_tui.travel import TravelApp
from strongroom_tui.widgets.header import (
    DEMO,
    READ_ONLY,
    TABS,
    Beside,
    Start,
    TabBar,
    commands_for,
    load_tabs,
    start_with,
)
from strongroom_tui.widgets.text import in_keys

if TYPE_CHECKING:
    from strongroom.config.schema import Config

EVERY = timedelta(milliseconds=500)
OLDEST = timedelta(seconds=5)
"""How old what is shown may become before it is read again without a sign of change."""


class StrongroomApp(TravelApp):
    """The terminal screen over one vault."""

    TITLE = "Strongroom"
    CSS_PATH = "strongroom.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(tab.key, f"go('{tab.mode}')", tab.title.lower(), show=False) for tab in TABS),
        Binding("question_mark", "help", "help", key_display="?", tooltip="Show these keys"),
        Binding("f1", "help", "help", show=False),
        Binding("q", "quit", "quit", tooltip="Quit the screen; the daemon keeps running"),
        Binding("U", "utc", "UTC", show=False, tooltip="Show times in UTC or in the local zone"),
        Binding("T", "next_theme", "next colors", show=False, tooltip="The next theme: dark, light, and others"),
        Binding("r", "reread", "refresh", tooltip="Read the catalogue now"),
        Binding("L", "lock", "lock", tooltip="Forget the open identity now"),
    ]

    def __init__(
        self,
        vault_reader: VaultReader,
        clock: Clock,
        *,
        read_only: bool = False,
        memory: Memory | None = None,
        start: Start | None = None,
        gc_control: GcControl | None = None,
    ) -> None:
        super().__init__()
        self._gc_control, self._memory = gc_control, memory
        self._view = memory.recall() if memory else SavedView()
        self.list_views = dict(self._view.lists)
        self.zoom = self._view.zoom
        self.reader = vault_reader
        self.clock = clock
        self.read_only = read_only
        self.keyring = Keyring()
        self.answers = Answers(person)
        self._start = start or (READ_ONLY if read_only else start_with("strongroom"))
        self._unlocked = ""  # what the header says of the keyring
        self._shown: tuple[TabScreen, int] | None = None  # which tab shows which version of the catalogue
        self._forced = True  # a person waits for a reading
        self._answered = asyncio.Event()  # something was read, or could not be
        self._tab = TABS[0].mode
        self._read_at = self._rest_until = monotonic()
        self._styled = False  # a tab is entered that needs no new style
        self._themes: dict[str, str] = {}  # by the mode of a tab: the theme when it was entered
        for tab in TABS:
            self.add_mode(tab.mode, tab.open)

    def on_mount(self) -> None:
        """Begin in the first tab; look at once, then again and again."""
        self.switch_mode(self._view.tab if self._view.tab in {tab.mode for tab in TABS} else TABS[0].mode)
        if self._view.theme in self.available_themes:
            self.theme = self._view.theme
        Zone.utc = self._view.utc
        self.set_interval(EVERY.total_seconds(), self._look_if_idle)
        self.set_interval(1, self._lock_if_idle)
        self._look_if_idle()
        self.app_resume_signal.subscribe(self, self._draw_again)
        _worker: Worker[None] = self.run_worker(self._learn, group="adapters")

    def _draw_again(self, _app: App[object]) -> None:
        """Draw every line after SIGCONT: the terminal shows nothing of what was there before."""
        for widget in self.screen.walk_children(with_self=True):
            widget.refresh()

    def on_unmount(self) -> None:
        """Remember how things were looked at."""
        if self._memory is not None:
            self._memory.keep(SavedView(self._tab, self.theme, Zone.utc, self.zoom, self.list_views))

    async def on_event(self, event: Event) -> None:
        """Hear what a person does before it is done."""
        if self._gc_control is not None and isinstance(event, InputEvent):
            self._gc_control.touch()
        await super().on_event(event)

    @property
    def beside(self) -> Beside:
        """Return what the header shows besides the vault."""
        badges = ("read-only" if self.read_only else "", self.keyring.words)
        return Beside(self._start.lines, tuple(filter(None, badges)), self.reader.path.name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to lock while something is open."""
        return self.keyring.open if action == "lock" else super().check_action(action, parameters)

    def action_lock(self) -> None:
        """Forget the identity, and leave what only it can read."""
        self.keyring.lock()
        self._leave_unlocked("locked: the identity is forgotten")

    def action_reread(self) -> None:
        """Read the catalogue now."""
        self.reread()

    def action_go(self, mode: str) -> None:
        """Go to one of the tabs."""
        if mode != self.current_mode:
            self._tab = mode
            self.switch_mode(mode)

    def action_utc(self) -> None:
        """Write times in UTC, or in the local zone again."""
        Zone.utc = not Zone.utc
        for tab in self.screen_stack:
            if isinstance(tab, TabScreen):
                tab.repaint()
        self.notify("times are in UTC" if Zone.utc else "times are in the local zone", timeout=2)

    def action_help(self) -> None:
        """Show the keys that work on this screen."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(help_text(self, self.screen, self._start.help)))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer in the palette what the keys of the screen do."""
        for each in usable(screen):
            title = each.binding.description.capitalize()
            words = each.tooltip or f"the key {self.get_key_display(each.binding)}"
            yield SystemCommand(title, words, partial(self.run_action, each.binding.action, each.node))
        yield SystemCommand("Theme", "Change the colors", self.action_change_theme)

    def action_command_palette(self) -> None:
        """Show every action by its name."""
        if not isinstance(self.screen, CommandPalette):
            open_palette(self, None, "Find an action")

    def search_themes(self) -> None:
        """Show the colours there are."""
        open_palette(self, [ThemeProvider], "Find a theme")

    def reread(self) -> None:
        """Have the tab's question answered now."""
        self._forced = True
        self._look_if_idle()

    def _lock_if_idle(self) -> None:
        if self.keyring.lock_if_idle():
            self._leave_unlocked("locked after five idle minutes: the identity is forgotten")
        else:
            self.show_keyring()

    def _leave_unlocked(self, words: str) -> None:
        while any(isinstance(screen, TabScreen) and screen.UNLOCKED for screen in self.screen_stack):
            self.workers.cancel_group(self, STEPS)  # a question over what is left is never answered
            self.pop_screen()
        self.show_keyring()
        self.notify(words, markup=False)

    def show_keyring(self) -> None:
        """Show whether an identity is open, and for how long; do nothing where that is shown already."""
        if self._unlocked != self.keyring.words:
            self._unlocked = self.keyring.words
            for tab in self.screen_stack:
                if isinstance(tab, TabScreen):
                    tab.paint_header()

    def switch_mode(self, mode: str) -> AwaitMount:
        """Go to another tab, and style everything again only where the theme has changed since it was left."""
        self._styled = self._themes.get(mode, self.theme) == self.theme
        try:
            return super().switch_mode(mode)
        finally:
            self._styled = False
            self._themes[mode] = self.theme

    def refresh_css(self, animate: bool = True) -> None:
        """Style everything again.

        Textual takes a new screen for one whose colours are out of date, and calls this twice. But the screen is styled
        while it is mounted, by the colours of the moment.
        """
        if not self._styled:
            super().refresh_css(animate)

    async def _learn(self) -> None:
        await self._answered.wait()  # the first picture has the machine to itself
        await asyncio.to_thread(load_tabs)
        try:
            await self.reader.load_adapters()
        except StrongroomError as error:
            self.notify(error.message, severity="warning", markup=False)
        if self._gc_control is not None:
            self._gc_control.begin()
            self.set_interval(1, self._gc_control.collect_if_idle)
        self.reread()

    @on(TabBar.Chosen)
    def _go(self, event: TabBar.Chosen) -> None:
        self.action_go(event.mode)

    def _look_if_idle(self) -> None:
        looking = any(worker.group == "look" and not worker.is_finished for worker in self.workers)
        if not looking and (self._forced or monotonic() >= self._rest_until):
            # Not a coroutine: one that belongs to a worker which never starts would be lost.
            _worker: Worker[None] = self.run_worker(self._look, group="look")

    async def _look(self) -> None:
        """Look once, and again for as long as somebody asked meanwhile."""
        while True:
            began = monotonic()
            forced, self._forced = self._forced, False
            await self._read(forced or began - self._read_at > OLDEST.total_seconds())
            self._answered.set()
            self._rest_until = monotonic() + 4 * (monotonic() - began)
            if not self._forced:
                return

    async def _read(self, anyway: bool) -> None:
        tab = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, TabScreen)), None)
        if tab is None or not tab.is_mounted:
            return
        try:
            await self._ask(tab, anyway)
        except NoMatches:
            if self._is_whole(tab):
                raise  # it looks for a part that it never had, and would show nothing for ever

    async def _ask(self, tab: TabScreen, anyway: bool) -> None:
        shown = self._shown[1] if self._shown and self._shown[0] is tab else None
        try:
            seen = await self.reader.look(tab.question(), None if anyway else shown)
            if seen is not None:
                self._shown, self._read_at = (tab, seen.version), monotonic()
                tab.show(seen, seen.trouble)
                await self._show_answers(seen.status)
        except StrongroomError as error:
            self._shown = None
            tab.show(None, in_keys(f"{error.message} ({error.hint})" if error.hint else error.message))

    async def _show_answers(self, status: Status) -> None:
        """Show the answer to each request that waits no longer."""
        for request in self.answers.missing(status.waiting):
            found = await self.reader.do(partial(_look_up, request))
            if found.done_at is not None:
                self.answers.forget(found)
                self.show_result(found.answer, bad=not found.accepted)

    def _is_whole(self, tab: TabScreen) -> bool:
        """Return whether a tab has all its parts; one that is being left loses them one by one."""
        return self.is_running and tab.is_attached and tab in self.screen_stack


def _look_up(request: Request, session: VaultSession) -> Request:
    from strongroom.engine.queries.requests import look_up  # by now somebody has asked for something

    return look_up(session.vault, request)


def run(config: Config, *, read_only: bool = False, demo: Clock | None = None) -> int:
    """Show the screen until a person leaves it; return an exit code. `demo` is the clock of a demo.

    The terminal is given back when the process is told to stop, too, and when it is lost the process ends. Raises
    VaultError when there is no vault to show.
    """
    from strongroom.engine.core.sources import system_clock

    clock = demo or system_clock
    with Ending(ExitCode.INTERRUPTED, last=not demo) as ending:  # over the closing too: a reading may hang
        with waiting_notice(sys.stderr):
            reader = VaultReader(config, clock)
        sys.setswitchinterval(0.001)  # seconds; a key does not wait long for the thread that reads
        try:
            memory, start = None if demo else Memory(os.environ), DEMO if demo else None
            if not (read_only or demo):
                start = start_with(*commands_for(config.file, os.environ))
            app = StrongroomApp(reader, clock, read_only=read_only, memory=memory, start=start, gc_control=GcControl())
            return asyncio.run(_run(app, ending))
        finally:
            reader.close()


async def _run(app: StrongroomApp, ending: Ending) -> int:
    ending.asks(asyncio.get_running_loop(), partial(app.exit, return_code=ExitCode.INTERRUPTED))
    await app.run_async()
    app.raise_fault()
    return app.code
