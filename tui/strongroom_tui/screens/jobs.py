"""The jobs: those at work first, then the history, newest first."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from strongroom.engine.queries import lists as readings
from strongroom.model.job import Job, State
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.detail import JobScreen
from strongroom_tui.screens.job_actions import JobActions
from strongroom_tui.screens.list_screen import ListTab, total_of
from strongroom_tui.widgets.columns import job_columns
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.pane import PaneContent
from strongroom_tui.widgets.progress import ProgressContext
from strongroom_tui.widgets.rows import job_row
from strongroom_tui.widgets.table import PAGE, Page, page_of

_ACTIVE = (State.FETCHING, State.SEALED, State.READY, State.DEAD, State.UNCERTAIN, State.WAITING)
_MOVING = (State.FETCHING, State.SEALED)
_EMPTY = "No jobs yet: no window has been exported.\nThe daemon exports each when its time comes: see Schedules, 2."


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

    def page_question(self, wanted: Filter, before: Job | None) -> JobsQuestion:
        """Ask for a page of jobs."""
        return JobsQuestion(wanted, before)

    def view(self, page: Page[Job], seen: Seen, width: int) -> PaneContent:
        """Lay jobs out, each with what it does now."""
        now, busy = self.strongroom.clock(), bool(seen.status.worked_on_by)
        running = {each.job: each for each in seen.status.running}
        columns = job_columns(width)
        return PaneContent(
            title="Jobs",
            rows=[job_row(job, ProgressContext(now, busy, running.get(job.id)), columns) for job in page.rows],
            columns=columns,
            offset=self.trail.offset,
            total=total_of(seen.status.jobs, self.filter),
            more=page.last is not None,
            filter=str(self.filter),
            empty=_EMPTY,
        )

    @property
    def job(self) -> Job | None:
        """Return the job under the cursor."""
        return next((job for job in (self.page.rows if self.page else ()) if job.id == self.chosen), None)

    def opened(self, key: str) -> JobScreen:
        """Tell the life of one job."""
        return JobScreen(key)
