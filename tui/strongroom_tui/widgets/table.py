"""Lists are read in pages that follow a key, never whole; and the way a person has gone through one.

A table brought up to date in place: selection and scroll belong to what a person looks at, not to a row number.

Rows of the widget are numbered places; what stands in a place is the key that this class remembers. So a refresh writes
only the cells that differ, and a row that moved takes the cursor with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from strongroom_tui.widgets.columns import Columns
from strongroom_tui.widgets.rows import TableRow

Noun = TypeVar("Noun")
"""What a list is a list of."""

PAGE = 200
"""Rows of one page."""


class Page(Struct, Generic[Noun], frozen=True):
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


class Anchor(Enum):
    """Where the cursor goes when rows are shown."""

    KEEP = "keep"
    FIRST = "first"
    LAST = "last"


class PageTable(DataTable[Text], inherit_bindings=False):
    """One page of rows. Going past its end asks for the next page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "details", tooltip="Everything about the selected row"),
        Binding("n", "older", "next page", tooltip="The page after this one"),
        Binding("p", "newer", "page before", tooltip="The page before this one"),
        Binding("down,j", "cursor_down", "one row down", show=False),
        Binding("up,k", "cursor_up", "one row up", show=False),
        Binding("pagedown,space", "page_down", "one screen down", show=False),
        Binding("pageup", "page_up", "one screen up", show=False),
        Binding("home,g", "scroll_top", "first row of the page", show=False),
        Binding("end,G", "scroll_bottom", "last row of the page", show=False),
    ]

    class Turned(Message):
        """A person wants the page after this one (`older`) or the one before."""

        def __init__(self, pane: str, *, older: bool) -> None:
            super().__init__()
            self.pane = pane
            self.older = older

    def __init__(self, pane: str) -> None:
        super().__init__(cursor_type="row", cell_padding=0)
        self.pane = pane  # the name of the pane it stands in
        self.has_older = False
        self.has_newer = False
        self._columns_shown: Columns = ()
        self._rows_shown: list[TableRow] = []

    @property
    def chosen(self) -> str:
        """Return the key of the row under the cursor, or an empty string."""
        return self._rows_shown[self.cursor_row].key if 0 <= self.cursor_row < len(self._rows_shown) else ""

    def show_rows(self, rows: list[TableRow], columns: Columns, anchor: Anchor = Anchor.KEEP) -> None:
        """Show these rows, each cell of the width of its column."""
        chosen, place, top = self.chosen, self.cursor_row, round(self.scroll_y)
        rebuilt = columns != self._columns_shown
        if rebuilt:
            self._rebuild(columns)
        self._write(rows)
        if anchor is Anchor.KEEP:
            self._follow(chosen, place, top, rebuilt=rebuilt)
        else:
            self.move_cursor(row=0 if anchor is Anchor.FIRST else len(rows) - 1)

    def action_older(self) -> None:
        """Ask for the page after this one."""
        if self.has_older:
            self.post_message(self.Turned(self.pane, older=True))

    def action_newer(self) -> None:
        """Ask for the page before this one."""
        if self.has_newer:
            self.post_message(self.Turned(self.pane, older=False))

    def action_cursor_down(self) -> None:
        """Go one row down, past the last row to the next page."""
        if self.cursor_row >= self.row_count - 1 and self.has_older:
            self.action_older()
        else:
            super().action_cursor_down()

    def action_cursor_up(self) -> None:
        """Go one row up, before the first row to the page before."""
        if self.cursor_row <= 0 and self.has_newer:
            self.action_newer()
        else:
            super().action_cursor_up()

    def action_page_down(self) -> None:
        """Go one screen down, at the last row to the next page."""
        if self.cursor_row >= self.row_count - 1 and self.has_older:
            self.action_older()
        else:
            super().action_page_down()

    def action_page_up(self) -> None:
        """Go one screen up, at the first row to the page before."""
        if self.cursor_row <= 0 and self.has_newer:
            self.action_newer()
        else:
            super().action_page_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Hide the keys that would do nothing now."""
        match action:
            case "older":
                return self.has_older
            case "newer":
                return self.has_newer
            case "select_cursor":
                return self.row_count > 0
            case _:
                return True

    def _rebuild(self, columns: Columns) -> None:
        self.clear(columns=True)
        self._rows_shown = []
        self._columns_shown = columns
        for column in columns:
            title = column.title.rjust(column.width) if column.right else column.title
            self.add_column(Text(title), width=column.width + 1, key=column.name)

    def _write(self, rows: list[TableRow]) -> None:
        for place, row in enumerate(rows[: len(self._rows_shown)]):
            for column, (old, new) in enumerate(zip(self._rows_shown[place].cells, row.cells, strict=True)):
                if old != new:
                    self.update_cell_at(Coordinate(place, column), new)
        for place in range(len(self._rows_shown), len(rows)):
            self.add_row(*rows[place].cells, key=str(place))
        for place in reversed(range(len(rows), len(self._rows_shown))):
            self.remove_row(str(place))
        self._rows_shown = list(rows)

    def _follow(self, chosen: str, place: int, top: int, *, rebuilt: bool) -> None:
        """Put the cursor back on what it was on, and the same rows into view unless the top was being watched."""
        keys = [row.key for row in self._rows_shown]
        now = keys.index(chosen) if chosen in keys else min(place, len(keys) - 1)
        if now < 0 or (now == place and not rebuilt):
            return
        watching = top == 0 and now < max(1, self.scrollable_content_region.height - self.header_height)
        self.move_cursor(row=now, scroll=False)
        offset = 0 if watching else top + now - place
        self.call_after_refresh(self.scroll_to, y=offset, animate=False, force=True)
