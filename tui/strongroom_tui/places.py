"""Places that a person visits: tabs, and what was opened over them. The way back and forward through them."""

from __future__ import annotations

from msgspec import Struct

MOST = 50  # places that are remembered


class Place(Struct, frozen=True):
    """A tab by its mode, or one job, archive, stream or plan by its key."""

    kind: str  # the mode of a tab or list, or "job", "archive", "stream", "plan"
    key: str = ""


class History:
    """The places in the order of visiting, and where among them a person is."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._index = -1

    def visit(self, place: Place) -> None:
        """Take note of a visit; who goes back by another key goes back here too."""
        if self._index >= 0 and self._places[self._index] == place:
            return
        if self._index > 0 and self._places[self._index - 1] == place:
            self._index -= 1
            return
        self._places = [*self._places[: self._index + 1], place][-MOST:]
        self._index = len(self._places) - 1

    def move(self, steps: int) -> Place | None:
        """Go back or forward; return where that leads, or None at an end."""
        if not 0 <= self._index + steps < len(self._places):
            return None
        self._index += steps
        return self._places[self._index]
