"""Pages of a list, and the way through them: each page begins after the last row of the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from strongroom_tui.reader import Question
from strongroom_tui.widgets.filter_line import Filter

Noun = TypeVar("Noun")
"""What a list is a list of."""

PAGE = 200
"""Rows of one page."""


class Page(Struct, Generic[Noun], frozen=True):
    """One page of a list."""

    rows: tuple[Noun, ...]
    last: Noun | None  # the row after which the next page begins, None where there is none


def page_of(found: Sequence[Noun]) -> Page[Noun]:
    """Make a page of rows of which one more than fits was read, to know whether another page follows."""
    return Page(tuple(found[:PAGE]), found[PAGE - 1] if len(found) > PAGE else None)


def page_after(found: Sequence[Noun], before: Noun | None) -> Page[Noun]:
    """Make the page after a row, of a list that was read whole."""
    first = found.index(before) + 1 if before is not None and before in found else 0
    return page_of(found[first : first + PAGE + 1])


class Order(Struct, frozen=True):
    """By which column a list is sorted, and whether the smallest or earliest comes first."""

    column: str = ""
    upward: bool = False

    def apply(self, rows: Iterable[Noun], keys: Mapping[str, Callable[[Noun], Any]]) -> list[Noun]:
        """Sort rows that were read whole; a column without a key leaves them as they are."""
        key = keys.get(self.column)
        return sorted(rows, key=key, reverse=not self.upward) if key else list(rows)


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


class PageQuestion(Protocol):
    """Makes the question for the page after a row; None stands for the first page."""

    def __call__(self, wanted: Filter, before: Any, /) -> Question:
        """Return the question."""
        ...
