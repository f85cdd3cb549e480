"""The archives: what the vault holds, newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from textual.binding import Binding, BindingType

from strongroom.engine import readings
from strongroom.model.archive import Archive, Holding
from strongroom.model.listing import Sort
from strongroom_tui.archiveacts import ArchiveActs
from strongroom_tui.columns import archive_columns
from strongroom_tui.desk import Desk
from strongroom_tui.filters import Filter
from strongroom_tui.listroom import ListRoom, total_of
from strongroom_tui.lives import ArchiveScreen
from strongroom_tui.pages import PAGE, Page, page_of
from strongroom_tui.pane import View
from strongroom_tui.reader import Seen
from strongroom_tui.rows import archive_row

_EMPTY = "No archives yet: one appears here when an export\nwas downloaded, sealed and read back."


@dataclass(frozen=True, slots=True)
class ArchivesQuestion:
    """One page of archives."""

    filter: Filter = field(default_factory=Filter)
    before: Archive | None = None
    sort: Sort = Sort.ARCHIVED

    def ask(self, desk: Desk) -> Page[Archive]:
        """Read the page."""
        found = readings.list_archives(
            desk.vault,
            stream=self.filter.stream,
            holding=self.filter.kind,
            sort=self.sort,
            period=self.filter.period,
            before=self.before,
            most=PAGE + 1,
        )
        return page_of(found)


class ArchivesRoom(ArchiveActs, ListRoom[Archive]):
    """Archives, sound and quarantined."""

    MODE: ClassVar[str] = "archives"
    KINDS: ClassVar[tuple[str, ...]] = tuple(Holding)
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

    def view(self, page: Page[Archive], seen: Seen, width: int) -> View:
        """Lay archives out."""
        columns = archive_columns(width)
        counts = {holding: totals.count for holding, totals in seen.status.archives.items()}
        return View(
            title="Archives" if self.sort is Sort.ARCHIVED else f"Archives by {self.sort}",
            rows=[archive_row(archive, columns) for archive in page.rows],
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

    def opened(self, key: str) -> ArchiveScreen:
        """Tell what one archive is."""
        return ArchiveScreen(key)
