"""Every action by its name: the toolkit's palette, which opens only where there is room to see its list.

The toolkit turns pages by the lines of the list and fails where they were never laid out: on a terminal of a few lines,
or when the key comes before the first layout. Here such a key does nothing.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.command import CommandList, CommandPalette, ProviderSource

from strongroom_tui.keyline import KeyLine
from strongroom_tui.room import LEAST_HEIGHT, LEAST_WIDTH


class Palette(CommandPalette):
    """The palette. It closes, with nothing done, when the terminal becomes too small for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "next", tooltip="The next action"),
        Binding("escape", "escape", "close", tooltip="Close; nothing is done"),
    ]

    def compose(self) -> ComposeResult:
        """Put its own keys over those of the room."""
        yield from super().compose()
        yield KeyLine()

    def on_resize(self) -> None:
        """Close where there is no room left."""
        if self.app.screen is self and not _fits(self.app):
            self._action_escape()

    def _action_command_list(self, action: str) -> None:
        laid_out = bool(self.query_one(CommandList).scrollable_content_region)
        if laid_out or not action.startswith("page_"):
            super()._action_command_list(action)


def open_palette(app: App[None], providers: ProviderSource | None, placeholder: str) -> None:
    """Open a palette of what the providers offer, None for those of the app; where it has no room, say so."""
    if _fits(app):
        app.push_screen(Palette(providers, placeholder=placeholder))
    else:
        width, height = app.size
        app.notify(f"too small for the palette: {width}x{height}, needs {LEAST_WIDTH}x{LEAST_HEIGHT}", timeout=3)


def _fits(app: App[None]) -> bool:
    return app.size.width >= LEAST_WIDTH and app.size.height >= LEAST_HEIGHT
