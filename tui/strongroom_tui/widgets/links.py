"""Where a life leads to: jobs and archives that belong to it, one of them chosen, opened with enter or the mouse."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Static

from strongroom_tui.widgets.text import clip


class RelatedItem(Struct, frozen=True):
    """One thing to open."""

    words: str
    key: str  # its id
    job: bool  # or else an archive


class RelatedItems(Static):
    """One line for each lead; out of sight where there is none."""

    class Opened(Message):
        """A person wants to see where a lead goes."""

        def __init__(self, lead: RelatedItem) -> None:
            super().__init__()
            self.lead = lead

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._leads: tuple[RelatedItem, ...] = ()
        self._place = 0
        self.display = False

    @property
    def chosen(self) -> RelatedItem | None:
        """Return the lead that enter opens."""
        return self._leads[self._place] if self._leads else None

    def show(self, leads: Sequence[RelatedItem]) -> None:
        """Show these; the one that was chosen stays chosen where it is still there."""
        before = self.chosen
        self._leads = tuple(leads)
        self._place = self._leads.index(before) if before in self._leads else 0
        self.display = bool(self._leads)
        self._draw()

    def move(self, steps: int) -> None:
        """Choose a neighbour; after the last comes the first."""
        if self._leads:
            self._place = (self._place + steps) % len(self._leads)
            self._draw()

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked."""
        place = event.get_content_offset_capture(self).y
        if 0 <= place < len(self._leads):
            self._place = place
            self._draw()
            self.post_message(self.Opened(self._leads[place]))

    def _draw(self) -> None:
        width = max(10, self.size.width - 2) if self.size.width else 200
        lines = [
            Text(clip(f"{'▸' if place == self._place else ' '} {lead.words}", width), "bold" * (place == self._place))
            for place, lead in enumerate(self._leads)
        ]
        self.update(Text("\n", no_wrap=True).join(lines))
