"""How long everything is kept and why: a verdict for each archive, now or at any date; holds and plans behind keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from msgspec import Struct, field
from rich.text import Text
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
from strongroom.model.retention import Fate, Verdict
from strongroom.text.layout import clip, first_that_fits
from strongroom.text.sentences import reason_beside_date
from strongroom.text.states import FATES
from strongroom.text.times import window_words
from strongroom.text.units import number
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.detail import ArchiveDetail, ArchiveQuestion, ArchiveScreen
from strongroom_tui.screens.holds import (
    HoldsScreen,
)
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.pages import PAGE, Page
from strongroom_tui.screens.plans import PlansScreen
from strongroom_tui.screens.preview_text import archive_preview
from strongroom_tui.screens.selected import ARCHIVE_BULK, SelectedArchives
from strongroom_tui.screens.steps import ask, steps
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.table import (
    Columns,
    TableColumn,
    TableRow,
    table_row,
)

VERDICT_COLUMNS: Columns = (
    TableColumn("verdict", 11),
    TableColumn("until", 11, rank=1, wide=12),
    TableColumn("stream", 13, least=8, wide=22),
    TableColumn("window", 11, wide=24),
    TableColumn("why", 20, grows=True, rank=2),
    TableColumn("id", 9, "archive", rank=3),
)


class Verdicts(Page[Judged], frozen=True):
    """A page of verdicts, and the totals."""

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


class RetentionTab(SelectedArchives, ListTab[Judged]):
    """Verdicts."""

    MODE: ClassVar[str] = "retention"
    HEADING = "Verdicts"
    EMPTY = "No archive has a retention period that ends. An archive whose rule cannot be read is kept forever."
    COLUMNS = VERDICT_COLUMNS
    NOUN = "archive"
    BULK = ARCHIVE_BULK
    SORTABLE: ClassVar[tuple[str, ...]] = ("until",)
    UPWARD = frozenset({"until"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "date", "at a date", tooltip="Show the verdicts as of another date"),
        Binding("l", "holds", "holds", tooltip="The legal holds, by matter"),
        Binding("u", "plans", "plans", tooltip="Plans of destruction: approve, undo"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._at: datetime | None = None

    def above(self) -> ComposeResult:
        """Yield the totals."""
        yield Static(id="totals", markup=False)

    def peek(self, noun: Judged) -> ArchiveQuestion:
        """Ask for all about the archive."""
        return ArchiveQuestion(noun.record.id, self._at)

    def preview(self, answer: object) -> Text:
        """Show an archive in short."""
        return archive_preview(answer) if isinstance(answer, ArchiveDetail) else Text()

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

    def row_of(self, noun: Judged, columns: Columns) -> TableRow:
        """Lay one verdict out."""
        return verdict_row(noun, columns)

    @property
    def selected_ids(self) -> tuple[str, ...]:
        """Return the ids of what is selected."""
        return tuple(self.selection)

    def amounts(self, nouns: Sequence[Judged]) -> list[str]:
        """Say how many archives, and how many of them are eligible for destruction."""
        over = sum(each.verdict.fate is Fate.DUE for each in nouns)
        return [number(len(nouns), "archive"), f"{number(over)} {Fate.DUE.words}"]

    @property
    def archive(self) -> Archive | None:
        """Return the archive under the cursor."""
        page = self.page
        archives = page.archives if isinstance(page, Verdicts) else ()
        return next((each for each in archives if each.id == self.chosen), None)

    def opened(self, key: str) -> ArchiveScreen:
        """Show the archive with its verdict."""
        return ArchiveScreen(key)

    def action_holds(self) -> None:
        """Show the holds."""
        self.app.push_screen(HoldsScreen())

    def action_plans(self) -> None:
        """Show the plans of destruction."""
        self.app.push_screen(PlansScreen())

    @steps
    async def action_date(self) -> None:
        """Ask for a date, and judge as of it."""

        def check(line: str) -> str:
            unread = line.strip() and read_day(line) is None
            return "that is not a date: write it as 2033-11-20, or leave it empty for today" if unread else ""

        words = "A date such as 2033-11-20; leave it empty for today. Holds count as they are today."
        value = f"{self._at:%Y-%m-%d}" if self._at else ""
        question = AskLine("Verdicts as of which date?", words, value=value, optional=True, check=check)
        self._at = read_day(await ask(self, question))
        self.apply(self.filter)


def totals_line(totals: RetentionTotals, archives: int, width: int, *, fixed: bool) -> Text:
    """Return the totals on one line."""
    when = f"as of {totals.at:%Y-%m-%d}" if fixed else "now"
    parts = [
        f"{when}: {number(totals.over)} of {number(archives, 'archive')} are past their retention period",
        f"{number(totals.holds, 'hold')} of {number(totals.matters, 'matter')}" if totals.holds else "no active hold",
        f"{number(totals.proposals, 'plan')} of destruction" if totals.proposals else "nothing is to be destroyed",
    ]
    most = parts if totals.proposals else parts[:-1]
    over = f"{when}: {number(totals.over)} of {number(archives, 'archive')} past retention"
    short = [over, number(totals.holds, "hold") if totals.holds else "no hold"]
    short += [number(totals.proposals, "plan")] if totals.proposals else []
    ways = [" · ".join(parts), " · ".join(most), " · ".join([over, *most[1:]]), " · ".join(short), over]
    return Text(clip(first_that_fits(ways, width), width))


def read_day(text: str) -> datetime | None:
    """Read a date as its first instant in UTC; None for none or one that cannot be read."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def verdict_row(judged: Judged, columns: Columns) -> TableRow:
    """Return the row of one archive's verdict."""
    widths = {column.name: column.width for column in columns}
    record, verdict = judged.record, judged.verdict
    cells = {
        "verdict": mark_text(FATES[verdict.fate], widths["verdict"]),
        "until": _until(verdict),
        "stream": record.stream,
        "window": window_words(record.window, widths.get("window", 0)),
        "id": f"…{record.id[-8:]}",
        "why": reason_beside_date(verdict),
    }
    return table_row(record.id, cells, columns)


def _until(verdict: Verdict) -> str:
    if verdict.fate is Fate.HELD:
        return "no end date"
    return f"{verdict.until:%Y-%m-%d}" if verdict.until else "no rule"
