"""What every screen has: a footer, and words in its place where the terminal is too small."""

from __future__ import annotations

from textual.app import ComposeResult, RenderResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

LEAST_WIDTH, LEAST_HEIGHT = 40, 12


class TooSmall(Widget):
    """Covers a screen that has no room for what it would show; the style sheet says when."""

    def render(self) -> RenderResult:
        """Say what is needed and how to leave."""
        width, height = self.app.size
        return f"terminal too small: {width}x{height}, needs {LEAST_WIDTH}x{LEAST_HEIGHT}; q quits"


class Room(Screen[None]):
    """A full screen. Subclasses say what is in it."""

    # The base class declares both as they are here.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-thin"), (LEAST_WIDTH, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (LEAST_HEIGHT, "-high")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """Put the contents over a footer, and the cover over both."""
        yield from self.contents()
        yield Footer(compact=True)
        yield TooSmall()

    def contents(self) -> ComposeResult:
        """Yield what is between the top and the footer."""
        yield from ()
