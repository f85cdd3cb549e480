"""Text to scroll through, and the screen that is nothing else."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.text import hang


class TextPane(VerticalScroll, inherit_bindings=False):
    """Text to scroll through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "one line down", show=False),
        Binding("up,k", "scroll_up", "one line up", show=False),
        Binding("pagedown,space", "page_down", "one screen down", show=False),
        Binding("pageup", "page_up", "one screen up", show=False),
        Binding("home,g", "scroll_home", "to the top", show=False),
        Binding("end,G", "scroll_end", "to the end", show=False),
    ]

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield Static(self._text, markup=False)

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._lay_out()

    def show(self, text: Text) -> None:
        """Show another text where the old one stood, scrolled as far."""
        if text != self._text:
            self._text = text
            self._lay_out()

    def _lay_out(self) -> None:
        self.query_one(Static).update(hang(self._text, self.scrollable_content_region.width))


class TextScreen(TabScreen):
    """A screen of text; esc leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "back")]

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def contents(self) -> ComposeResult:
        """Yield the text."""
        yield TextPane(self._text)

    def on_mount(self) -> None:
        """Give the keys to the text."""
        self.query_one(TextPane).focus()
