"""The records inside an archive, read from the sealed file and shown, never written. Locked again after idleness.

Everything here comes from outside: it is shown as plain text with control characters removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import DataTable, Input
from textual.worker import Worker

from strongroom.engine.access.browse import Browser, RecordPage, in_words
from strongroom.engine.copies.reading import open_with_copies
from strongroom.engine.core.identities import Identities
from strongroom.model.archive import Archive
from strongroom.model.errors import Interrupted, StrongroomError
from strongroom.model.text import clean
from strongroom.text.layout import clip
from strongroom.text.times import window_words
from strongroom.text.units import number
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.screens.pages import PAGE
from strongroom_tui.screens.record_columns import record_columns, record_row
from strongroom_tui.screens.screen import TabScreen, TextPane
from strongroom_tui.screens.steps import ask, steps
from strongroom_tui.widgets.filter_line import FilterLine
from strongroom_tui.widgets.table import Anchor, PageTable, Pane, PaneContent

_LONGEST = 20_000  # letters of one field that are shown
_END = 10**12  # a place past every record
_DIGITS = 13  # a number this long is past every record, too
_HINT = "text to find in any field of the records"


class BrowseScreen(TabScreen):
    """A table of records beside one of them in full."""

    UNLOCKED: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", tooltip="Close the search, or the archive"),
        Binding("slash", "search", "search", key_display="/", tooltip="Show the records that contain some text"),
        Binding("colon", "jump", "jump", key_display=":", tooltip="Go to a record by its number"),
        Binding("b", "dataset", "dataset", tooltip="The next dataset of this archive"),
        Binding("tab", "app.focus_next", "pane", tooltip="Go to the record, or back to the table"),
        Binding("L", "lock", "lock", tooltip="Forget the identity and leave"),
    ]

    def __init__(self, archive: Archive, identities: Identities) -> None:
        super().__init__()
        self._archive = archive
        self._identities = identities
        self._browser: Browser | None = None
        self._opened = ExitStack()  # the vault of the browser
        self._notes: dict[str, bool] = {}  # what was read from a copy, and whether it was shown
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browse")
        self._shelf: RecordPage | None = None
        self._wanted = ""
        self._dataset = ""
        self._passed = 0
        self._asked = 0  # which reading is wanted: the last one that was asked for
        self._doing = 0  # which one is being done; only the thread that reads changes it
        self._busy = False
        self._forgotten = False
        self._heeded: Callable[[], None] = lambda: None  # takes back that the keyring has it forget
        self._hits: int | None = None  # records that hold what is looked for, None until all have been read
        self._anchor = Anchor.FIRST  # where the cursor goes with the next page

    def contents(self) -> ComposeResult:
        """Put the table beside the record."""
        with Horizontal(id="browser"):
            yield Pane("records")
            yield TextPane(Text("reading …"))
        yield FilterLine(_HINT)

    def on_mount(self) -> None:
        """Begin with the first page."""
        self._heeded = self.strongroom.keyring.heed(self._forget)
        self.query_one("#records", Pane).table.focus()
        self._read(0)

    def on_unmount(self) -> None:
        """Forget the records, the key and the identities."""
        self._heeded()
        self._forget()
        self._thread.shutdown(wait=False)

    def on_screen_resume(self) -> None:
        """Leave, where the identity was forgotten while another tab was looked at."""
        if self._forgotten and self.is_current:
            self.dismiss()

    def paint(self) -> None:
        """Show the page."""
        shelf, pane = self._shelf, self.query_one("#records", Pane)
        words = f"{window_words(self._archive.spec.window, 30)}"
        if self._busy:
            pane.border_title = clip(f" reading …  {number(self._passed, 'record')} ", max(0, self.size.width - 6))
        if shelf is None or self._browser is None:
            return
        shape = self._browser.shape
        columns = record_columns(shape, shelf.records, pane.cells)
        view = PaneContent(
            title=f"{shape.name}  {words}",
            rows=[
                record_row(place, record, shape, columns)
                for place, record in zip(shelf.places, shelf.records, strict=True)
            ],
            columns=columns,
            offset=shelf.first,
            total=self._hits if self._wanted else self._total(),
            more=shelf.more,
            filter=self._wanted,
            empty="This dataset holds no record.",
        )
        pane.show(view, self._anchor)
        self._anchor = Anchor.KEEP
        self._show_record()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys that would do nothing now."""
        if action == "dataset":
            return self._browser is not None and len(self._browser.datasets) > 1
        if action == "search":
            return not any(line.display for line in self.query(FilterLine))
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Close the search, take it away, or leave."""
        if self.query_one(FilterLine).display:
            self._close_line()
        elif self._wanted:
            self._wanted, self._hits = "", None
            self._read(0)
        else:
            self.dismiss()

    def action_search(self) -> None:
        """Open the line for what is looked for."""
        self.query_one(FilterLine).open(self._wanted, [])

    @steps
    async def action_jump(self) -> None:
        """Ask for a number and go there."""
        last = self._hits if self._wanted else self._total()
        upto = f"to {number(last)}" if last else "on"
        words = f"Its number in the list, from 1 {upto}."
        check = partial(wrong_place, last=last)
        place = await ask(self, AskLine("Go to which record?", words, check=check))
        self._read(int(place) - 1)

    def action_dataset(self) -> None:
        """Go to the next dataset."""
        if self._browser is not None:
            names = self._browser.datasets
            self._dataset = names[(names.index(self._browser.shape.name) + 1) % len(names)]
            self._browser, self._wanted, self._hits = None, "", None
            self._read(0)

    def action_lock(self) -> None:
        """Forget the identity and leave."""
        self.strongroom.action_lock()

    @on(Input.Submitted)
    def _search(self, event: Input.Submitted) -> None:
        self._wanted, self._hits = event.value.strip(), None
        self._close_line()
        self._read(0)

    @on(PageTable.Turned)
    def _turn(self, event: PageTable.Turned) -> None:
        if self._shelf is not None and not self._busy:
            page = max(0, self._shelf.first + (PAGE if event.older else -PAGE))
            self._read(page, Anchor.FIRST if event.older else Anchor.LAST)

    @on(DataTable.RowHighlighted)
    def _show_record(self) -> None:
        self.strongroom.keyring.touch()
        table, shelf = self.query_one(PageTable), self._shelf
        chosen = table.chosen
        record = dict(zip(map(str, shelf.places), shelf.records, strict=True)).get(chosen) if shelf else None
        self.query_one(TextPane).show(in_full(record) if record is not None else Text())

    def _close_line(self) -> None:
        self.query_one(FilterLine).close()
        self.query_one(PageTable).focus()

    def _total(self) -> int | None:
        name = self._browser.shape.name if self._browser else ""
        return next((each.records for each in self._archive.inspection.members if each.dataset == name), None)

    def _read(self, first: int, anchor: Anchor = Anchor.FIRST) -> None:
        """Read a page on the thread of this screen; what was asked before is given up."""
        self._asked, self._anchor = self._asked + 1, anchor
        asked = self._asked
        self.strongroom.keyring.touch()

        async def work() -> None:
            loop = asyncio.get_running_loop()
            self._busy, self._passed = True, 0
            try:
                shelf = await loop.run_in_executor(self._thread, self._page, asked, first, self._wanted)
            except Interrupted:
                return
            except (StrongroomError, OSError) as error:
                self.report(str(error), bad=True)
                return
            finally:
                self._busy = False
            self._show_notes()
            if asked != self._asked:
                return  # another page was asked for, or the identity was forgotten
            if not shelf.records and first:
                self.report("there is no such record")
                return
            self._shelf = shelf
            self._hits = self._hits if shelf.more else shelf.first + len(shelf.records)
            self.repaint()
            self.refresh_bindings()
            if self._wanted and self._hits is None:
                await self._count_hits(asked)

        _worker: Worker[None] = self.run_worker(work, group="browse", exclusive=True)

    async def _count_hits(self, asked: int) -> None:
        """Count what fits beyond the page that is shown; another page that is asked for comes first."""
        loop = asyncio.get_running_loop()
        try:
            self._hits = await loop.run_in_executor(self._thread, self._tally, asked, self._wanted)
        except (Interrupted, StrongroomError, OSError):
            return  # the page stands there; how many more there are is not known
        self.repaint()

    def _tally(self, asked: int, wanted: str) -> int:
        self._doing = asked
        with (
            open_with_copies(self.strongroom.reader.config, self._note) as vault,
            Browser(vault, self._archive, self._identities, self._dataset) as counting,
        ):
            return counting.read(_END, 0, wanted, self._count).first

    def _page(self, asked: int, first: int, wanted: str) -> RecordPage:
        self._doing = asked
        if self._browser is None:
            self._opened.close()
            with ExitStack() as opening:
                vault = opening.enter_context(open_with_copies(self.strongroom.reader.config, self._note))
                self._browser = Browser(vault, self._archive, self._identities, self._dataset)
                self._opened = opening.pop_all()
        return self._browser.read(first, PAGE, wanted, self._count)

    def _note(self, words: str) -> None:
        self._notes.setdefault(words, False)

    def _show_notes(self) -> None:
        """Say once what was read from a copy."""
        for words in [each for each, shown in self._notes.items() if not shown]:
            self._notes[words] = True
            self.notify(words, severity="warning", markup=False)

    def _count(self, count: int) -> None:
        if self._doing != self._asked:
            raise Interrupted("another page was asked for")
        self._passed += count

    def _forget(self) -> None:
        self._asked, self._forgotten = self._asked + 1, True
        self._shelf, self._identities = None, []
        self._thread.submit(self._close)

    def _close(self) -> None:
        if self._browser is not None:
            self._browser.__exit__(None, None, None)
            self._browser = None
        self._opened.close()


def wrong_place(line: str, last: int | None) -> str:
    """Say what is wrong with a record's number, or nothing; `last` is the highest there is, where that is known."""
    words = line.strip()
    if not (words.isascii() and words.isdigit() and len(words) < _DIGITS and int(words) > 0):
        return "a record number is a whole number from 1 on"
    return f"there are {number(last, 'record')} in this list" if last and int(words) > last else ""


def in_full(record: dict[str, Any]) -> Text:
    """Return a record with every field on lines of its own, and nothing in it that is not shown as what it is."""
    text = Text()
    for name, value in record.items():
        words = in_words(value, lines=True)
        text.append(f"{clean(str(name))[:200]}\n", "bold")
        lines = words[:_LONGEST].replace("\r\n", "\n").split("\n")
        text.append("\n".join(f"  {clean(line, _LONGEST)}" for line in lines))
        text.append("\n  … more is not shown here\n" if len(words) > _LONGEST else "\n")
    return text
