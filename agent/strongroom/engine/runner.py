"""Many jobs at once: a few workers, the most urgent job first, one worker a job.

Nothing is remembered here that the catalogue does not have: whoever starts a runner on the same vault goes on where the
last one stopped, however it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from strongroom.engine.engine import Engine
from strongroom.engine.loop import Rest, work
from strongroom.model.job import Job
from strongroom.vault.jobs import live_jobs
from strongroom.vault.sources import get_source

Pause = Callable[[float], None]
"""Lets the given number of seconds pass, or less when something woke us."""

LONGEST_PAUSE = 0.25


class Runner:
    """Works on every live job until none can move before a given instant."""

    def __init__(self, engine: Engine, pause: Pause, workers: int = 4) -> None:
        self._engine = engine
        self._pause = pause
        self._workers = workers
        self._resting: dict[str, datetime] = {}  # not before, by job, for waits that are not in the catalogue
        self._under_way: dict[Future[Rest], str] = {}

    def run(self, until: datetime, wanted: Callable[[Job], bool] = lambda _job: True) -> list[Job]:
        """Work until every wanted job is finished or none has a step before `until`; return the unfinished ones."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="worker") as pool:
            try:
                while not self._engine.stop():
                    live = [job for job in live_jobs(self._engine.vault.catalogue) if wanted(job)]
                    self._start(pool, live)
                    if not self._under_way and not self._can_move(live, until):
                        break
                    self._settle(live, until)
            finally:
                wait(self._under_way)
                self._collect()
        return [job for job in live_jobs(self._engine.vault.catalogue) if wanted(job)]

    def _start(self, pool: ThreadPoolExecutor, live: list[Job]) -> None:
        now, busy = self._engine.clock(), set(self._under_way.values())
        for job in live:
            if len(self._under_way) >= self._workers:
                return
            if job.id not in busy and self._due(job) <= now:
                self._under_way[pool.submit(work, self._engine, job.id)] = job.id

    def _settle(self, live: list[Job], until: datetime) -> None:
        """Let time pass until a worker is done or the next step of some job is due."""
        if self._under_way:
            wait(self._under_way, timeout=LONGEST_PAUSE, return_when=FIRST_COMPLETED)
            self._collect()
            return
        next_due = min((self._due(job) for job in live), default=until)
        seconds = (next_due - self._engine.clock()) / timedelta(seconds=1)
        if seconds > 0:
            self._pause(seconds)

    def _collect(self) -> None:
        for future in [future for future in self._under_way if future.done()]:
            job_id = self._under_way.pop(future)
            rest = future.result()
            if rest.until is None:
                self._resting.pop(job_id, None)
            else:
                self._resting[job_id] = rest.until

    def _due(self, job: Job) -> datetime:
        return max(job.next_at, self._resting.get(job.id, job.next_at))

    def _can_move(self, live: list[Job], until: datetime) -> bool:
        """Say whether waiting is of any use; for a paused source it is not, since only a person ends the pause."""
        paused = {name for name in self._engine.sources if get_source(self._engine.vault.catalogue, name).paused}
        return any(self._due(job) <= until and job.source not in paused for job in live)
