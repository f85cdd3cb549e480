"""The archives: what the vault holds, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct, field
from textual.binding import Binding, BindingType

from strongroom.engine.queries import lists as readings
from strongroom.engine.retention.verdicts import held_among
from strongroom.model.archive import Archive, Holding, Sort
from strongroom_tui.dialogs.dialog import Choose
from strongroom_tui.dialogs.package_dialog import ask_on
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.archive_actions import ArchiveActions
from strongroom_tui.screens.detail import ArchiveScreen
from strongroom_tui.screens.list_screen import ListTab, total_of
from strongroom_tui.widgets.amounts import number
from strongroom_tui.widgets.columns import archive_columns
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.pane import PaneContent
from strongroom_tui.widgets.rows import archive_row
from strongroom_tui.widgets.table import PAGE, Page, page_of

_ONE, _ALL = "This archive", "All that the filter shows"
_EMPTY = "No archives yet: one appears here when an export was downloaded, sealed and read back."


MOST = 1_000
"""Archives that are handed over at once from here."""


class ArchivePage(Page[Archive], frozen=True):
    """A page of archives, which of them are on hold, and how the streams are called now that had other names."""

    held: frozenset[str]
    names: Mapping[str, str]


class ArchivesQuestion(Struct, frozen=True):
    """One page of archives."""

    filter: Filter = field(default_factory=Filter)
    before: Archive | None = None
    sort: Sort = Sort.ARCHIVED

    def ask(self, session: VaultSession) -> ArchivePage:
        """Read the page."""
        page = page_of(self.read(session, PAGE + 1))
        return ArchivePage(
            page.rows, page.last, held_among(session.vault, page.rows), readings.present_names(session.vault)
        )

    def read(self, session: VaultSession, most: int) -> list[Archive]:
        """Read at most so many archives."""
        return readings.list_archives(
            session.vault,
            stream=self.filter.stream,
            holding=_STORED.get(self.filter.kind, ""),
            sort=self.sort,
            period=self.filter.period,
            before=self.before,
            most=most,
        )


_STORED = {each.words: each.value for each in Holding}
"""How the catalogue spells the states that a person reads."""


class ArchivesTab(ArchiveActions, ListTab[Archive]):
    """Archives, sound and quarantined."""

    MODE: ClassVar[str] = "archives"
    KINDS: ClassVar[tuple[str, ...]] = tuple(each.words for each in Holding)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "sort", tooltip="Sort by when archived, by window, by size, by records"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sort = Sort.ARCHIVED

    @property
    def sort(self) -> Sort:
        """Return what the list is sorted by; a stretch of time is always listed by windows."""
        return Sort.WINDOW if self.filter.when else self._sort

    @property
    def order(self) -> str:
        """Return what a person chose to sort by."""
        return self._sort

    def sort_by(self, order: str) -> None:
        """Sort as somebody did before."""
        self._sort = Sort(order) if order in list(Sort) else Sort.ARCHIVED

    def action_sort(self) -> None:
        """Sort by the next thing."""
        if self.filter.when:
            self.tell("a stretch of time is listed by its windows; esc clears the filter")
            return
        orders = list(Sort)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self.apply(self.filter)

    def page_question(self, wanted: Filter, before: Archive | None) -> ArchivesQuestion:
        """Ask for a page of archives."""
        return ArchivesQuestion(wanted, before, self.sort)

    def view(self, page: Page[Archive], seen: Seen, width: int) -> PaneContent:
        """Lay archives out."""
        columns = archive_columns(width)
        held = page.held if isinstance(page, ArchivePage) else frozenset[str]()
        names = page.names if isinstance(page, ArchivePage) else dict[str, str]()
        counts = {Holding(holding).words: totals.count for holding, totals in seen.status.archives.items()}
        return PaneContent(
            title="Archives" if self.sort is Sort.ARCHIVED else f"Archives by {self.sort}",
            rows=[
                archive_row(each, columns, held=each.id in held, stream=names.get(each.stream, ""))
                for each in page.rows
            ],
            columns=columns,
            offset=self.trail.offset,
            total=total_of(counts, self.filter),
            more=page.last is not None,
            filter=str(self.filter),
            empty=_EMPTY,
        )

    @property
    def archive(self) -> Archive | None:
        """Return the archive under the cursor."""
        return next((each for each in (self.page.rows if self.page else ()) if each.id == self.chosen), None)

    def action_handover_archive(self) -> None:
        """Hand over what is under the cursor; where a filter stands, ask whether all that it shows is meant."""
        archive = self.archive
        if archive is None or self.filter == Filter():
            super().action_handover_archive()
            return

        def answered(answer: str | None) -> None:
            if answer == _ALL:
                question = self.page_question(self.filter, None)
                self.do(lambda session: question.read(session, MOST + 1), self._hand_over_all)
            elif answer is not None:
                ask_on(self, [archive])

        words = f"The filter is: {self.filter}\nThe archive under the cursor is {archive.id}, of {archive.stream}."
        self.app.push_screen(Choose("Hand over which archives?", words, (_ONE, _ALL)), answered)

    def _hand_over_all(self, found: list[Archive]) -> None:
        if len(found) > MOST:
            self.tell(f"the filter shows more than {number(MOST, 'archive')}: narrow it first", bad=True)
        else:
            ask_on(self, found)

    def opened(self, key: str) -> ArchiveScreen:
        """Tell what one archive is."""
        return ArchiveScreen(key)
