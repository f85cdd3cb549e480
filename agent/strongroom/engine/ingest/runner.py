"""The engine's loop: next_step -> perform -> advance and record, until a job must wait; a few workers, one job each.

Everything that must be remembered is in the catalogue: another runner on the same vault resumes where the last one
stopped, however it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from msgspec import Struct

from strongroom.engine.core.engine import Engine, JobContext
from strongroom.engine.ingest.source_upkeep import delete_exports, due_deletions, kept_for, next_deletion
from strongroom.engine.ingest.steps import perform
from strongroom.engine.ingest.transfer import room_lacking, seal_segment
from strongroom.engine.ingest.transitions import read_budget, record
from strongroom.model.decision import Act, Situation, Step, next_step
from strongroom.model.errors import Interrupted
from strongroom.model.job import Job, State, Wait
from strongroom.model.job_table import IllegalMove
from strongroom.model.quota import queue_key
from strongroom.model.waiting import is_recorded
from strongroom.vault.jobs import get_job, live_jobs, put_waits
from strongroom.vault.sources import get_source

Pause = Callable[[float], None]
"""Waits the given number of seconds, or less when something wakes us."""

LONGEST_WAIT = 0.25  # seconds
MOST_WORKERS = 65  # the most that a configuration allows, and the one that deletes exports
MOST_LIVE = 80  # unfinished jobs of a source from which on no more are entered: exports that wait too long expire


class WaitResult(Struct, frozen=True):
    """A job that cannot move now: finished, or waiting for an instant."""

    job: Job
    until: datetime | None  # None means finished, or stopped by a person
    reason: str = ""
    wait: Wait | None = None  # what it waits for


def work(engine: Engine, job_id: str, deadline: datetime | None = None) -> WaitResult:
    """Process a job until it must wait; past the deadline only the current step. A job may have only one worker."""
    context = JobContext()
    job = _read(engine, job_id)
    try:
        while True:
            step = next_step(job, situation_of(engine, job, context), engine.retry_policy)
            over = engine.stop() or (deadline is not None and engine.clock() > deadline)
            if step.act is Act.WAIT:
                wait_for = Wait(step.cause, step.reason, None if step.lasting else step.until) if step.cause else None
                return WaitResult(job, step.until, step.reason, wait_for)
            if step.act is Act.NOTHING or (over and not _in_hand(job, context)):
                return WaitResult(job, None, step.reason)
            job = _step(engine, job, step, context)
            if job.state is State.ARCHIVED:
                seal_segment(engine, context)
    except Interrupted as stopped:  # in a request that only reads: nothing has changed
        return WaitResult(_read(engine, job_id), None, stopped.message)
    except IllegalMove as moved:
        return WaitResult(_read(engine, job_id), None, str(moved))  # a person cancelled it meanwhile
    finally:
        context.release()


def _step(engine: Engine, job: Job, step: Step, context: JobContext) -> Job:
    result = perform(engine, job, step, context)
    if result is None:
        return _read(engine, job.id)
    moved = record(engine, job, result)
    if moved.state is job.state is State.PLANNED:
        context.intent = False  # the intent did not fit the quota and was not written
    return moved


def situation_of(engine: Engine, job: Job, context: JobContext) -> Situation:
    """Return what a decision about this job may know."""
    now, catalogue = engine.clock(), engine.vault.catalogue
    source, able = get_source(catalogue, job.source), engine.sources[job.source].provider.capabilities
    budget = read_budget(engine, job, now) if job.state is State.PLANNED else None
    return Situation(
        now=now,
        in_hand=_in_hand(job, context),
        paused=source.paused,
        refused_until=source.refused_until,
        refused_cause=source.refused_cause,
        refused_words=source.refused_words,
        no_room=room_lacking(engine, job) if job.state in (State.PLANNED, State.READY) else "",
        surveyed_at=source.surveyed_at,
        budget_at=budget.at if budget else None,
        budget_words=budget.words if budget else "",
        match=able.match,
        renewal=able.renewal,
        list_in_hand=context.listed,
        other_uncertain=budget is not None and budget.other_uncertain,
    )


def _in_hand(job: Job, context: JobContext) -> bool:
    if job.state is State.UNCERTAIN:
        return context.intent
    return job.state in (State.FETCHING, State.SEALED) and context.worker is not None


def _read(engine: Engine, job_id: str) -> Job:
    job = get_job(engine.vault.catalogue, job_id)
    if job is None:
        raise LookupError(f"job {job_id} is not in the catalogue")
    return job


class WorkerPool:
    """A few workers with one job each. A context manager: leaving it waits for the current jobs."""

    def __init__(
        self, engine: Engine, workers: int, deadline: datetime | None = None, ring: Callable[[], None] = lambda: None
    ) -> None:
        """`ring` is called, in any thread, when a worker has finished with its job."""
        self._engine = engine
        self._deadline = deadline
        self._ring = ring
        self._workers = workers
        self._pool = ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="worker")  # threads start as they are needed
        self._waiting: dict[str, WaitResult] = {}  # by job: waits that are not in the catalogue
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
        """Start jobs with another engine from now on; the current ones end with the engine that they began with."""
        self._engine, self._workers = engine, workers
        self.hurry()

    def leave(self, seconds: float) -> bool:
        """Start nothing more; return whether every current job stopped in time."""
        _done, late = wait(self._futures, timeout=seconds)
        self._pool.shutdown(wait=not late, cancel_futures=True)
        return not late

    @property
    def busy(self) -> bool:
        """Whether any worker has a job."""
        return bool(self._futures)

    @property
    def _free(self) -> int:
        """How many more jobs may be started."""
        return max(0, self._workers - len(self._in_hand))

    @property
    def _futures(self) -> list[Future[Any]]:
        return [*self._in_hand, *([self._deleting] if self._deleting else [])]

    def start(self, jobs: list[Job]) -> None:
        """Give due jobs to free workers, the most urgent first, and start due deletions."""
        now, taken = self._engine.clock(), set(self._in_hand.values())
        if self._deadline is not None and now > self._deadline:
            return
        due = [job for job in jobs if job.id not in taken and self.due(job) <= now] if self._free else []
        for job in sorted(due, key=self._order(now))[: self._free]:
            future = self._pool.submit(work, self._engine, job.id, self._deadline)
            self._in_hand[future] = job.id
            future.add_done_callback(lambda _done: self._ring())
        if self._deleting is None:
            self._start_deletions()

    def _start_deletions(self) -> None:
        """Delete due exports, except of a job in hand: its archive is committed, its log line may not be written."""
        due = due_deletions(self._engine)
        taken = set(self._in_hand.values()) if due else set()
        if free := [each for each in due if each.job not in taken]:
            self._deleting = self._pool.submit(delete_exports, self._engine, free)

    def collect(self, seconds: float) -> None:
        """Wait at most so long for a worker to finish with its job; raise what a worker could not handle."""
        if self.busy:
            wait(self._futures, timeout=seconds, return_when=FIRST_COMPLETED)
        if self._deleting is not None and self._deleting.done():
            deleted, self._deleting = self._deleting, None
            deleted.result()
        results = []
        for future in [future for future in self._in_hand if future.done()]:
            job_id = self._in_hand.pop(future)
            result = future.result()
            results.append(result)
            self._waiting.pop(job_id, None)
            if result.until is None:
                self._let_one_try(result.job.source)
            else:
                self._waiting[job_id] = result
        self._record_waits(results)

    def _let_one_try(self, source: str) -> None:
        """Let the first job of a source that waits with its request look again: an export has ended there."""
        for job_id, result in self._waiting.items():
            if result.job.source == source and result.job.state is State.PLANNED:
                del self._waiting[job_id]
                break

    def _record_waits(self, results: Iterable[WaitResult]) -> None:
        """Record what jobs wait for where the job itself does not show it."""
        now = self._engine.clock()
        waits = [(each.job, each.wait) for each in results if each.until is not None and each.until != each.job.next_at]
        unknown = [(job, wait) for job, wait in waits if not is_recorded(job, wait, now)]
        if unknown:
            put_waits(self._engine.vault.catalogue, unknown)

    def due(self, job: Job) -> datetime:
        """Return when a job's next step may be tried."""
        found = self._waiting.get(job.id)
        return max(job.next_at, found.until) if found and found.until else job.next_at

    def hurry(self) -> None:
        """Forget every wait that is not in the catalogue, because something has changed."""
        self._waiting.clear()

    def _order(self, now: datetime) -> Callable[[Job], tuple[int, int, bool, datetime, str]]:
        """Return a key by which, among equals, requests come first: the provider works while others are downloaded.

        Not one that had to wait before: it may have to wait again.
        """

        def key(job: Job) -> tuple[int, int, bool, datetime, str]:
            kind, priority, deadline, name = queue_key(job, now, kept_for(self._engine, job.source), self._engine.rules)
            return kind, priority, job.state is not State.PLANNED or job.id in self._waiting, deadline, name

        return key


class Supply:
    """Notices that a source has run out of jobs to request, so that more are entered before workers have to wait."""

    def __init__(self) -> None:
        self._dry: frozenset[str] = frozenset()

    def ran_dry(self, sources: Collection[str], live: Iterable[Job]) -> bool:
        """Say whether every job of a source has been requested now and not at the last call; only few may be live."""
        jobs = list(live)
        counts = Counter(job.source for job in jobs)
        planned = {job.source for job in jobs if job.state is State.PLANNED}
        former = self._dry
        self._dry = frozenset(name for name in sources if name not in planned and counts[name] < MOST_LIVE)
        return not self._dry <= former


class Runner:
    """Processes every unfinished job until none can move before a given instant."""

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

        `refill` enters more jobs when all those of a source were requested, and when nothing can move; then it is
        called again until it has none.
        """
        supply = Supply()
        with WorkerPool(self._engine, self._workers, until) as pool:
            while not self._engine.stop():
                late = self._engine.clock() > until
                if late and not pool.busy:
                    break
                live = self._live(wanted)
                pool.start(live)
                if not late and supply.ran_dry(self._engine.sources, live) and refill():
                    continue
                if pool.busy:
                    pool.collect(LONGEST_WAIT)
                elif steps := self._steps(pool, live, until):
                    self._wait_until(min(steps))
                elif not refill():
                    break
        return self._live(wanted)

    def _steps(self, pool: WorkerPool, live: list[Job], until: datetime) -> list[datetime]:
        """Return when something can move, up to an instant."""
        steps = [pool.due(job) for job in self._unpaused(live)]
        if (delete_at := next_deletion(self._engine)) is not None:
            steps.append(delete_at)
        return [step for step in steps if step <= until]

    def _wait_until(self, instant: datetime) -> None:
        seconds = (instant - self._engine.clock()) / timedelta(seconds=1)
        if seconds > 0:
            self._pause(seconds)

    def _unpaused(self, jobs: list[Job]) -> list[Job]:
        """Leave out the jobs of paused sources, which only a person resumes: waiting for them is useless."""
        paused = {name for name in self._engine.sources if get_source(self._engine.vault.catalogue, name).paused}
        return [job for job in jobs if job.source not in paused]

    def _live(self, wanted: Callable[[Job], bool]) -> list[Job]:
        return [
            job for job in live_jobs(self._engine.vault.catalogue) if job.source in self._engine.sources and wanted(job)
        ]
