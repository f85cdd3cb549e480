"""Lists are read in pages that follow a key, never whole; and the way a person has gone through one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Noun = TypeVar("Noun")
"""What a list is a list of."""

PAGE = 200
"""Rows of one page."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Noun]):
    """One page of a list."""

    rows: tuple[Noun, ...]
    last: Noun | None  # the row after which the next page begins, None where there is none


def page_of(found: Sequence[Noun]) -> Page[Noun]:
    """Make a page of rows of which one more than fits was asked for, to know whether another page follows."""
    return Page(tuple(found[:PAGE]), found[PAGE - 1] if len(found) > PAGE else None)


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
