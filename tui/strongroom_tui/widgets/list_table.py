"""The table of a list: its rows can be selected, each with a sign before it that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from strongroom_tui.widgets.table import Anchor, Columns, PageTable, TableColumn, TableRow

_Noun = TypeVar("_Noun")

MARK_WIDTH = 2
"""Cells before each row of a list: whether it is selected, and a gap."""

_MARK = TableColumn("selected", 1, "")


def with_mark(row: TableRow, *, marked: bool) -> TableRow:
    """Return a row with the sign before it that says whether it is selected."""
    return TableRow(row.key, (Text("●" if marked else " ", "bold"), *row.cells))


class ListTable(PageTable):
    """A table of which rows can be selected."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "select", show=False, tooltip="Select this row, or take it out"),
        Binding("shift+down,J", "mark_down", "select down", show=False, tooltip="Select this row and the next"),
        Binding("shift+up,K", "mark_up", "select up", show=False, tooltip="Select this row and the one above"),
        Binding("asterisk", "mark_page", "select page", show=False, tooltip="Select all rows of this page, or none"),
    ]

    class Marked(Message):
        """A person selects rows; with `toggle`, rows that are all selected are taken out."""

        def __init__(self, keys: tuple[str, ...], *, toggle: bool) -> None:
            super().__init__()
            self.keys = keys
            self.toggle = toggle

        def applied(self, selected: Mapping[str, _Noun], shown: Mapping[str, _Noun]) -> dict[str, _Noun]:
            """Return what is selected then, by key, of what is `shown`."""
            keys = [key for key in self.keys if key in shown]
            if self.toggle and all(key in selected for key in keys):
                return {key: noun for key, noun in selected.items() if key not in keys}
            return {**selected, **{key: shown[key] for key in keys}}

    def show_rows(self, rows: list[TableRow], columns: Columns, anchor: Anchor = Anchor.KEEP) -> None:
        """Show these rows, which begin with the sign that says whether they are selected."""
        super().show_rows(rows, (_MARK, *columns), anchor)

    def action_mark(self) -> None:
        """Select the row or take it out, and go on to the next."""
        if self.chosen:
            self.post_message(self.Marked((self.chosen,), toggle=True))
            self._step(1)

    def action_mark_down(self) -> None:
        """Select this row and the next."""
        self._extend(1)

    def action_mark_up(self) -> None:
        """Select this row and the one above."""
        self._extend(-1)

    def action_mark_page(self) -> None:
        """Select all rows of the page, or none."""
        self.post_message(self.Marked(self.keys, toggle=True))

    def on_click(self, event: events.Click) -> None:
        """Select the row whose sign was clicked, or all rows up to it with the shift key."""
        row = event.style.meta.get("row", -1)
        if not 0 <= row < self.row_count or not (event.x < MARK_WIDTH or event.shift or event.ctrl):
            return
        event.prevent_default()
        event.stop()
        first, last = sorted((self.cursor_row, row)) if event.shift else (row, row)
        self.post_message(self.Marked(self.keys[first : last + 1], toggle=not event.shift))
        self.move_cursor(row=row)

    def _extend(self, steps: int) -> None:
        before = self.chosen
        self._step(steps)
        if before:
            self.post_message(self.Marked((before, self.chosen), toggle=False))

    def _step(self, steps: int) -> None:
        self.move_cursor(row=min(max(0, self.cursor_row + steps), self.row_count - 1))
