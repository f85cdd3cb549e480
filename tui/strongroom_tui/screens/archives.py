"""The archives: what the vault holds, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.queries import lists as readings
from strongroom.engine.retention.verdicts import held_among
from strongroom.model.archive import Archive, Holding, Sort
from strongroom.model.retention import Fate
from strongroom.text.states import FATES, verification
from strongroom.text.times import local, local_minute, window_words
from strongroom.text.units import brief, number, size, span
from strongroom_tui.dialogs.dialog import Choose
from strongroom_tui.dialogs.package import make_package
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.archive_actions import ArchiveActions
from strongroom_tui.screens.detail import ArchiveScreen
from strongroom_tui.screens.list_screen import PAGE, ListTab, Page, page_of, total_of
from strongroom_tui.screens.steps import ask, perform, steps
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.table import (
    Columns,
    Layouts,
    TableColumn,
    TableRow,
    table_row,
)

SHORT = 8  # characters of an id, its end: they differ even between ids of one second
_ONE, _ALL = "This archive", "All that the filter shows"

_EMPTY = "No archives yet: one appears here when an export was downloaded, sealed and read back."

MOST = 1_000
"""Archives that are handed over at once from here."""


_FOUND = TableColumn("found", 13, "state")
_HOLD = TableColumn("hold", 6)
_RECORDS, _SIZE = TableColumn("records", 11, right=True), TableColumn("size", 9, right=True)
_DAY = TableColumn("window", 11)
_STORED = TableColumn("stored_short", 14, "stored")
_ID = TableColumn("id", 9, "archive")
ARCHIVE_COLUMNS: Layouts = (
    (
        *(_FOUND, _HOLD, TableColumn("stream", 16, grows=True), TableColumn("window", 24), _RECORDS, _SIZE),
        *(TableColumn("stored", 25), TableColumn("after", 9), _ID),
    ),
    (
        *(_FOUND, _HOLD, TableColumn("stream", 12, grows=True), TableColumn("window", 24), _RECORDS, _SIZE),
        *(_STORED, TableColumn("after", 8), _ID),
    ),
    (
        *(_FOUND, TableColumn("stream", 8, grows=True), _DAY),
        *(TableColumn("records", 9, right=True), TableColumn("size", 8, right=True)),
        *(_STORED, TableColumn("after_short", 5, "after")),
    ),
    (_FOUND, TableColumn("stream", 10, grows=True), _DAY, _STORED),
    (_FOUND, TableColumn("stream", 8, grows=True), _DAY),
)


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
            holding=_CODES.get(self.filter.kind, ""),
            sort=self.sort,
            period=self.filter.period,
            before=self.before,
            most=most,
        )


_CODES = {each.words: each.value for each in Holding}
"""How the catalogue spells the states that a person reads."""


class ArchivesTab(ArchiveActions, ListTab[Archive]):
    """Archives, verified and quarantined."""

    MODE: ClassVar[str] = "archives"
    KINDS: ClassVar[tuple[str, ...]] = tuple(each.words for each in Holding)
    EMPTY = _EMPTY
    LAYOUTS = ARCHIVE_COLUMNS
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
            self.report("a period is listed by its windows; press Esc to clear the filter")
            return
        orders = list(Sort)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self.apply(self.filter)

    def page_question(self, wanted: Filter, before: Archive | None) -> ArchivesQuestion:
        """Ask for a page of archives."""
        return ArchivesQuestion(wanted, before, self.sort)

    def rows(self, page: Page[Archive], seen: Seen, columns: Columns) -> list[TableRow]:  # noqa: ARG002 - as declared
        """Lay archives out."""
        held = page.held if isinstance(page, ArchivePage) else frozenset[str]()
        names = page.names if isinstance(page, ArchivePage) else dict[str, str]()
        return [
            archive_row(each, columns, held=each.id in held, stream=names.get(each.stream, "")) for each in page.rows
        ]

    @property
    def heading(self) -> str:
        """Say what the archives are sorted by, where that is not when they were archived."""
        return "Archives" if self.sort is Sort.ARCHIVED else f"Archives by {self.sort}"

    def total(self, seen: Seen) -> int | None:
        """Return how many archives there are."""
        counts = {Holding(holding).words: totals.count for holding, totals in seen.status.archives.items()}
        return total_of(counts, self.filter)

    @property
    def archive(self) -> Archive | None:
        """Return the archive under the cursor."""
        return self.row

    @steps
    async def action_package_archive(self) -> None:
        """Package what is under the cursor; where a filter is set, ask whether all that it shows is meant."""
        archive = self.archive
        if archive is None:
            return
        words = f"The filter is: {self.filter}\nThe archive under the cursor is {archive.id}, of {archive.stream}."
        question = Choose("Evidence package: which archives?", words, (_ONE, _ALL))
        if self.filter == Filter() or await ask(self, question) == _ONE:
            await make_package(self, [archive])
        else:
            shown = self.page_question(self.filter, None)
            await self._package_all(await perform(self, lambda session: shown.read(session, MOST + 1)))

    async def _package_all(self, found: list[Archive]) -> None:
        if len(found) > MOST:
            self.report(f"the filter shows more than {number(MOST, 'archive')}: narrow it first", bad=True)
        else:
            await make_package(self, found)

    def opened(self, key: str) -> ArchiveScreen:
        """Show one archive."""
        return ArchiveScreen(key)


def archive_row(archive: Archive, columns: Columns, *, held: bool = False, stream: str = "") -> TableRow:
    """Return the row of one archive; `stream` is the present name of its stream, where that was renamed.

    One on hold is marked in words, or by the symbol where there is no column.
    """
    widths = {column.name: column.width for column in columns}
    later = archive.verified_at - archive.durable_at
    hold = FATES[Fate.HELD]
    beside = held and "hold" not in widths
    found = mark_text(verification(archive), widths["found"] - 2 * beside)
    cells = {
        "found": found.append(f" {hold.symbol}", hold.style) if beside else found,
        "hold": Text(f"{hold.symbol} hold", hold.style) if held else "",
        "id": f"…{archive.id[-SHORT:]}",
        "stream": stream or archive.stream,
        "window": window_words(archive.spec.window, widths.get("window", 0)),
        "records": number(archive.inspection.records),
        "size": size(archive.seal.size),
        "stored": local(archive.durable_at),
        "stored_short": local_minute(archive.durable_at),
        "after": f"+{span(later)}",
        "after_short": f"+{brief(later)}",
    }
    return table_row(archive.id, cells, columns)
