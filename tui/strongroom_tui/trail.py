"""The way a person has gone through one list, page by page: last rows to follow, and how many rows lie before."""

from __future__ import annotations

from typing import Generic

from strongroom_tui.reader import Page
from strongroom_tui.wish import Noun


class Trail(Generic[Noun]):
    """Each step remembers the last row of a page that was left, and how many rows that page had."""

    def __init__(self) -> None:
        self._steps: list[tuple[Noun, int]] = []

    @property
    def before(self) -> Noun | None:
        """Return the row after which the page begins, None for the first page."""
        return self._steps[-1][0] if self._steps else None

    @property
    def offset(self) -> int:
        """Return how many rows lie before the page."""
        return sum(rows for _, rows in self._steps)

    def turn(self, page: Page[Noun], *, older: bool) -> None:
        """Leave this page for the one after or before it; where there is none, stay."""
        if not older and self._steps:
            self._steps.pop()
        elif older and page.last is not None:
            self._steps.append((page.last, len(page.rows)))
