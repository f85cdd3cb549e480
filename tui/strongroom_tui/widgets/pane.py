"""A titled table, with words in its place where it has no rows. The title says which rows are shown of how many."""

from __future__ import annotations

from msgspec import Struct
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from strongroom_tui.widgets.amounts import number
from strongroom_tui.widgets.columns import Columns
from strongroom_tui.widgets.rows import TableRow
from strongroom_tui.widgets.table import Anchor, PageTable
from strongroom_tui.widgets.text import clip


class PaneContent(Struct, frozen=True):
    """One page of a list, ready to be shown."""

    title: str
    rows: list[TableRow]
    columns: Columns
    offset: int  # rows before this page
    total: int | None  # rows of the whole list, None where nobody has counted
    more: bool  # another page follows
    filter: str  # in words, or empty
    empty: str  # what to say where there are no rows and no filter

    @property
    def heading(self) -> str:
        """Return the title with the rows that are shown: Jobs 1-200 of 5,312."""
        found = f"{self.title}  {self._bounds()}"
        return f"{found}  filter: {self.filter}" if self.filter else found

    @property
    def absence(self) -> str:
        """Return why there is nothing to see."""
        return f"Nothing fits the filter {self.filter}. Esc clears it." if self.filter else self.empty

    def _bounds(self) -> str:
        if not self.rows:
            return "none"
        shown = f"{number(self.offset + 1)}-{number(self.offset + len(self.rows))}"
        if self.total is not None:
            return f"{shown} of {number(self.total)}"
        return f"{shown}, more follow" if self.more else shown


class Pane(Vertical):
    """One of the tables under its title."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._pane = name

    @property
    def table(self) -> PageTable:
        """Return the table inside."""
        return self.query_one(PageTable)

    @property
    def room(self) -> int:
        """Return how many cells of width rows may take; one is kept for the scroll bar."""
        return self.size.width - 1

    def compose(self) -> ComposeResult:
        """Put the words under the table."""
        yield PageTable(self._pane)
        yield Static(classes="absence", markup=False)

    def show(self, view: PaneContent, anchor: Anchor) -> None:
        """Show a page. The title is text and never markup."""
        self.set_class(not view.rows, "-empty")
        self.border_title = Content(f" {clip(view.heading, max(0, self.size.width - 6))} ")
        self.query_one(".absence", Static).update(Text(view.absence))
        self.table.has_older, self.table.has_newer = view.more, view.offset > 0
        self.table.show_rows(view.rows, view.columns, anchor)
