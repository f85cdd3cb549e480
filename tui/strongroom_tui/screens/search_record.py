"""One record that a search found, in full, over the hits. It closes when the identity is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker

from strongroom.engine.access.hits import Found
from strongroom.model.errors import StrongroomError
from strongroom_tui.screens.detail import ArchiveScreen
from strongroom_tui.screens.screen import TextPane
from strongroom_tui.screens.search_actions import SearchActions, SearchState
from strongroom_tui.screens.search_text import record_text
from strongroom_tui.search_run import RecordQuestion
from strongroom_tui.widgets.text import error_text


class RecordScreen(SearchActions):
    """A record with every field, and its mark in the case."""

    UNLOCKED: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", tooltip="Back to the hits"),
        Binding("a", "archive", "archive", tooltip="Go to the archive that has this record"),
    ]

    def __init__(self, searched: SearchState, found: Found) -> None:
        super().__init__()
        self.searched = searched
        self._found = found
        self._opened: Found | None = None
        self._forgotten = False
        self._heeded: Callable[[], None] = lambda: None

    def contents(self) -> ComposeResult:
        """Yield the record, once it was read."""
        yield TextPane(Text("reading …"))

    def on_mount(self) -> None:
        """Read it."""
        self._heeded = self.strongroom.keyring.heed(self._forget)
        self.query_one(TextPane).focus()
        _worker: Worker[None] = self.run_worker(self._read, group="record")

    def on_unmount(self) -> None:
        """Forget it."""
        self._heeded()
        self._opened = None

    def on_screen_resume(self) -> None:
        """Leave, where the identity was forgotten while another tab was looked at."""
        super().on_screen_resume()
        if self._forgotten and self.is_current:
            self.dismiss()

    @property
    def chosen(self) -> Found | None:
        """Return the hit that is shown."""
        return self._found

    def paint(self) -> None:
        """Show the record with its mark."""
        if self._opened is not None:
            self.query_one(TextPane).show(record_text(self._opened, self.searched.markup))

    def action_back(self) -> None:
        """Leave."""
        self.dismiss()

    def action_archive(self) -> None:
        """Open the archive of the record."""
        self.app.push_screen(ArchiveScreen(self._found.hit.archive.id))

    async def _read(self) -> None:
        question = RecordQuestion(self._found, self.strongroom.keyring.take)
        try:
            opened = await self.searched.threads.do(question.ask)
        except StrongroomError as error:
            self.query_one(TextPane).show(Text(error_text(error), "bold red"))
            return
        if not self._forgotten:
            self._opened = opened
            self.repaint()

    def _forget(self) -> None:
        self._forgotten, self._opened = True, None
        for pane in self.query(TextPane):
            pane.show(Text())
