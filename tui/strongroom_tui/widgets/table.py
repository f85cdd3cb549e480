"""A titled table of one page of rows, brought up to date in place: the cursor stays on what a person looks at.

Every column has a fixed width: measuring cells is what makes tables slow. Where it is narrow, what tells rows apart
stays longest: the stream, shortened, and the day of its window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace
from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable, Static

from strongroom.text.layout import clip
from strongroom.text.units import number


class TableColumn(Struct, frozen=True):
    """One column. The one with `grows` takes what the others leave."""

    name: str
    width: int  # cells
    title: str | None = None  # over it, where that is not its name
    right: bool = False  # numbers stand to the right
    grows: bool = False
    rank: int = 0  # the column with the highest rank is hidden first; 0 is never hidden
    least: int = 0  # cells that are enough where nothing else can be hidden; 0: no fewer than `width`
    wide: int = 0  # cells that it takes where there is room; 0: no more than `width`

    @property
    def heading(self) -> str:
        """Return the words over it."""
        return self.name if self.title is None else self.title


Columns = tuple[TableColumn, ...]


def fitted(columns: Columns, width: int) -> Columns:
    """Hide columns by their rank until the others fit into `width`, and give them what is left.

    A gap of one cell follows each column. Where the column that grows is hidden, the last one takes the rest.
    """
    shown = list(columns)
    while _taken(shown) > width and (ranked := [each for each in shown if each.rank]):
        shown.remove(max(ranked, key=lambda each: each.rank))
    spare = width - _taken(shown)
    for each in sorted(shown, key=lambda column: (not column.grows, column.rank)):
        most = min(spare, each.wide - each.width) if each.wide else 0
        change = max(spare, each.least - each.width) if spare < 0 and each.least else max(0, most)
        if change:
            shown[shown.index(each)] = replace(each, width=each.width + change)
            spare -= change
    last = next((each for each in shown if each.grows), shown[-1])
    return tuple(replace(each, width=each.width + max(0, spare)) if each is last else each for each in shown)


def _taken(columns: Sequence[TableColumn]) -> int:
    return sum(column.width + 1 for column in columns)


def sorted_by(columns: Columns, name: str, *, upward: bool = False) -> Columns:
    """Put an arrow over the column that a list is sorted by: down where the largest or latest comes first."""
    arrow = "▴" if upward else "▾"
    return tuple(
        replace(each, title=f"{clip(each.heading, each.width - 2)} {arrow}") if each.name == name else each
        for each in columns
    )


class TableRow(Struct, frozen=True):
    """One row of a table. `key` names what it shows, from one reading to the next."""

    key: str
    cells: tuple[Text, ...]


def table_row(key: str, cells: Mapping[str, object], columns: Columns) -> TableRow:
    """Return a row of those cells that have a column, by its name, each of the width of its column."""
    return TableRow(key, tuple(_cell(cells[column.name], column) for column in columns))


def _cell(cell: object, column: TableColumn) -> Text:
    words, style = (cell.plain, cell.style) if isinstance(cell, Text) else (str(cell), "")
    words = clip(words, column.width)
    gap = " " * (column.width - cell_len(words)) if column.right else ""
    return Text(gap + words, style, no_wrap=True)


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
        Binding("pagedown", "page_down", "one screen down", show=False),
        Binding("pageup", "page_up", "one screen up", show=False),
        Binding("home", "scroll_top", "first row of the page", show=False),
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

    def on_click(self, event: events.Click) -> None:
        """Pass over a click on a column that is no longer there: they change with the size of the terminal."""
        if event.style.meta.get("column", -1) >= len(self.columns):
            event.prevent_default()
            event.stop()

    @property
    def chosen(self) -> str:
        """Return the key of the row under the cursor, or an empty string."""
        return self._rows_shown[self.cursor_row].key if 0 <= self.cursor_row < len(self._rows_shown) else ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of all rows of the page."""
        return tuple(row.key for row in self._rows_shown)

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
            title = column.heading.rjust(column.width) if column.right else column.heading
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
    amount: str = ""  # the size of the whole list, or nothing

    @property
    def heading(self) -> str:
        """Return the title with the rows that are shown: Jobs 1-200 of 5,312."""
        found = f"{self.title}  {self._bounds()}"
        return "  ".join(filter(None, (found, f"filter: {self.filter}" if self.filter else "", self.amount)))

    @property
    def absence(self) -> str:
        """Return why there is nothing to see."""
        return f"Nothing matches the filter {self.filter}. Press Esc to clear it." if self.filter else self.empty

    def _bounds(self) -> str:
        if not self.rows:
            return "none"
        shown = f"{number(self.offset + 1)}-{number(self.offset + len(self.rows))}"
        if self.total is not None:
            return f"{shown} of {number(self.total)}"
        return f"{shown}, more follow" if self.more else shown


class Pane(Vertical):
    """One of the tables under its title."""

    def __init__(self, name: str, table: PageTable | None = None) -> None:
        super().__init__(id=name)
        self._table = table or PageTable(name)
        self._width = -1  # when columns were fitted last

    class Resized(Message):
        """The pane has another width: more or fewer columns may fit."""

    def on_resize(self, event: events.Resize) -> None:
        """Have the columns fitted again."""
        if event.size.width != self._width:
            self._width = event.size.width
            self.post_message(self.Resized())

    @property
    def table(self) -> PageTable:
        """Return the table inside."""
        return self._table

    @property
    def cells(self) -> int:
        """Return how many cells of width rows may take; one is kept for the scroll bar."""
        return self.size.width - 1

    def compose(self) -> ComposeResult:
        """Put the words under the table."""
        yield self._table
        yield Static(classes="absence", markup=False)

    def show(self, view: PaneContent, anchor: Anchor) -> None:
        """Show a page. The title is text and never markup."""
        self.set_class(not view.rows, "-empty")
        self.border_title = Content(f" {clip(view.heading, max(0, self.size.width - 6))} ")
        self.query_one(".absence", Static).update(Text(view.absence))
        self.table.has_older, self.table.has_newer = view.more, view.offset > 0
        self.table.show_rows(view.rows, view.columns, anchor)
