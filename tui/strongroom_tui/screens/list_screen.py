"""A tab with one list: read in pages that follow a key, filtered by the catalogue, each row opened at full length."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Input

from strongroom.model.errors import UsageError
from strongroom_tui.reader import Question, Seen
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.state import ListView
from strongroom_tui.widgets.filter_line import Filter, FilterLine, is_stretch, parse_filter
from strongroom_tui.widgets.table import Anchor, Columns, Layouts, PageTable, Pane, PaneContent, TableRow, fitted
from strongroom_tui.widgets.text import error_text

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


class ListTab(TabScreen, Generic[Noun]):
    """One list. Subclasses say what to ask, how rows look, and what opens."""

    KINDS: ClassVar[tuple[str, ...]] = ()
    """The words that tell rows apart and may be used in a filter, besides the names of streams."""

    EMPTY: ClassVar[str] = ""
    HEADING: ClassVar[str] = ""
    QUESTION: ClassVar[PageQuestion]
    LAYOUTS: ClassVar[Layouts] = ()
    """The columns, by how much room there is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/", tooltip="Show only one stream, state or period"),
        Binding("escape", "back", "clear", tooltip="Close or clear the filter"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filter = Filter()
        self.trail: Trail[Noun] = Trail()
        self._keys: frozenset[str] = frozenset()
        self._nouns: dict[str, Noun] = {}  # what stands in the rows, by their keys
        self._anchor = Anchor.KEEP  # where the cursor goes when the next answer comes

    def page_question(self, wanted: Filter, before: Noun | None) -> Question:
        """Say how the page after `before` is asked for."""
        return self.QUESTION(wanted, before)

    def rows(self, page: Page[Noun], seen: Seen, columns: Columns) -> list[TableRow]:  # noqa: ARG002 - for subclasses
        """Lay the rows of a page out."""
        return [self.row_of(each, columns) for each in page.rows]

    def row_of(self, noun: Noun, columns: Columns) -> TableRow:
        """Lay one row out, where it needs nothing else."""
        raise NotImplementedError

    @abstractmethod
    def opened(self, key: str) -> Screen[Any] | None:
        """Return the screen that shows one row in full, or None where it comes later."""
        ...

    def contents(self) -> ComposeResult:
        """Yield the list and the hidden filter line."""
        yield Pane(self.MODE)
        yield FilterLine()

    def on_mount(self) -> None:
        """Begin in the list, looked at as it was last time."""
        self._recall()
        self.pane.table.focus()

    @property
    def pane(self) -> Pane:
        """Return the list."""
        return self.query_one(f"#{self.MODE}", Pane)

    @property
    def chosen(self) -> str:
        """Return the key of the row under the cursor, or an empty string."""
        return self.pane.table.chosen

    @property
    def page(self) -> Page[Noun] | None:
        """Return the page that is shown, or None before the first answer to what is asked now."""
        seen = self.seen
        return seen.answer if seen is not None and isinstance(seen.answer, Page) else None

    @property
    def row(self) -> Noun | None:
        """Return what is under the cursor, or None before the first answer to what is asked now."""
        return self._nouns.get(self.chosen) if self.page is not None else None

    @property
    def heading(self) -> str:
        """Return what the list is called."""
        return self.HEADING or self.MODE.capitalize()

    @property
    def empty(self) -> str:
        """Return what to say where there are no rows and no filter."""
        return self.EMPTY

    def total(self, seen: Seen) -> int | None:  # noqa: ARG002 - of most lists the status counts nothing
        """Return how many rows the list has, or None where nobody has counted."""
        return None

    def question(self) -> Question:
        """Ask for one page."""
        return self.page_question(self.filter, self.trail.before)

    def paint(self) -> None:
        """Show the page, where it answers what is asked now."""
        page, seen = self.page, self.seen
        if page is None or seen is None:
            return
        columns = fitted(self.LAYOUTS, self.pane.cells)
        rows = self.rows(page, seen, columns)
        self._nouns = {row.key: noun for row, noun in zip(rows, page.rows, strict=True)}
        title, total, more = self.heading, self.total(seen), page.last is not None
        shown = PaneContent(title, rows, columns, self.trail.offset, total, more, str(self.filter), self.empty)
        self.pane.show(shown, self._anchor)
        self._anchor = Anchor.KEEP
        self._refresh_keys()

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterLine).open(str(self.filter), [*self.streams(), *self.KINDS])
        self.refresh_bindings()

    def action_back(self) -> None:
        """Close the filter line, or take the filter away."""
        if self.query_one(FilterLine).display:
            self._close_filter()
        else:
            self.apply(Filter())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys that would do nothing now."""
        typing = any(line.display for line in self.query(FilterLine))
        if action == "back":
            return typing or self.filter != Filter()
        if action == "filter":
            return not typing
        return super().check_action(action, parameters)

    def apply(self, wanted: Filter) -> None:
        """Show another part of the list, from its beginning."""
        self.filter, self.trail, self._anchor = wanted, Trail(), Anchor.FIRST
        self.strongroom.list_views[self.MODE] = ListView(wanted.stream, wanted.kind, wanted.when, self.order)
        self.refresh_bindings()
        self.strongroom.reread()

    @property
    def order(self) -> str:
        """Return what a person chose to sort by, or an empty string where there is no choice."""
        return ""

    def sort_by(self, order: str) -> None:
        """Sort as somebody did before; what is no order here is let go."""

    def _recall(self) -> None:
        """Look at the list as last time, as far as that still means something."""
        habit = self.strongroom.list_views.get(self.MODE, ListView())
        known = {each.name for each in self.strongroom.reader.config.streams}
        self.filter = Filter(
            habit.stream if habit.stream in known or self.filter.stream else "",
            habit.kind if habit.kind in self.KINDS else "",
            habit.when if is_stretch(habit.when) else "",
        )
        self.sort_by(habit.sort)

    def streams(self) -> Iterable[str]:
        """Return the names of streams that a filter may name."""
        known = set(self._last.status.coverage) if self._last else set[str]()
        return sorted(known | {str(getattr(row, "stream", "")) for row in (self.page.rows if self.page else ())} - {""})

    @on(Input.Submitted)
    def _read_filter(self, event: Input.Submitted) -> None:
        try:
            found = parse_filter(event.value, self.streams(), self.KINDS)
        except UsageError as error:
            self.notify(error_text(error), severity="warning", markup=False)
            return
        self._close_filter()
        self.apply(found)

    @on(PageTable.Turned)
    def _turn(self, event: PageTable.Turned) -> None:
        if self.page is None:
            return  # the page that would be left has not come yet
        self.trail.turn(self.page, older=event.older)
        self._anchor = Anchor.FIRST if event.older else Anchor.LAST
        self.strongroom.reread()

    @on(DataTable.RowHighlighted)
    def _offer(self) -> None:
        self.refresh_bindings()  # what can be done depends on the row

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        table = event.data_table
        screen = self.opened(table.chosen) if isinstance(table, PageTable) and table.chosen else None
        if screen is not None:
            self.app.push_screen(screen)

    def _close_filter(self) -> None:
        self.query_one(FilterLine).close()
        self.pane.table.focus()
        self.refresh_bindings()

    def _refresh_keys(self) -> None:
        """Redraw the footer only where a key came or went: it is built from scratch each time."""
        keys = frozenset(each.binding.action for each in self.active_bindings.values() if each.enabled)
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()


def total_of(counts: dict[str, int], wanted: Filter) -> int | None:
    """Return how many rows a list has, from what the status counted anyway; a stream or a time alone is not counted."""
    if wanted.stream or wanted.when:
        return None
    return counts.get(wanted.kind, 0) if wanted.kind else sum(counts.values())
