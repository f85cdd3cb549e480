"""The program around the screen: it looks at the catalogue now and then, and reads it anew only where it has changed.

A look costs one counter. A reading follows when the counter moved, when a person asked, and every few seconds in any
case, since the lock and the disk change without the catalogue. Readings never take more than a fifth of the time.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from strongroom.engine.assembly import system_clock
from strongroom.model.errors import ExitCode, StrongroomError
from strongroom.model.instants import Clock
from strongroom_tui.colours import DARK, LIGHT
from strongroom_tui.detail import DetailScreen
from strongroom_tui.helping import HelpScreen, help_text, usable
from strongroom_tui.overview import OverviewScreen
from strongroom_tui.reader import VaultReader
from strongroom_tui.story import archive_story, job_story

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
        Binding("question_mark", "help", "help", key_display="?", tooltip="These keys"),
        Binding("f1", "help", "help", show=False),
        Binding("q", "quit", "quit", tooltip="Leave the screen; nothing that runs is stopped"),
        Binding("r", "reread", "refresh", tooltip="Read the catalogue now"),
    ]

    def __init__(self, vault_reader: VaultReader, clock: Clock) -> None:
        super().__init__()
        self.ansi_theme_dark, self.ansi_theme_light = DARK, LIGHT
        self._reader = vault_reader
        self._overview = OverviewScreen(vault_reader.path, clock)
        self._version: int | None = None  # of the catalogue as shown
        self._forced = True  # a person waits for a reading
        self._read_at = self._rest_until = monotonic()

    def get_default_screen(self) -> Screen[Any]:
        """Begin with the overview."""
        return self._overview

    def on_mount(self) -> None:
        """Look at once, then again and again."""
        self.set_interval(EVERY.total_seconds(), self._look_if_idle)
        self._look_if_idle()

    def action_reread(self) -> None:
        """Read the catalogue now."""
        self._reread()

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

    @on(OverviewScreen.Wished)
    def _reread(self) -> None:
        self._forced = True
        self._look_if_idle()

    @on(OverviewScreen.Opened)
    def _open(self, event: OverviewScreen.Opened) -> None:
        self.push_screen(DetailScreen(event.kind, event.key))
        self._reread()

    def _look_if_idle(self) -> None:
        looking = any(worker.group == "look" and not worker.is_finished for worker in self.workers)
        if not looking and (self._forced or monotonic() >= self._rest_until):
            self.run_worker(self._look, group="look")  # not a coroutine: one of a worker that never starts is lost

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
        try:
            seen = await self._reader.look(self._overview.wish, None if anyway else self._version)
            if seen is not None:
                self._version, self._read_at = seen.version, monotonic()
                self._overview.show(seen, "")
                await self._refresh_detail()
        except StrongroomError as error:
            self._version = None
            self._overview.show(None, f"{error.message} ({error.hint})" if error.hint else error.message)

    async def _refresh_detail(self) -> None:
        screen = next((each for each in self.screen_stack if isinstance(each, DetailScreen)), None)
        if screen is not None:
            screen.show(await self._story(screen.kind, screen.key))

    async def _story(self, kind: str, key: str) -> Text:
        if kind == "job":
            return job_story(await self._reader.life_of_job(key))
        return archive_story(await self._reader.life_of_archive(key))


def run(config: Config) -> int:
    """Show the screen until a person leaves it; return an exit code.

    The terminal is given back when the process is told to stop, too. Raises VaultError when there is no vault to show.
    """
    reader = VaultReader(config)
    try:
        return asyncio.run(_run(StrongroomApp(reader, system_clock)))
    finally:
        reader.close()


async def _run(app: StrongroomApp) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, partial(app.exit, return_code=ExitCode.INTERRUPTED))
    await app.run_async()
    return ExitCode.BUG if app.return_code == 1 else app.return_code or ExitCode.OK  # a crash leaves 1
