"""The verdict on the vault, and below it the list of what waits for a person."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from strongroom.text.layout import cells, clip, first_that_fits
from strongroom.text.states import Mark, plain_mark
from strongroom_tui.widgets.filter_line import Filter

_ENTER = "⏎"


class Errand(Struct, frozen=True):
    """One thing that waits for a person, and the place where it is solved."""

    mark: Mark  # its word is what is wrong
    body: str  # more about it, and what to do
    mode: str  # a tab; `plans` is the list of destruction plans
    filter: Filter = Filter()


class AttentionList(Widget, can_focus=True):
    """The verdict on one line, then the errands, as many as there is room for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "go there", tooltip="Go to the place where this is solved"),
        Binding("up,k", "move(-1)", "line above", show=False),
        Binding("down,j", "move(1)", "line below", show=False),
        Binding("home,g", "move(-1000)", "first line", show=False),
        Binding("end,G", "move(1000)", "last line", show=False),
    ]

    class Chosen(Message):
        """A person wants to solve something."""

        def __init__(self, errand: Errand) -> None:
            super().__init__()
            self.errand = errand

    class Moved(Message):
        """The cursor is on another line."""

    class Left(Message):
        """The cursor went past the last line."""

    def __init__(self) -> None:
        super().__init__()
        self._verdict = Mark("…", "reading the catalogue")
        self._errands: tuple[Errand, ...] = ()
        self._row = self._top = 0
        self._moved = False  # before, the cursor is on the first line, whatever else becomes known

    @property
    def errand(self) -> Errand | None:
        """Return what the cursor is on."""
        return self._errands[self._row] if self._errands else None

    def show(self, verdict: Mark, errands: tuple[Errand, ...], most: int) -> None:
        """Show a verdict and what waits, on at most `most` lines besides it."""
        chosen = self.errand if self._moved or self.has_focus else None
        self._verdict, self._errands = verdict, errands
        self._row = errands.index(chosen) if chosen in errands else min(self._row, max(0, len(errands) - 1))
        self.can_focus = bool(errands)
        self.styles.height = 1 + min(len(errands), most)
        self._follow(min(len(errands), most))
        self.refresh()

    def render(self) -> Text:
        """Draw the verdict and the lines."""
        width = self.size.width
        lines = [_verdict_line(self._verdict, width, self._hidden)]
        for place in range(self._top, min(len(self._errands), self._top + self._lines)):
            chosen = self.has_focus and place == self._row
            lines.append(_errand_line(self._errands[place].mark, width, chosen=chosen))
        return Text("\n", no_wrap=True).join(lines)

    def on_click(self, event: events.Click) -> None:
        """Choose the line that was clicked, and go there."""
        place = self._top + event.y - 1
        if event.y > 0 and place < len(self._errands):
            self._row = place
            self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down a line."""
        event.stop()
        self._go(min(self._row + 1, len(self._errands) - 1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up a line."""
        event.stop()
        self._go(max(0, self._row - 1))

    def action_move(self, rows: int) -> None:
        """Go to another line; past the last one the cursor leaves the list."""
        if rows == 1 and self._row + 1 >= len(self._errands):
            self.post_message(self.Left())
        else:
            self._go(max(0, min(self._row + rows, len(self._errands) - 1)))

    def action_open(self) -> None:
        """Ask for the place where the chosen line is solved."""
        if self.errand is not None:
            self.post_message(self.Chosen(self.errand))

    @property
    def _lines(self) -> int:
        return max(0, self.size.height - 1)

    @property
    def _hidden(self) -> int:
        return max(0, len(self._errands) - self._lines)

    def _go(self, row: int) -> None:
        self._row, self._moved = max(0, row), True
        self._follow(self._lines)
        self.refresh()
        self.post_message(self.Moved())

    def _follow(self, lines: int) -> None:
        """Keep the cursor in sight."""
        self._top = min(self._top, self._row, max(0, len(self._errands) - lines))
        self._top = max(self._top, self._row - lines + 1, 0)


def _verdict_line(verdict: Mark, width: int, hidden: int) -> Text:
    words = plain_mark(verdict)
    more = first_that_fits([f"  {hidden} more below", f" +{hidden}"] if hidden else [""], width - cells(words))
    words = clip(words, max(0, width - len(more)))
    return Text.assemble((words, f"bold {verdict.style}".strip()), more, no_wrap=True)


def _errand_line(mark: Mark, width: int, *, chosen: bool) -> Text:
    words = clip(plain_mark(mark), max(0, width - 6))
    text = Text.assemble("  ", (words, mark.style), f"  {_ENTER}", no_wrap=True)
    text.append(" " * max(0, width - text.cell_len))
    if chosen:
        text.stylize("reverse")
    return text
