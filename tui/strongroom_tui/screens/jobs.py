"""The jobs: those at work first, then the history, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct, field
from rich.text import Text

from strongroom.engine.queries import lists as readings
from strongroom.model.job import Job, State
from strongroom.text.states import JOBS
from strongroom.text.times import window_words
from strongroom.text.units import number, size
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.detail import JobDetail, JobQuestion, JobScreen
from strongroom_tui.screens.detail_text import ProgressContext, doing
from strongroom_tui.screens.list_base import state_chips, total_of
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.pages import PAGE, Order, Page, page_of
from strongroom_tui.screens.preview_text import job_preview
from strongroom_tui.screens.selected import JOB_BULK, SelectedJobs
from strongroom_tui.widgets.filter_line import ALL_TIME, Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.list_lines import Chip
from strongroom_tui.widgets.table import (
    Columns,
    TableColumn,
    TableRow,
    table_row,
)
from strongroom_tui.widgets.text import moment_words

_ACTIVE = (State.FETCHING, State.SEALED, State.READY, State.DEAD, State.UNCERTAIN, State.WAITING)

_MOVING = (State.FETCHING, State.SEALED)

_EMPTY = "No jobs yet: no window has been exported.\nThe daemon exports each when its time comes: see Schedules, 2."


JOB_COLUMNS: Columns = (
    TableColumn("state", 11),
    TableColumn("stream", 16, least=8, wide=22),
    TableColumn("window", 11, wide=24),
    TableColumn("doing", 20, "progress", grows=True, rank=1, wide=56),
    TableColumn("purpose", 10, rank=5),
    TableColumn("created", 14, rank=3, wide=25),
    TableColumn("source", 10, rank=6),
    TableColumn("id", 9, "job", rank=4),
)


class JobsQuestion(Struct, frozen=True):
    """One page of jobs; the first page begins with those at work."""

    filter: Filter = field(default_factory=Filter)
    before: Job | None = None
    by_window: bool = False

    def ask(self, session: VaultSession) -> Page[Job]:
        """Read the page; all time goes by windows, as any stretch of it."""
        stream, state, period = self.filter.stream, self.filter.kind, self.filter.period
        period = period or (ALL_TIME if self.by_window else None)
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


class JobsTab(SelectedJobs, ListTab[Job]):
    """Jobs with live progress."""

    MODE: ClassVar[str] = "jobs"
    KINDS: ClassVar[tuple[str, ...]] = tuple(State)
    EMPTY = _EMPTY
    COLUMNS = JOB_COLUMNS
    NOUN = "job"
    BULK = JOB_BULK
    SORTABLE: ClassVar[tuple[str, ...]] = ("created", "window")

    def page_question(self, wanted: Filter, before: Job | None) -> JobsQuestion:
        """Ask for a page of jobs."""
        return JobsQuestion(wanted, before, by_window=self.sorting.column == "window")

    @property
    def order_shown(self) -> Order:
        """Return the order that the list is shown in: a stretch of time goes by windows."""
        return Order("window") if self.filter.when else self.sorting

    def peek(self, noun: Job) -> JobQuestion:
        """Ask for all about one job."""
        return JobQuestion(noun.id)

    def preview(self, answer: object) -> Text:
        """Show a job in short, with what it does now."""
        if not isinstance(answer, JobDetail) or self._last is None:
            return Text()
        job, status = answer.life.job, self._last.status
        running = next((each for each in status.running if each.job == job.id), None)
        scene = ProgressContext(self.strongroom.clock(), bool(status.worked_on_by), running)
        return job_preview(answer, "" if job.finished else doing(job, scene, 60))

    def amounts(self, nouns: Sequence[Job]) -> list[str]:
        """Say how many jobs, and how much they brought."""
        found = sum(each.size or 0 for each in nouns)
        return [number(len(nouns), "job"), *([size(found)] if found else [])]

    def chips(self, seen: Seen) -> list[Chip]:
        """Return how many jobs are in each state."""
        return state_chips(self.KINDS, seen.status.jobs, self.filter)

    def rows(self, page: Page[Job], seen: Seen, columns: Columns) -> list[TableRow]:
        """Lay jobs out, each with what it does now."""
        now, busy = self.strongroom.clock(), bool(seen.status.worked_on_by)
        running = {each.job: each for each in seen.status.running}
        return [job_row(job, ProgressContext(now, busy, running.get(job.id)), columns) for job in page.rows]

    def total(self, seen: Seen) -> int | None:
        """Return how many jobs there are."""
        return total_of(seen.status.jobs, self.filter)

    @property
    def selected_jobs(self) -> Sequence[Job]:
        """Return the jobs that are selected."""
        return list(self.selection.values())

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
        "purpose": job.purpose,
        "created": moment_words(job.created_at, widths.get("created", 0)),
        "source": job.source,
        "id": f"…{job.id[-8:]}",
        "doing": doing(job, scene, widths.get("doing", 0)),
    }
    return table_row(job.id, cells, columns)
