"""The lines around a list: counts by state that filter on a click, and what is selected with what the keys will do."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from strongroom.text.layout import first_that_fits
from strongroom.text.units import number


class Chip(Struct, frozen=True):
    """One state of the rows of a list."""

    kind: str  # the word that filters by it, empty for all
    count: int | None = None  # rows in this state, None where nobody counted
    name: str = ""  # what it is called, where that is not the word

    @property
    def words(self) -> str:
        """Return what is written on it."""
        name = self.name or self.kind or "all"
        return f"{name} {number(self.count)}" if self.count is not None else name


class ChipLine(Widget):
    """Chips on one line; the one that filters now stands out. An ellipsis stands for those that do not fit."""

    class Chosen(Message):
        """A person clicked a chip."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind

    def __init__(self) -> None:
        super().__init__()
        self._chips: tuple[Chip, ...] = ()
        self._current = ""
        self._places: list[tuple[int, int, str]] = []

    @property
    def kinds(self) -> list[str]:
        """Return the states that can be chosen, in order."""
        return [each.kind for each in self._chips]

    def show(self, chips: Sequence[Chip], current: str) -> None:
        """Show these; nothing where there is no choice."""
        self._chips, self._current = tuple(chips), current
        self.display = len(chips) > 1
        self.refresh()

    def render(self) -> Text:
        """Draw those that fit, the current one always; an ellipsis stands for the others."""
        text, self._places = Text(no_wrap=True), []
        whole = sum(cell_len(each.words) + 3 for each in self._chips) - 1
        width = self.size.width if whole <= self.size.width else self.size.width - 2
        kept = next((cell_len(each.words) + 3 for each in self._chips if each.kind == self._current), 0)
        for each in self._chips:
            current, words = each.kind == self._current, f" {each.words} "
            room = width - text.cell_len - (0 if current else kept)
            if cell_len(words) > room:
                continue
            kept = 0 if current else kept
            self._places.append((text.cell_len, text.cell_len + cell_len(words), each.kind))
            text.append(words, "bold reverse" if current else "").append(" ")
        return text.append("…" if len(self._places) < len(self._chips) else "")

    def on_click(self, event: events.Click) -> None:
        """Filter by the chip that was clicked."""
        clicked = event.get_content_offset_capture(self).x
        for start, end, kind in self._places:
            if start <= clicked < end:
                self.post_message(self.Chosen(kind))


class SelectionBar(Widget):
    """What is selected, and what the keys will do with all of it; hidden where nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self._words: list[str] = [""]
        self.display = False

    def show(self, amount: Sequence[str], keys: Sequence[tuple[str, str]]) -> None:
        """Show the amount in parts such as "3 archives", and keys with what they do; without parts, nothing."""
        self.display = bool(amount)
        if amount:
            whole, brief = " · ".join(amount), amount[0]
            acts = [f"{key} {words}" for key, words in keys]
            tries = [(whole, many) for many in range(len(acts), 2, -1)] + [
                (brief, many) for many in range(len(acts), -1, -1)
            ]
            lines = [f"{head}   {'  '.join([*acts[:many], 'esc clear'])}" for head, many in tries]
            self._words = [*lines, brief]
            self.refresh()

    def render(self) -> Text:
        """Draw as much as fits, the way out always."""
        width = max(1, self.size.width - 1)
        words = first_that_fits(self._words, width)
        return Text(f" {words}{' ' * max(0, width - cell_len(words))}", "bold reverse", no_wrap=True)
