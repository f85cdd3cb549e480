"""The line in which a filter is typed. It is hidden until it is wanted, and completes the words that are known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import SuggestFromList
from textual.widgets import Input

_HINT = "part of a stream's name, a state, 2026-03 or 2026-03-01..2026-04-15"


class FilterLine(Input):
    """One line of text; Input.Submitted says that it is to be applied."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "apply")]

    def __init__(self, hint: str = _HINT) -> None:
        super().__init__(placeholder=hint, compact=True)
        self.cursor_blink = False
        self.display = False

    def open(self, text: str, words: Iterable[str]) -> None:
        """Appear with the filter that stands, and take the keys."""
        self.suggester = SuggestFromList(list(words), case_sensitive=False)
        self.value = text
        self.display = True
        self.focus()

    def close(self) -> None:
        """Disappear."""
        self.display = False
