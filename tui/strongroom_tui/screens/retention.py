"""How long everything is kept and why: a verdict for each archive, now or at any date; holds and plans behind keys."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from strongroom.engine.access.inventory import get_exactly
from strongroom.engine.queries import lists as readings
from strongroom.engine.retention.verdicts import (
    Judged,
    RetentionTotals,
    retention_totals,
    verdicts_by_end,
    with_present_names,
)
from strongroom.model.archive import Archive
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.archive_actions import ArchiveActions
from strongroom_tui.screens.detail import ArchiveScreen
from strongroom_tui.screens.holds import HoldsScreen
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.plans import PlansScreen
from strongroom_tui.screens.retention_text import read_day, totals_line
from strongroom_tui.widgets.columns import verdict_columns
from strongroom_tui.widgets.filter_line import Filter, FilterLine
from strongroom_tui.widgets.pane import Pane, PaneContent
from strongroom_tui.widgets.rows import verdict_row
from strongroom_tui.widgets.table import PAGE, Page


class Verdicts(Page[Judged], frozen=True):
    """A page of verdicts, and retention at a glance."""

    totals: RetentionTotals
    archives: tuple[Archive, ...]  # of the rows, as the acts need them


class VerdictsQuestion(Struct, frozen=True):
    """One page of verdicts as of an instant, those first whose period is over first. None means now."""

    at: datetime | None = None
    filter: Filter = field(default_factory=Filter)
    before: Judged | None = None

    def ask(self, session: VaultSession) -> Verdicts:
        """Judge the page."""
        at = self.at or session.clock()
        before = self.before.record if self.before else None
        page = verdicts_by_end(session.vault, at, stream=self.filter.stream, before=before, most=PAGE + 1)
        names = readings.present_names(session.vault)
        found = with_present_names(page, names)
        shown = found[:PAGE]
        archives = [get_exactly(session.vault, each.record.id) for each in shown]
        last = found[PAGE - 1] if len(found) > PAGE else None
        return Verdicts(tuple(shown), last, retention_totals(session.vault, at), tuple(filter(None, archives)))


class RetentionTab(ArchiveActions, ListTab[Judged]):
    """Verdicts."""

    MODE: ClassVar[str] = "retention"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "date", "at a date", tooltip="Judge everything as of another date"),
        Binding("l", "holds", "holds", tooltip="The legal holds, by matter"),
        Binding("u", "plans", "plans", tooltip="Plans of destruction: approve, undo"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._at: datetime | None = None

    def contents(self) -> ComposeResult:
        """Yield retention at a glance, then the verdicts."""
        yield Static(id="totals", markup=False)
        yield Pane(self.MODE)
        yield FilterLine()

    def page_question(self, wanted: Filter, before: Judged | None) -> VerdictsQuestion:
        """Ask for a page of verdicts."""
        return VerdictsQuestion(self._at, wanted, before)

    def paint(self) -> None:
        """Show the totals and the page."""
        page, seen = self.page, self.seen
        if isinstance(page, Verdicts) and seen is not None:
            count = sum(each.count for each in seen.status.archives.values())
            words = totals_line(page.totals, count, max(0, self.size.width - 2), fixed=self._at is not None)
            self.query_one("#totals", Static).update(words)
        super().paint()

    def view(self, page: Page[Judged], seen: Seen, width: int) -> PaneContent:  # noqa: ARG002 - the status has nothing to add
        """Lay verdicts out."""
        columns = verdict_columns(width)
        return PaneContent(
            title="Verdicts",
            rows=[verdict_row(each, columns) for each in page.rows],
            columns=columns,
            offset=self.trail.offset,
            total=None,
            more=page.last is not None,
            filter=str(self.filter),
            empty="No archive has a period that ends. One without a rule that can be read is kept for ever.",
        )

    @property
    def archive(self) -> Archive | None:
        """Return the archive under the cursor."""
        page = self.page
        archives = page.archives if isinstance(page, Verdicts) else ()
        return next((each for each in archives if each.id == self.chosen), None)

    def opened(self, key: str) -> ArchiveScreen:
        """Tell the archive with its verdict."""
        return ArchiveScreen(key)

    def action_holds(self) -> None:
        """Show the holds."""
        self.app.push_screen(HoldsScreen())

    def action_plans(self) -> None:
        """Show the plans of destruction."""
        self.app.push_screen(PlansScreen())

    def action_date(self) -> None:
        """Ask for a date, and judge as of it."""

        def chosen(answer: str | None) -> None:
            if answer is not None:
                self._at = read_day(answer)
                self.apply(self.filter)

        def check(line: str) -> str:
            unread = line.strip() and read_day(line) is None
            return "that is no date: write it as 2033-11-20, or nothing for now" if unread else ""

        words = "A date such as 2033-11-20, or nothing for now. Holds count as they stand today."
        value = f"{self._at:%Y-%m-%d}" if self._at else ""
        ask = AskLine("Judge as of which date?", words, value=value, optional=True, check=check)
        self.app.push_screen(ask, chosen)
