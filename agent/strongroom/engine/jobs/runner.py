"""Many jobs at once: a few workers, the most urgent job first, one worker a job.

Nothing is remembered here that the catalogue does not have: whoever starts a runner on the same vault goes on where the
last one stopped, however it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from strongroom.engine.coverage.keeping import keeps as keeps_of
from strongroom.engine.engine import Engine
from strongroom.engine.jobs.deletion import delete_due, next_deletion
from strongroom.engine.jobs.loop import Rest, work
from strongroom.model.job import Job
from strongroom.model.urgency import queue_key
from strongroom.model.waiting import is_told
from strongroom.vault.jobs import live_jobs, put_waits
from strongroom.vault.sources import get_source

Pause = Callable[[float], None]
"""Lets the given number of seconds pass, or less when something woke us."""

LONGEST_WAIT = 0.25
MOST_WORKERS = 65  # what a configuration may ask for, and the one that deletes


class Crew:
    """A few workers, each with one job in hand. A context manager: leaving it waits for the jobs in hand."""

    def __init__(self, engine: Engine, workers: int, deadline: datetime | None = None) -> None:
        self._engine = engine
        self._deadline = deadline
        self._workers = workers
        self._pool = ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="worker")  # threads come as they are needed
        self._not_before: dict[str, datetime] = {}  # for waits that are not in the catalogue
        self._in_hand: dict[Future[Rest], str] = {}
        self._deleting: Future[int] | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wait(self._futures)
        self._pool.shutdown()

    def adopt(self, engine: Engine, workers: int) -> None:
        """Start jobs with another engine from now on; those in hand end with the one they began with."""
        self._engine, self._workers = engine, workers
        self.hurry()

    def leave(self, seconds: float) -> bool:
        """Start nothing more; say whether every job in hand was put down in time."""
        _done, late = wait(self._futures, timeout=seconds)
        self._pool.shutdown(wait=not late, cancel_futures=True)
        return not late

    @property
    def busy(self) -> bool:
        """Say whether anything is in hand."""
        return bool(self._futures)

    @property
    def _futures(self) -> list[Future[Any]]:
        return [*self._in_hand, *([self._deleting] if self._deleting else [])]

    def start(self, jobs: list[Job]) -> None:
        """Give due jobs to free workers, the most urgent first."""
        now, taken = self._engine.clock(), set(self._in_hand.values())
        if self._deadline is not None and now > self._deadline:
            return
        for job in sorted(jobs, key=self._order(now)):
            if len(self._in_hand) >= self._workers:
                return
            if job.id not in taken and self.due(job) <= now:
                self._in_hand[self._pool.submit(work, self._engine, job.id, self._deadline)] = job.id
        due = None if self._deleting else next_deletion(self._engine)
        if due is not None and due <= now:
            self._deleting = self._pool.submit(delete_due, self._engine)

    def collect(self, seconds: float) -> None:
        """Wait at most so long for a worker to put its job down; raise what a worker could not handle."""
        if self.busy:
            wait(self._futures, timeout=seconds, return_when=FIRST_COMPLETED)
        if self._deleting is not None and self._deleting.done():
            deleted, self._deleting = self._deleting, None
            deleted.result()
        rests = []
        for future in [future for future in self._in_hand if future.done()]:
            job_id = self._in_hand.pop(future)
            rest = future.result()
            rests.append(rest)
            if rest.until is None:
                self._not_before.pop(job_id, None)
            else:
                self._not_before[job_id] = rest.until
        self._note(rests)

    def _note(self, rests: Iterable[Rest]) -> None:
        """Let everybody see what jobs wait for that is not their own last trouble."""
        now = self._engine.clock()
        waits = [(rest.job, rest.wait) for rest in rests if rest.until is not None and rest.until != rest.job.next_at]
        told = [(job, wait) for job, wait in waits if not is_told(job, wait, now)]
        if told:
            put_waits(self._engine.vault.catalogue, told)

    def due(self, job: Job) -> datetime:
        """Say when a job's next step may be tried."""
        return max(job.next_at, self._not_before.get(job.id, job.next_at))

    def hurry(self) -> None:
        """Forget every wait that is not in the catalogue: something has changed."""
        self._not_before.clear()

    def _order(self, now: datetime) -> Callable[[Job], tuple[int, int, datetime, str]]:
        def key(job: Job) -> tuple[int, int, datetime, str]:
            keeps = keeps_of(self._engine, job.source)
            return queue_key(job, now, keeps, self._engine.rules)

        return key


class Runner:
    """Works on every live job until none can move before a given instant."""

    def __init__(self, engine: Engine, pause: Pause, workers: int = 4) -> None:
        self._engine = engine
        self._pause = pause
        self._workers = workers

    def run(
        self,
        until: datetime,
        wanted: Callable[[Job], bool] = lambda _job: True,
        refill: Callable[[], list[Job]] = list,
    ) -> list[Job]:
        """Work until every wanted job is finished or none has a step before `until`; return the unfinished ones.

        `refill` enters more jobs when nothing can move; it is asked again until it has none.
        """
        with Crew(self._engine, self._workers, until) as crew:
            while not self._engine.stop():
                if self._engine.clock() > until and not crew.busy:
                    break
                live = self._live(wanted)
                crew.start(live)
                steps = [due for job in self._unpaused(live) if (due := crew.due(job)) <= until]
                if (delete_at := next_deletion(self._engine)) is not None and delete_at <= until:
                    steps.append(delete_at)
                if crew.busy:
                    crew.collect(LONGEST_WAIT)
                elif steps:
                    self._let_pass(min(steps))
                elif not refill():
                    break
        return self._live(wanted)

    def _let_pass(self, instant: datetime) -> None:
        seconds = (instant - self._engine.clock()) / timedelta(seconds=1)
        if seconds > 0:
            self._pause(seconds)

    def _unpaused(self, jobs: list[Job]) -> list[Job]:
        """Leave out the jobs of paused sources: only a person ends a pause, so waiting for them is of no use."""
        paused = {name for name in self._engine.sources if get_source(self._engine.vault.catalogue, name).paused}
        return [job for job in jobs if job.source not in paused]

    def _live(self, wanted: Callable[[Job], bool]) -> list[Job]:
        return [
            job for job in live_jobs(self._engine.vault.catalogue) if job.source in self._engine.sources and wanted(job)
        ]
