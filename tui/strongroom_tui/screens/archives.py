"""The archives: what the vault holds, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.queries import lists as readings
from strongroom.engine.retention.verdicts import held_among
from strongroom.model.archive import Archive, Holding, Sort
from strongroom.model.retention import Fate
from strongroom.text.states import FATES, verification
from strongroom.text.times import window_words
from strongroom.text.units import number, size, span
from strongroom_tui.dialogs.dialog import Choose
from strongroom_tui.dialogs.package import make_package
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.detail import ArchiveDetail, ArchiveQuestion, ArchiveScreen
from strongroom_tui.screens.list_base import state_chips, total_of
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.pages import PAGE, Order, Page, page_of
from strongroom_tui.screens.preview_text import archive_preview
from strongroom_tui.screens.selected import ARCHIVE_BULK, SelectedArchives
from strongroom_tui.screens.steps import ask, perform, steps
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.list_lines import Chip
from strongroom_tui.widgets.table import (
    Columns,
    TableColumn,
    TableRow,
    table_row,
)
from strongroom_tui.widgets.text import moment_words

SHORT = 8  # characters of an id, its end: they differ even between ids of one second
_ONE, _ALL = "This archive", "All that the filter shows"

_EMPTY = "No archives yet: one appears here when an export was downloaded, sealed and read back."

MOST = 1_000
"""Archives that are handed over at once from here."""


ARCHIVE_COLUMNS: Columns = (
    TableColumn("found", 13, "state"),
    TableColumn("hold", 6, rank=5),
    TableColumn("stream", 13, least=8, wide=22, grows=True),
    TableColumn("window", 11, wide=24),
    TableColumn("records", 9, right=True, rank=3, wide=11),
    TableColumn("size", 8, right=True, rank=2, wide=9),
    TableColumn("verified", 14, rank=1, wide=25),
    TableColumn("retention", 12, rank=4, wide=16),
    TableColumn("id", 9, "archive", rank=6),
    TableColumn("source", 10, rank=7),
    TableColumn("job", 9, rank=8),
    TableColumn("after", 8, "delay", rank=9),
)
"""`delay` is the time between storing and verifying."""


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


_SORTS: Mapping[str, Sort] = MappingProxyType(
    {"verified": Sort.ARCHIVED, "window": Sort.WINDOW, "size": Sort.SIZE, "records": Sort.RECORDS}
)
"""The columns that an index of the catalogue puts in order."""

_CODES = {each.words: each.value for each in Holding}
"""How the catalogue spells the states that a person reads."""


class ArchivesTab(SelectedArchives, ListTab[Archive]):
    """Archives, verified and quarantined."""

    MODE: ClassVar[str] = "archives"
    KINDS: ClassVar[tuple[str, ...]] = tuple(each.words for each in Holding)
    EMPTY = _EMPTY
    COLUMNS = ARCHIVE_COLUMNS
    NOUN = "archive"
    BULK = ARCHIVE_BULK
    SORTABLE: ClassVar[tuple[str, ...]] = tuple(_SORTS)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,greater_than_sign", "sort", "sort", tooltip="Sort by when archived, by window, by size, by records"),
    ]

    @property
    def sort(self) -> Sort:
        """Return what the list is sorted by; a stretch of time is always listed by windows."""
        return Sort.WINDOW if self.filter.when else _SORTS[self.sorting.column]

    @property
    def order_shown(self) -> Order:
        """Return the order that the list is shown in."""
        return Order("window") if self.filter.when else self.sorting

    def sort_by(self, column: str, *, upward: bool | None = None) -> None:
        """Sort by a column, where no stretch of time is shown."""
        if self.filter.when:
            self.report("a period is listed by its windows; press Esc to clear the filter")
        else:
            super().sort_by(column, upward=upward)

    def peek(self, noun: Archive) -> ArchiveQuestion:
        """Ask for all about one archive."""
        return ArchiveQuestion(noun.id)

    def preview(self, answer: object) -> Text:
        """Show an archive in short."""
        return archive_preview(answer) if isinstance(answer, ArchiveDetail) else Text()

    def amounts(self, nouns: Sequence[Archive]) -> list[str]:
        """Say how many archives, records and bytes."""
        return archive_amounts(nouns)

    def chips(self, seen: Seen) -> list[Chip]:
        """Return how many archives are verified and quarantined."""
        return state_chips(self.KINDS, _counts(seen), self.filter)

    def amount(self, seen: Seen) -> str:
        """Return how large all archives of the list are, where that is known."""
        if self.filter.stream or self.filter.when:
            return ""
        wanted = _CODES.get(self.filter.kind, "")
        return size(sum(each.size for name, each in seen.status.archives.items() if wanted in ("", name)))

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
        return total_of(_counts(seen), self.filter)

    @property
    def selected_ids(self) -> tuple[str, ...]:
        """Return the ids of what is selected."""
        return tuple(self.selection)

    @property
    def archive(self) -> Archive | None:
        """Return the archive under the cursor."""
        return self.row

    @steps
    async def action_package_archive(self) -> None:
        """Package what is under the cursor; where a filter is set, ask whether all that it shows is meant."""
        archive = self.archive
        if self.selection:
            await make_package(self, await self.selected_archives())
            return
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


def archive_amounts(nouns: Sequence[Archive]) -> list[str]:
    """Say how many archives, records and bytes as delivered."""
    records, delivered = sum(each.inspection.records for each in nouns), sum(each.seal.size for each in nouns)
    return [number(len(nouns), "archive"), number(records, "record"), size(delivered)]


def _counts(seen: Seen) -> dict[str, int]:
    return {Holding(holding).words: totals.count for holding, totals in seen.status.archives.items()}


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
        "verified": moment_words(archive.verified_at, widths.get("verified", 0)),
        "retention": archive.retention,
        "source": archive.source,
        "job": f"…{archive.job[-SHORT:]}",
        "after": f"+{span(later)}",
    }
    return table_row(archive.id, cells, columns)
