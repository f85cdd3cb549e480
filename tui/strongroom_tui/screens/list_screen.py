"""A tab with one list: read in pages that follow a key, filtered by the catalogue, each row opened at full length."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import DataTable, Input

from strongroom.model.errors import UsageError
from strongroom_tui.reader import Question, Seen
from strongroom_tui.screens.list_base import ListBase
from strongroom_tui.screens.pages import Noun, Order, Trail
from strongroom_tui.screens.preview import Preview
from strongroom_tui.screens.screen import LEAST_WIDTH
from strongroom_tui.screens.steps import steps
from strongroom_tui.state import ListView
from strongroom_tui.widgets.filter_line import Filter, FilterLine, is_stretch, parse_filter
from strongroom_tui.widgets.list_lines import ChipLine, SelectionBar
from strongroom_tui.widgets.list_table import MARK_WIDTH, ListTable, with_mark
from strongroom_tui.widgets.table import (
    Anchor,
    PageTable,
    Pane,
    PaneContent,
    fitted,
    sorted_by,
)
from strongroom_tui.widgets.text import error_text

PREVIEW_FROM = 100
"""Columns of the terminal from which on the list has a preview next to it."""

_CHIPS_FROM = 18  # lines of the terminal from which on there is room for the chips


class ListTab(ListBase[Noun]):
    """One list with its preview, and what can be done with all lists."""

    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as the base class declares it
        (0, "-thin"),
        (LEAST_WIDTH, "-broad"),
        (PREVIEW_FROM, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/", tooltip="Show only one stream, state or period"),
        Binding("f", "next_state(1)", "by state", show=False, tooltip="Show only the next state, then all again"),
        Binding("F", "next_state(-1)", "by state", show=False, tooltip="Show only the state before"),
        Binding("s,greater_than_sign", "sort", "sort", show=False, tooltip="Sort by the next column"),
        Binding("X", "export", "export", show=False, tooltip="Write what the list shows to a file or the clipboard"),
        Binding("less_than_sign", "reverse", "reverse", show=False, tooltip="Turn the order round"),
        Binding("escape", "back", "clear", tooltip="Clear the selection, or close or clear the filter"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._keys: frozenset[str] = frozenset()
        self._filter_line = FilterLine()  # needed at every key, so it is not looked up each time

    def above(self) -> ComposeResult:
        """Yield what stands over the list."""
        yield from ()

    def contents(self) -> ComposeResult:
        """Yield the list with its preview and lines, and the hidden filter line."""
        yield from self.above()
        yield ChipLine()
        with Horizontal(classes="list"):
            yield Pane(self.MODE, ListTable(self.MODE))
            yield Preview()
        yield SelectionBar()
        yield self._filter_line

    def on_mount(self) -> None:
        """Begin in the list, looked at as it was last time."""
        self._recall()
        self.pane.table.focus()

    def paint(self) -> None:
        """Show the page, where it answers what is asked now."""
        page, seen = self.page, self.seen
        if page is None or seen is None:
            return
        self._paint_chips(seen)
        order = self.order_shown
        columns = sorted_by(fitted(self.COLUMNS, self.pane.cells - MARK_WIDTH), order.column, upward=order.upward)
        rows = self.rows(page, seen, columns)
        self.nouns = {row.key: noun for row, noun in zip(rows, page.rows, strict=True)}
        self.selection = {key: self.nouns.get(key, noun) for key, noun in self.selection.items()}
        shown = PaneContent(
            self.heading,
            [with_mark(row, marked=row.key in self.selection) for row in rows],
            columns,
            self.trail.offset,
            self.total(seen),
            page.last is not None,
            str(self.filter),
            self.empty,
            self.amount(seen),
        )
        self.pane.show(shown, self.landing)
        self.landing = Anchor.KEEP
        self._paint_selection()
        self._follow()
        self._refresh_keys()

    def _paint_chips(self, seen: Seen) -> None:
        room = self.size.height >= _CHIPS_FROM
        self.query_one(ChipLine).show(self.chips(seen) if room else [], self.filter.kind)

    def _paint_selection(self) -> None:
        amounts = self.amounts(list(self.selection.values())) if self.selection else []
        active = {each.binding.action: each for each in self.active_bindings.values() if each.enabled}
        keys = [
            (self.app.get_key_display(active[action].binding), words)
            for action, words in self.BULK.items()
            if action in active
        ]
        self.query_one(SelectionBar).show([f"{amounts[0]} selected", *amounts[1:]] if amounts else [], keys)

    def _follow(self) -> None:
        """Show in the preview what is under the cursor."""
        preview, row, last = next(iter(self.query(Preview)), None), self.row, self._last
        if preview is None or not preview.display or last is None:
            return  # there is no room, or the screen is being left
        found = self.peek(row) if row is not None else Text()
        preview.title(self.NOUN.capitalize() if row is not None else "")
        if isinstance(found, Text):
            preview.show_now(found)
        else:
            preview.follow(self.strongroom.reader, found, last.version, self.preview)

    def action_filter(self) -> None:
        """Open the filter line."""
        self._filter_line.open(str(self.filter), [*self.streams(), *self.KINDS])
        self.refresh_bindings()

    def action_back(self) -> None:
        """Close the filter line, or let the selection go, or take the filter away."""
        if self._filter_line.display:
            self._close_filter()
        elif self.selection:
            self.clear_selection()
        else:
            self.apply(Filter())

    def action_next_state(self, step: int) -> None:
        """Show only the next state, after the last one all again."""
        shown = [each.kind for each in self.chips(self._last)] if self._last is not None else []
        kinds = shown if len(shown) > 1 else ["", *self.KINDS]
        place = kinds.index(self.filter.kind) if self.filter.kind in kinds else 0
        self.apply(replace(self.filter, kind=kinds[(place + step) % len(kinds)]))

    def action_sort(self) -> None:
        """Sort by the next column."""
        names = list(self.SORTABLE)
        place = names.index(self.sorting.column) if self.sorting.column in names else -1
        self.sort_by(names[(place + 1) % len(names)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.sort_by(self.sorting.column, upward=not self.sorting.upward)

    @steps
    async def action_export(self) -> None:
        """Write what is selected, or else all that the filter shows, as CSV or JSON or to the clipboard."""
        from strongroom_tui.screens.exports import export_list  # it knows the rows of every list

        def page(before: Any) -> Question:
            return self.page_question(self.filter, before)

        await export_list(self, self.MODE, self.NOUN, list(self.selection.values()), page)

    def sort_by(self, column: str, *, upward: bool | None = None) -> None:
        """Sort by a column, from the beginning of the list."""
        self.sorting = Order(column, column in self.UPWARD if upward is None else upward)
        self._begin()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys that would do nothing now."""
        typing = self._filter_line.display
        match action:
            case "back":
                return typing or bool(self.selection) or self.filter != Filter()
            case "filter":
                return not typing
            case "next_state":
                return bool(self.KINDS)
            case "sort":
                return len(self.SORTABLE) > 1
            case "reverse":
                return self.BOTH_WAYS
            case _:
                return super().check_action(action, parameters)

    def apply(self, wanted: Filter) -> None:
        """Show another part of the list, from its beginning."""
        self.filter, self.selection = wanted, {}
        self._begin()

    def clear_selection(self) -> None:
        """Select nothing."""
        self.selection = {}
        self.refresh_bindings()
        self.repaint()

    def _begin(self) -> None:
        self.trail, self.landing = Trail(), Anchor.FIRST
        self.strongroom.list_views[self.MODE] = ListView(
            self.filter.stream, self.filter.kind, self.filter.when, self.order_word()
        )
        self.refresh_bindings()
        self.strongroom.reread()

    def _recall(self) -> None:
        """Look at the list as last time, as far as that still means something."""
        habit = self.strongroom.list_views.get(self.MODE, ListView())
        known = {each.name for each in self.strongroom.reader.config.streams}
        self.filter = Filter(
            habit.stream if habit.stream in known or self.filter.stream else "",
            habit.kind if habit.kind in self.KINDS else "",
            habit.when if is_stretch(habit.when) else "",
        )
        column, up = habit.sort.removesuffix(" up"), habit.sort.endswith(" up")
        if column in self.SORTABLE and (self.BOTH_WAYS or not up):
            self.sorting = Order(column, up)

    @on(Input.Submitted)
    def _read_filter(self, event: Input.Submitted) -> None:
        try:
            found = parse_filter(event.value, self.streams(), self.KINDS)
        except UsageError as error:
            self.notify(error_text(error), severity="warning", markup=False)
            return
        self._close_filter()
        self.apply(found)

    @on(ChipLine.Chosen)
    def _choose_state(self, event: ChipLine.Chosen) -> None:
        self.apply(replace(self.filter, kind=event.kind))

    @on(ListTable.Marked)
    def _mark(self, event: ListTable.Marked) -> None:
        """Select rows, or take them out where all of them are selected and that is meant."""
        self.selection = event.applied(self.selection, self.nouns)
        self.refresh_bindings()
        self.repaint()

    @on(DataTable.HeaderSelected)
    def _sort_by_heading(self, event: DataTable.HeaderSelected) -> None:
        column = str(event.column_key.value)
        if column not in self.SORTABLE:
            self.report(self._why_not_sorted(column))
        elif column == self.order_shown.column and self.BOTH_WAYS:
            self.action_reverse()
        elif column != self.order_shown.column:
            self.sort_by(column)

    def _why_not_sorted(self, column: str) -> str:
        names = {each.name: each.heading for each in self.COLUMNS}
        others = ", ".join(names.get(each, each) for each in self.SORTABLE)
        return f"this list can be sorted by {others}, not by {names.get(column, column)}: it can be very long"

    @on(Pane.Resized)
    def _fit(self) -> None:
        self.paint()

    @on(PageTable.Turned)
    def _turn(self, event: PageTable.Turned) -> None:
        if self.page is None:
            return  # the page that would be left has not come yet
        self.trail.turn(self.page, older=event.older)
        self.landing = Anchor.FIRST if event.older else Anchor.LAST
        self.strongroom.reread()

    @on(DataTable.RowHighlighted)
    def _offer(self) -> None:
        self.refresh_bindings()  # what can be done depends on the row
        self._follow()

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        table = event.data_table
        screen = self.opened(table.chosen) if isinstance(table, PageTable) and table.chosen else None
        if screen is not None:
            self.app.push_screen(screen)

    def _close_filter(self) -> None:
        self._filter_line.close()
        self.pane.table.focus()
        self.refresh_bindings()

    def _refresh_keys(self) -> None:
        """Redraw the footer only where a key came or went: it is built from scratch each time."""
        keys = frozenset(each.binding.action for each in self.active_bindings.values() if each.enabled)
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()
