"""The program around the rooms: it carries their questions to the desk, again and again, and the answers back.

A look costs one counter. A reading follows when the counter moved, when a person asked, and every few seconds in any
case, since the lock and the disk change without the catalogue. Readings never take more than a fifth of the time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import Worker

from strongroom.model.errors import ExitCode, StrongroomError
from strongroom.model.instants import Clock
from strongroom_tui.amounts import Zone
from strongroom_tui.archives import ArchivesRoom
from strongroom_tui.browse import BrowseScreen
from strongroom_tui.colours import CONTRAST, DARK, LIGHT
from strongroom_tui.filters import Filter
from strongroom_tui.helping import HelpScreen, help_text, usable
from strongroom_tui.masthead import Tab, Tabs
from strongroom_tui.memory import Memory, View
from strongroom_tui.places import PLACES
from strongroom_tui.reader import VaultReader
from strongroom_tui.room import Room
from strongroom_tui.unlocking import Keyring

if TYPE_CHECKING:
    from strongroom.config.schema import Config

EVERY = timedelta(milliseconds=500)
OLDEST = timedelta(seconds=5)
"""How old what is shown may become before it is read again without a sign of change."""


class StrongroomApp(App[None]):
    """The terminal screen over one vault."""

    TITLE = "Strongroom"
    CSS_PATH = "strongroom.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(place.key, f"go('{place.mode}')", place.title.lower(), show=False) for place in PLACES),
        Binding("question_mark", "help", "help", key_display="?", tooltip="These keys"),
        Binding("f1", "help", "help", show=False),
        Binding("q", "quit", "quit", tooltip="Leave the screen; nothing that runs is stopped"),
        Binding("U", "utc", "UTC", show=False, tooltip="Write times in UTC, or in the local zone again"),
        Binding("r", "reread", "refresh", tooltip="Read the catalogue now"),
    ]

    def __init__(
        self, vault_reader: VaultReader, clock: Clock, *, read_only: bool = False, memory: Memory | None = None
    ) -> None:
        super().__init__()
        self._memory = memory
        self._view = memory.recall() if memory else View()
        self.ansi_theme_dark, self.ansi_theme_light = DARK, LIGHT
        self.register_theme(CONTRAST)
        self.reader = vault_reader
        self.clock = clock
        self.read_only = read_only
        self.keyring = Keyring()
        self.tabs = [Tab(place.mode, place.title, place.key) for place in PLACES]
        self._shown: tuple[Room, int] | None = None  # which room shows which version of the catalogue
        self._forced = True  # a person waits for a reading
        self._room = PLACES[0].mode
        self._read_at = self._rest_until = monotonic()
        for place in PLACES:
            self.add_mode(place.mode, place.make)

    def on_mount(self) -> None:
        """Begin in the first room; look at once, then again and again."""
        known = {place.mode for place in PLACES}
        self.switch_mode(self._view.room if self._view.room in known else PLACES[0].mode)
        if self._view.theme in self.available_themes:
            self.theme = self._view.theme
        Zone.utc = self._view.utc
        self.set_interval(EVERY.total_seconds(), self._look_if_idle)
        self.set_interval(1, self._lock_if_idle)
        self._look_if_idle()
        _worker: Worker[None] = self.run_worker(self._learn, group="adapters")

    def on_unmount(self) -> None:
        """Remember how things were looked at."""
        if self._memory is not None:
            self._memory.keep(View(self._room, self.theme, Zone.utc))

    def action_reread(self) -> None:
        """Read the catalogue now."""
        self.reread()

    def action_go(self, mode: str) -> None:
        """Go to one of the rooms."""
        if mode != self.current_mode:
            self._room = mode
            self.switch_mode(mode)

    def action_utc(self) -> None:
        """Write times in UTC, or in the local zone again."""
        Zone.utc = not Zone.utc
        for room in self.screen_stack:
            if isinstance(room, Room):
                room.repaint()
        self.notify("times are in UTC" if Zone.utc else "times are in the local zone", timeout=2)

    def action_help(self) -> None:
        """Show the keys that work on this screen."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(help_text(self, self.screen)))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer in the palette what the keys of the screen do."""
        for each in usable(screen):
            title = each.binding.description.capitalize()
            told = each.tooltip or f"the key {self.get_key_display(each.binding)}"
            yield SystemCommand(title, told, partial(self.run_action, each.binding.action, each.node))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def open_archives(self, stream: str) -> None:
        """Go to the archives of one stream."""
        self.switch_mode(ArchivesRoom.MODE)
        room = self.screen_stack[0]
        if isinstance(room, ArchivesRoom):
            room.apply(Filter(stream))

    def reread(self) -> None:
        """Have the room's question answered now."""
        self._forced = True
        self._look_if_idle()

    def _lock_if_idle(self) -> None:
        if self.keyring.lock_if_idle():
            while isinstance(self.screen, BrowseScreen) or any(isinstance(s, BrowseScreen) for s in self.screen_stack):
                self.pop_screen()
            self.notify("locked after five idle minutes: the identity is forgotten", markup=False)

    async def _learn(self) -> None:
        try:
            await self.reader.load_adapters()
        except StrongroomError as error:
            self.notify(error.message, severity="warning", markup=False)
        self.reread()

    @on(Tabs.Chosen)
    def _go(self, event: Tabs.Chosen) -> None:
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
            self._rest_until = monotonic() + 4 * (monotonic() - began)
            if not self._forced:
                return

    async def _read(self, anyway: bool) -> None:
        room = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Room)), None)
        if room is None or not room.is_mounted:
            return
        shown = self._shown[1] if self._shown and self._shown[0] is room else None
        try:
            seen = await self.reader.look(room.question(), None if anyway else shown)
            if seen is not None:
                self._shown, self._read_at = (room, seen.version), monotonic()
                room.show(seen, seen.trouble)
        except NoMatches:
            return  # a room that is being left loses its parts one by one; the next look finds whichever is there then
        except StrongroomError as error:
            self._shown = None
            room.show(None, f"{error.message} ({error.hint})" if error.hint else error.message)


def run(config: Config, *, read_only: bool = False) -> int:
    """Show the screen until a person leaves it; return an exit code.

    The terminal is given back when the process is told to stop, too. Raises VaultError when there is no vault to show.
    """
    from strongroom.engine.assembly import system_clock

    reader = VaultReader(config)
    sys.setswitchinterval(0.001)  # seconds; a key does not wait long for the thread that reads
    try:
        memory = Memory(os.environ)
        return asyncio.run(_run(StrongroomApp(reader, system_clock, read_only=read_only, memory=memory)))
    finally:
        reader.close()


async def _run(app: StrongroomApp) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, partial(app.exit, return_code=ExitCode.INTERRUPTED))
    await app.run_async()
    return ExitCode.BUG if app.return_code == 1 else app.return_code or ExitCode.OK  # a crash leaves 1
