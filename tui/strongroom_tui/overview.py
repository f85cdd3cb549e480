"""The one screen: the vault at a glance, jobs above, archives below. It holds the wish; the app fetches the answer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.model.instants import Clock
from strongroom.model.job import Job
from strongroom_tui.columns import archive_columns, job_columns
from strongroom_tui.filterline import FilterLine
from strongroom_tui.pane import Pane, View
from strongroom_tui.progress import Scene
from strongroom_tui.reader import Seen
from strongroom_tui.room import Room
from strongroom_tui.rows import archive_row, job_row
from strongroom_tui.summary import summary
from strongroom_tui.table import Anchor, PageTable
from strongroom_tui.trail import Trail
from strongroom_tui.wish import Filter, Wish, parse_filter

_NO_JOBS = (
    "No jobs yet: no window has been asked for.\n"
    "strongroom run --once   requests everything that is due\n"
    "strongroom export …     requests one window now"
)
_NO_ARCHIVES = "No archives yet: one appears here when an export\nwas downloaded, sealed and read back."


class OverviewScreen(Room):
    """Jobs and archives with live progress."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/", tooltip="Show one stream, state or holding"),
        Binding("escape", "back", "clear", tooltip="Close or clear the filter"),
        Binding("tab", "app.focus_next", "pane", tooltip="Go to the other table"),
        Binding("shift+tab", "app.focus_previous", "pane", show=False),
    ]

    class Wished(Message):
        """A person wants to see something else."""

    class Opened(Message):
        """A person wants the life of one job or archive."""

        def __init__(self, kind: str, key: str) -> None:
            super().__init__()
            self.kind = kind  # job or archive
            self.key = key

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__()
        self._path = path
        self._clock = clock
        self._seen: Seen | None = None
        self._read_at = clock()
        self._trouble = ""
        self._filter = Filter()
        self._jobs: Trail[Job] = Trail()
        self._archives: Trail[Archive] = Trail()
        self._keys: tuple[tuple[bool, ...], ...] = ()
        self._anchors: dict[str, Anchor] = {}  # where cursors go when the next answer comes

    @property
    def wish(self) -> Wish:
        """Return what a person wants to see now."""
        return Wish(self._filter, self._jobs.before, self._archives.before)

    def contents(self) -> ComposeResult:
        """Yield the summary, both panes and the hidden filter line."""
        yield Static(id="summary", markup=False)
        yield Pane("jobs")
        yield Pane("archives")
        yield FilterLine()

    def on_mount(self) -> None:
        """Begin in the jobs."""
        self.query_one("#jobs", Pane).table.focus()
        self._paint()

    def on_resize(self, _event: events.Resize) -> None:
        """Fit columns and lines to the new size."""
        self.call_after_refresh(self._paint)

    def show(self, seen: Seen | None, trouble: str) -> None:
        """Show an answer, or with None the last one again; `trouble` is why the newest could not be had.

        An answer to an earlier wish is dropped: the one that belongs to the wish is on its way.
        """
        self._trouble = trouble
        if seen is not None and seen.wish == self.wish:
            self._seen, self._read_at = seen, self._clock()
            self._paint(self._anchors)
            self._anchors = {}
        else:
            self._paint()

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterLine).open(str(self._filter), self._streams())
        self.refresh_bindings()

    def action_back(self) -> None:
        """Close the filter line, or take the filter away."""
        if self.query_one(FilterLine).display:
            self._close_filter()
        else:
            self._apply(Filter())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Hide the keys that would do nothing now."""
        typing = any(line.display for line in self.query(FilterLine))
        if action == "back":
            return typing or self._filter != Filter()
        return not (action == "filter" and typing)

    @on(Input.Submitted)
    def _read_filter(self, event: Input.Submitted) -> None:
        try:
            found = parse_filter(event.value, self._streams())
        except UsageError as error:
            self.notify(f"{error.message}. {error.hint}", severity="warning", markup=False)
            return
        self._close_filter()
        self._apply(found)

    @on(PageTable.Turned)
    def _turn(self, event: PageTable.Turned) -> None:
        seen = self._seen
        if seen is None or seen.wish != self.wish:
            return  # the page that would be left has not come yet
        if event.pane == "jobs":
            self._jobs.turn(seen.jobs, older=event.older)
        else:
            self._archives.turn(seen.archives, older=event.older)
        self._anchors = {event.pane: Anchor.FIRST if event.older else Anchor.LAST}
        self.post_message(self.Wished())

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        table = event.data_table
        if isinstance(table, PageTable) and table.chosen:
            self.post_message(self.Opened("job" if table.pane == "jobs" else "archive", table.chosen))

    def _apply(self, wanted: Filter) -> None:
        self._filter, self._jobs, self._archives = wanted, Trail(), Trail()
        self._anchors = {"jobs": Anchor.FIRST, "archives": Anchor.FIRST}
        self.refresh_bindings()
        self.post_message(self.Wished())

    def _close_filter(self) -> None:
        self.query_one(FilterLine).close()
        self.query_one("#jobs", Pane).table.focus()
        self.refresh_bindings()

    def _streams(self) -> set[str]:
        if self._seen is None:
            return set()
        shown = {job.stream for job in self._seen.jobs.rows} | {each.stream for each in self._seen.archives.rows}
        return shown | set(self._seen.status.coverage)

    def _paint(self, anchors: dict[str, Anchor] | None = None) -> None:
        now, seen, anchors = self._clock(), self._seen, anchors or {}
        status = seen.status if seen else None
        words = summary(self._path, status, self._trouble, self._read_at, self.size.width - 2)
        self.query_one("#summary", Static).update(words)
        if seen is not None:
            self._paint_jobs(seen, now, anchors.get("jobs", Anchor.KEEP))
            self._paint_archives(seen, anchors.get("archives", Anchor.KEEP))
            self._refresh_keys()

    def _refresh_keys(self) -> None:
        """Make the footer anew only where a key came or went: it is built from scratch each time."""
        keys = tuple((table.has_older, table.has_newer, table.row_count > 0) for table in self.query(PageTable))
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()

    def _paint_jobs(self, seen: Seen, now: datetime, anchor: Anchor) -> None:
        pane = self.query_one("#jobs", Pane)
        columns, running, busy = job_columns(pane.room), seen.running, bool(seen.status.worked_on_by)
        view = View(
            title="Jobs",
            rows=[job_row(job, Scene(now, busy, running.get(job.id)), columns) for job in seen.jobs.rows],
            columns=columns,
            offset=self._jobs.offset,
            total=_total(seen.status.jobs, seen.wish.filter.stream, seen.wish.filter.state),
            more=seen.jobs.last is not None,
            filter=str(seen.wish.filter),
            empty=_NO_JOBS,
        )
        pane.show(view, anchor)

    def _paint_archives(self, seen: Seen, anchor: Anchor) -> None:
        pane = self.query_one("#archives", Pane)
        columns = archive_columns(pane.room)
        counts = {holding: totals.count for holding, totals in seen.status.archives.items()}
        view = View(
            title="Archives",
            rows=[archive_row(archive, columns) for archive in seen.archives.rows],
            columns=columns,
            offset=self._archives.offset,
            total=_total(counts, seen.wish.filter.stream, seen.wish.filter.holding),
            more=seen.archives.last is not None,
            filter=str(seen.wish.filter),
            empty=_NO_ARCHIVES,
        )
        pane.show(view, anchor)


def _total(counts: dict[str, int], stream: str, kind: str) -> int | None:
    """Return how many rows a list has, from what the status counted anyway; one stream alone is not counted."""
    if stream:
        return None
    return counts.get(kind, 0) if kind else sum(counts.values())
