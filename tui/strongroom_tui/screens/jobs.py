"""The jobs: those at work first, then the history, newest first."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from strongroom.engine.queries import lists as readings
from strongroom.model.job import Job, State
from strongroom.text.states import JOBS
from strongroom.text.times import window_words
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.detail import JobScreen
from strongroom_tui.screens.detail_text import ProgressContext, doing
from strongroom_tui.screens.job_actions import JobActions
from strongroom_tui.screens.list_screen import PAGE, ListTab, Page, page_of, total_of
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.table import (
    Columns,
    Layouts,
    TableColumn,
    TableRow,
    table_row,
)

_ACTIVE = (State.FETCHING, State.SEALED, State.READY, State.DEAD, State.UNCERTAIN, State.WAITING)

_MOVING = (State.FETCHING, State.SEALED)

_EMPTY = "No jobs yet: no window has been exported.\nThe daemon exports each when its time comes: see Schedules, 2."


_STATE = TableColumn("state", 11)
JOB_COLUMNS: Layouts = (
    (_STATE, TableColumn("stream", 18), TableColumn("window", 24), TableColumn("doing", 40, "", grows=True)),
    (_STATE, TableColumn("stream", 13), TableColumn("window", 23), TableColumn("doing", 26, "", grows=True)),
    (_STATE, TableColumn("stream", 10), TableColumn("window", 11), TableColumn("doing", 15, "", grows=True)),
    (_STATE, TableColumn("stream", 8, grows=True), TableColumn("window", 11)),
)


class JobsQuestion(Struct, frozen=True):
    """One page of jobs; the first page begins with those at work."""

    filter: Filter = field(default_factory=Filter)
    before: Job | None = None

    def ask(self, session: VaultSession) -> Page[Job]:
        """Read the page."""
        stream, state, period = self.filter.stream, self.filter.kind, self.filter.period
        page = page_of(
            readings.list_jobs(
                session.vault, stream=stream, state=state, period=period, before=self.before, most=PAGE + 1
            )
        )
        if state or period:
            return page
        active = self._active(session)
        at_work = {job.id for job in active}
        others = [job for job in page.rows if job.id not in at_work]
        return Page((*([] if self.before else active), *others), page.last)

    def _active(self, session: VaultSession) -> list[Job]:
        """Return the jobs that are past being planned and not over, in an order that few of their steps change.

        Asking for no more than there are lets the search stop at the last of them.
        """
        counts, jobs = readings.count_jobs(session.vault), list[Job]()
        for state in _ACTIVE:
            most = min(counts.get(state, 0), PAGE - len(jobs))
            if most > 0:
                jobs += readings.list_jobs(session.vault, stream=self.filter.stream, state=state, most=most)
        return sorted(jobs, key=lambda job: (job.state not in _MOVING, -job.priority, job.spec.window, job.id))


class JobsTab(JobActions, ListTab[Job]):
    """Jobs with live progress."""

    MODE: ClassVar[str] = "jobs"
    KINDS: ClassVar[tuple[str, ...]] = tuple(State)
    EMPTY = _EMPTY
    LAYOUTS = JOB_COLUMNS
    QUESTION = JobsQuestion

    def rows(self, page: Page[Job], seen: Seen, columns: Columns) -> list[TableRow]:
        """Lay jobs out, each with what it does now."""
        now, busy = self.strongroom.clock(), bool(seen.status.worked_on_by)
        running = {each.job: each for each in seen.status.running}
        return [job_row(job, ProgressContext(now, busy, running.get(job.id)), columns) for job in page.rows]

    def total(self, seen: Seen) -> int | None:
        """Return how many jobs there are."""
        return total_of(seen.status.jobs, self.filter)

    @property
    def job(self) -> Job | None:
        """Return the job under the cursor."""
        return self.row

    def opened(self, key: str) -> JobScreen:
        """Show one job."""
        return JobScreen(key)


def job_row(job: Job, scene: ProgressContext, columns: Columns) -> TableRow:
    """Return the row of one job."""
    widths = {column.name: column.width for column in columns}
    cells = {
        "state": mark_text(JOBS[job.state], widths["state"]),
        "stream": job.stream,
        "window": window_words(job.spec.window, widths.get("window", 0)),
        "doing": doing(job, scene, widths.get("doing", 0)),
    }
    return table_row(job.id, cells, columns)
