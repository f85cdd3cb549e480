"""Where a person is: the tab, and what was opened over it. A click leads back."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from strongroom.text.layout import clip

_APART = " > "


class Breadcrumbs(Widget):
    """The names of the screens that lie over each other, the last one of this screen; hidden where there is one."""

    class Chosen(Message):
        """A person wants to go back to the screen at this place, 0 for the tab."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._places: list[tuple[int, int]] = []
        self.display = False

    def show(self, names: Sequence[str]) -> None:
        """Show these names."""
        self._names = tuple(names)
        self.display = len(names) > 1
        self.refresh()

    def render(self) -> Text:
        """Draw them; where there is no room, the first ones are cut."""
        text, self._places = Text(no_wrap=True), []
        room = max(4, (self.size.width - len(_APART) * (len(self._names) - 1)) // max(1, len(self._names)))
        whole = cell_len(_APART.join(self._names)) <= self.size.width
        for place, name in enumerate(self._names):
            words, last = name if whole else clip(name, room), place == len(self._names) - 1
            self._places.append((text.cell_len, text.cell_len + cell_len(words)))
            text.append(words, "bold" if last else "underline").append("" if last else _APART)
        return text

    def on_click(self, event: events.Click) -> None:
        """Go back to what was clicked."""
        clicked = event.get_content_offset_capture(self).x
        for place, (start, end) in enumerate(self._places[:-1]):
            if start <= clicked < end:
                self.post_message(self.Chosen(place))
