"""Search: find records over the whole vault. Hits appear while the search goes on; nothing of it outlives the lock.

The query, the hits and the opened segments are in memory alone, and forgotten with the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import DataTable, Input, Static
from textual.worker import Worker

from strongroom.engine.access.hits import Found
from strongroom.engine.access.opened_segments import OpenedSegments
from strongroom.engine.core.identities import Identities
from strongroom.model.errors import StrongroomError
from strongroom.search.terms import Operator
from strongroom.text.layout import clip
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.screens.detail import ArchiveScreen
from strongroom_tui.screens.list_screen import PREVIEW_FROM
from strongroom_tui.screens.pages import PAGE
from strongroom_tui.screens.preview import Preview
from strongroom_tui.screens.screen import LEAST_WIDTH
from strongroom_tui.screens.search_actions import SearchActions, SearchState
from strongroom_tui.screens.search_record import RecordScreen
from strongroom_tui.screens.search_text import (
    COLUMNS,
    EMPTY,
    Markup,
    hit_row,
    progress_words,
    record_text,
    unread_words,
)
from strongroom_tui.screens.steps import steps
from strongroom_tui.search_run import RecordQuestion, SearchRun, SearchThreads, places_of
from strongroom_tui.widgets.list_table import MARK_WIDTH, ListTable, with_mark
from strongroom_tui.widgets.query_line import Known, QueryLine, query_note
from strongroom_tui.widgets.table import Anchor, Columns, PageTable, Pane, PaneContent, TableRow, fitted
from strongroom_tui.widgets.text import error_text

_TWO_LINES_FROM = 18  # lines of the terminal from which on there is room for two below the query

EVERY = 0.25  # seconds between two looks at a search that goes on


class SearchTab(SearchActions):
    """A line for the query over the hits, with one record beside them."""

    MODE: ClassVar[str] = "search"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as the base class declares it
        (0, "-thin"),
        (LEAST_WIDTH, "-broad"),
        (PREVIEW_FROM, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "query", "query", key_display="/", tooltip="Type what to search for"),
        Binding("escape", "back", "back", tooltip="Leave the query, stop the search, or clear what it found"),
        Binding("tab", "app.focus_next", "next pane", show=False, tooltip="Go to the query, the hits or the record"),
        Binding("a", "archive", "archive", tooltip="Go to the archive that has this record"),
    ]

    def __init__(self) -> None:
        super().__init__()
        threads = SearchThreads(lambda: self.strongroom.reader.config, self._now)
        self.searched = SearchState(threads)
        self._opened = OpenedSegments()
        self._heeded: Callable[[], None] = lambda: None
        self._first = 0  # the hits before the page that is shown
        self._landing = Anchor.KEEP
        self._painted: tuple[object, ...] = ()  # what the table shows
        self._wrong = False  # what was typed is no query
        self._selected: dict[str, Found] = {}

    def contents(self) -> ComposeResult:
        """Yield the query over the hits and the record."""
        yield QueryLine()
        yield Static(id="query-note", markup=False)
        with Horizontal(classes="list"):
            yield Pane(self.MODE, ListTable(self.MODE))
            yield Preview()

    def on_mount(self) -> None:
        """Begin in the list: the keys of the screen work there."""
        self._heeded = self.strongroom.keyring.heed(self._forget)
        self.set_interval(EVERY, self._follow)
        self.pane.table.focus()
        self.repaint()

    def on_unmount(self) -> None:
        """Forget everything, and let the threads end."""
        self._heeded()
        self._opened.forget()
        if self.searched.run is not None:
            self.searched.run.stop()
        self.searched.threads.close()

    @property
    def pane(self) -> Pane:
        """Return the list."""
        return self.query_one(f"#{self.MODE}", Pane)

    @property
    def line(self) -> QueryLine:
        """Return the line of the query."""
        return self.query_one(QueryLine)

    @property
    def chosen(self) -> Found | None:
        """Return the hit under the cursor."""
        return self.shown.get(self.pane.table.chosen)

    @property
    def meant(self) -> Sequence[Found]:
        """Return the hits that are selected, or else the one under the cursor."""
        return list(self._selected.values()) or super().meant

    def paint(self) -> None:
        """Show the page of hits, where anything of it changed."""
        run = self.searched.run
        self.searched.mark_up()
        self.line.known = self._known()
        self._say()
        found = run.found if run is not None else ()
        self._first = self._first if self._first < len(found) else 0
        columns = fitted(COLUMNS, self.pane.cells - MARK_WIDTH)
        picture = (run, found, self._first, columns, self.searched.markup, tuple(self._selected))
        if picture == self._painted:
            return
        self._painted = picture
        page = places_of(found[self._first : self._first + PAGE])
        self.shown = dict(page)
        view = PaneContent(
            "Hits",
            [self._row(key, each, columns) for key, each in page.items()],
            columns,
            self._first,
            len(found),
            self._first + PAGE < len(found),
            "",
            EMPTY if run is None else "No record matches." if run.done else "No hit yet.",
            f"case: {self.searched.case.name}" if self.searched.case is not None else "",
        )
        self.pane.show(view, self._landing)
        self._landing = Anchor.KEEP
        self._show_record()
        self.refresh_bindings()

    def _row(self, key: str, found: Found, columns: Columns) -> TableRow:
        return with_mark(hit_row(key, found, columns, self.searched.markup), marked=key in self._selected)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys that would do nothing now."""
        match action:
            case "query":
                return not self.line.has_focus
            case "back":
                return self.line.has_focus or self.searched.run is not None
            case "archive":
                return self.chosen is not None
            case _:
                return super().check_action(action, parameters)

    def action_query(self) -> None:
        """Go to the query."""
        self.line.focus()

    def action_back(self) -> None:
        """Stop the search; or leave the query; or take back what is selected; or take away what was found."""
        if self.searched.run is not None and not self.searched.run.done:
            self.searched.run.stop()
        elif self.line.has_focus:
            self.pane.table.focus()
        elif self._selected:
            self._selected = {}
            self.repaint()
        else:
            self._clear()

    def action_archive(self) -> None:
        """Open the archive of the hit."""
        if self.chosen is not None:
            self.app.push_screen(ArchiveScreen(self.chosen.hit.archive.id))

    @steps
    async def _search(self, text: str) -> None:
        """Unlock, then search beside the screen; what was searched before ends."""
        identities = await unlocked(self)
        if self.searched.run is not None:
            self.searched.run.stop()
        self.searched.run = run = SearchRun(text, identities, self._opened)
        self._first, self._landing, self._selected = 0, Anchor.FIRST, {}
        self.pane.table.focus()
        self.repaint()
        _worker: Worker[None] = self.run_worker(partial(self._finish, run), group="search")

    async def _finish(self, run: SearchRun) -> None:
        try:
            await self.searched.threads.search(run)
        except (StrongroomError, OSError) as error:
            run.done = True
            if run is self.searched.run:
                self._clear()
                self._note(error_text(error) if isinstance(error, StrongroomError) else str(error), wrong=True)
                self.line.focus()
            return
        for words in self.searched.threads.new_notes():
            self.strongroom.keep_result(words)
            self.notify(words, severity="warning", markup=False)
        if run is self.searched.run:
            for words in unread_words(run):
                self.strongroom.keep_result(words, bad=True)
            self.repaint()
            self.refresh_bindings()

    def _now(self) -> datetime:
        return self.strongroom.clock()

    def _follow(self) -> None:
        """Show what a search that goes on has found by now."""
        if self.searched.run is not None and not self.searched.run.done:
            self.paint()

    def _show_record(self) -> None:
        preview, found = next(iter(self.query(Preview)), None), self.chosen
        if preview is None or not preview.display:
            return
        preview.title("Record" if found is not None else "")
        if found is None:
            preview.show_now(Text())
        else:
            question, markup = RecordQuestion(found, self.opened_identities), self.searched.markup
            preview.follow(
                self.searched.threads, question, hash(tuple(markup.marked.items())), partial(_lay, markup=markup)
            )

    def opened_identities(self) -> Identities:
        """Return the identities that are open, if any."""
        return self.strongroom.keyring.take() if self.strongroom.keyring.open else []

    def _say(self) -> None:
        """Say beside the query what is wrong with it, or how far the search came."""
        if self.searched.run is not None and not self.line.has_focus:
            self._note(progress_words(self.searched.run))
        elif not self.line.has_focus and not self._wrong:
            self._note("")

    def _note(self, words: str, *, wrong: bool = False) -> None:
        self._wrong = wrong
        note = self.query_one("#query-note", Static)
        style = "bold red" if wrong else "dim"
        lines = 2 if self.size.height >= _TWO_LINES_FROM else 1
        note.update(Text(clip(words.replace("\n", " · "), lines * max(1, self.size.width - 3)), style))

    def _known(self) -> Known:
        config, last = self.strongroom.reader.config, self._last
        streams = {each.name for each in config.streams} | set(last.status.coverage if last is not None else ())
        return {Operator.STREAM: sorted(streams), Operator.SOURCE: sorted(each.name for each in config.sources)}

    def _clear(self) -> None:
        """Take away what was found; the opened segments stay."""
        if self.searched.run is not None:
            self.searched.run.stop()
        self.searched.run, self._first, self._selected = None, 0, {}
        self.repaint()
        self.refresh_bindings()

    def _forget(self) -> None:
        """Forget the query, what it found, and the opened segments, with the identity."""
        self._opened.forget()
        self.searched.case = None
        self.line.value = ""
        self._clear()

    @on(Input.Submitted, "#query")
    def _begin(self, event: Input.Submitted) -> None:
        words, wrong = query_note(event.value)
        if wrong or not event.value.strip():
            self._note(words or "type a word, or an operator such as from:", wrong=True)
        else:
            self._search(event.value)

    @on(Input.Changed, "#query")
    def _judge(self, event: Input.Changed) -> None:
        words, wrong = query_note(event.value)
        self._note(words, wrong=wrong)

    @on(PageTable.Turned)
    def _turn(self, event: PageTable.Turned) -> None:
        self._first = max(0, self._first + (PAGE if event.older else -PAGE))
        self._landing = Anchor.FIRST if event.older else Anchor.LAST
        self.paint()

    @on(ListTable.Marked)
    def _select(self, event: ListTable.Marked) -> None:
        """Select hits, or take them out where all of them are selected and that is meant."""
        self._selected = event.applied(self._selected, self.shown)
        self.repaint()

    @on(Pane.Resized)
    def _fit(self) -> None:
        self.paint()

    @on(DataTable.RowHighlighted)
    def _look(self) -> None:
        if self.strongroom.keyring.open:
            self.strongroom.keyring.touch()
        self.refresh_bindings()
        self._show_record()

    @on(DataTable.RowSelected)
    def _open(self) -> None:
        if self.chosen is not None:
            self.app.push_screen(RecordScreen(self.searched, self.chosen))


def _lay(answer: object, markup: Markup) -> Text:
    return record_text(answer, markup) if isinstance(answer, Found) else Text()
