"""One job, as far as it will go now: next_step -> perform -> advance and record, again and again until it must wait.

Many jobs at once: a few workers, the most urgent job first, one worker a job.

Nothing is remembered here that the catalogue does not have: whoever starts a runner on the same vault goes on where the
last one stopped, however it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from msgspec import Struct

from strongroom.engine.core.engine import Engine, JobContext
from strongroom.engine.ingest.source_upkeep import delete_due, kept_for, next_deletion
from strongroom.engine.ingest.steps import perform
from strongroom.engine.ingest.transfer import room_lacking
from strongroom.engine.ingest.transitions import must_wait_its_turn, read_budget, record
from strongroom.model.decision import Act, Situation, Step, next_step
from strongroom.model.errors import Interrupted
from strongroom.model.job import Job, State, Wait
from strongroom.model.job_table import IllegalMove
from strongroom.model.quota import queue_key
from strongroom.model.waiting import is_told
from strongroom.vault.jobs import get_job, live_jobs, put_waits
from strongroom.vault.sources import get_source


class WaitResult(Struct, frozen=True):
    """A job that does not move now: finished, or waiting for an instant."""

    job: Job
    until: datetime | None  # None means finished, or stopped by a person
    reason: str = ""
    wait: Wait | None = None  # what it waits for


def work(engine: Engine, job_id: str, deadline: datetime | None = None) -> WaitResult:
    """Take a job as far as it goes; past the deadline no step but the one under way. Only one worker may have a job."""
    hand = JobContext()
    job = _read(engine, job_id)
    try:
        while True:
            step = next_step(job, situation_of(engine, job, hand), engine.retry_policy)
            over = engine.stop() or (deadline is not None and engine.clock() > deadline)
            if step.act is Act.WAIT:
                return WaitResult(job, step.until, step.reason, _wait(step))
            if step.act is Act.NOTHING or (over and not _in_hand(job, hand)):
                return WaitResult(job, None, step.reason)
            job = _step(engine, job, step, hand)
    except Interrupted as stopped:  # while it looked: nothing has changed
        return WaitResult(_read(engine, job_id), None, stopped.message)
    except IllegalMove as moved:
        return WaitResult(_read(engine, job_id), None, str(moved))  # a person cancelled it meanwhile
    finally:
        hand.release()


def _wait(step: Step) -> Wait | None:
    return Wait(step.cause, step.reason, None if step.lasting else step.until) if step.cause else None


def _step(engine: Engine, job: Job, step: Step, hand: JobContext) -> Job:
    result = perform(engine, job, step, hand)
    if result is None:
        return _read(engine, job.id)
    moved = record(engine, job, result)
    if moved.state is job.state is State.PLANNED:
        hand.intent = False  # the intent did not fit the quota and was not written
    return moved


def situation_of(engine: Engine, job: Job, hand: JobContext) -> Situation:
    """Gather what a decision about this job may know."""
    now, catalogue = engine.clock(), engine.vault.catalogue
    source, able = get_source(catalogue, job.source), engine.sources[job.source].provider.capabilities
    allowed, words = read_budget(engine, catalogue, job, now) if job.state is State.PLANNED else (None, "")
    return Situation(
        now=now,
        in_hand=_in_hand(job, hand),
        paused=source.paused,
        refused_until=source.refused_until,
        refused_cause=source.refused_cause,
        refused_words=source.refused_words,
        no_room=room_lacking(engine, job) if job.state in (State.PLANNED, State.READY) else "",
        surveyed_at=source.surveyed_at,
        budget_at=allowed,
        budget_words=words,
        match=able.match,
        renewal=able.renewal,
        list_in_hand=hand.listed,
        other_uncertain=job.state is State.PLANNED and must_wait_its_turn(engine, catalogue, job, now),
    )


def _in_hand(job: Job, hand: JobContext) -> bool:
    if job.state is State.UNCERTAIN:
        return hand.intent
    return job.state in (State.FETCHING, State.SEALED) and hand.worker is not None


def _read(engine: Engine, job_id: str) -> Job:
    job = get_job(engine.vault.catalogue, job_id)
    if job is None:
        raise LookupError(f"there is no job {job_id}")
    return job


Pause = Callable[[float], None]
"""Lets the given number of seconds pass, or less when something woke us."""

LONGEST_WAIT = 0.25
MOST_WORKERS = 65  # what a configuration may ask for, and the one that deletes


class WorkerPool:
    """A few workers, each with one job in hand. A context manager: leaving it waits for the jobs in hand."""

    def __init__(self, engine: Engine, workers: int, deadline: datetime | None = None) -> None:
        self._engine = engine
        self._deadline = deadline
        self._workers = workers
        self._pool = ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="worker")  # threads come as they are needed
        self._not_before: dict[str, datetime] = {}  # for waits that are not in the catalogue
        self._in_hand: dict[Future[WaitResult], str] = {}
        self._deleting: Future[int] | None = None

    def __enter__(self) -> WorkerPool:
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

    def _note(self, rests: Iterable[WaitResult]) -> None:
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
            keeps = kept_for(self._engine, job.source)
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
        with WorkerPool(self._engine, self._workers, until) as pool:
            while not self._engine.stop():
                if self._engine.clock() > until and not pool.busy:
                    break
                live = self._live(wanted)
                pool.start(live)
                steps = [due for job in self._unpaused(live) if (due := pool.due(job)) <= until]
                if (delete_at := next_deletion(self._engine)) is not None and delete_at <= until:
                    steps.append(delete_at)
                if pool.busy:
                    pool.collect(LONGEST_WAIT)
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
