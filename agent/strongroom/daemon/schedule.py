"""Periodic tasks outside the loop, each a job of APScheduler in a thread of its own, and the wakeup of the loop.

APScheduler counts on the wall clock, which may be set at any time. So a job has no list of dates to catch up with: the
next run is due so long after the last one ended, and a clock that was set makes every job wait anew. Whether a task
may act is for the loop to say, again and again: it alone judges the clock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, Protocol, TypeVar

from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from strongroom.model.clock_check import ClockReading
from strongroom.model.times import Clock

P = ParamSpec("P")
R = TypeVar("R")

VOUCHED = 60.0  # seconds for which the loop's word counts: one that hangs stops what it can no longer stop
LEAP = timedelta(seconds=1)


def boot_seconds() -> float:
    """Return the seconds since the machine started, sleep included: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Wakeup:
    """Wakes the loop, once, however often it is rung. It may be rung in a signal handler.

    An Event may not: its lock cannot be taken twice, and a handler that interrupts the loop while it holds that lock
    would wait for itself. SimpleQueue is documented to be safe there.
    """

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake the loop, or let its next wait end at once."""
        self._rings.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until it rings, at most so long; return whether it rang."""
        try:
            self._rings.get(timeout=seconds)
        except Empty:
            return False
        with suppress(Empty):
            while True:
                self._rings.get_nowait()
        return True


class PeriodicTask(Protocol):
    """Work that is done again and again."""

    @property
    def name(self) -> str:
        """What its job and thread are called."""
        ...

    @property
    def every(self) -> float:
        """Seconds from one run to the next where nothing else is said."""
        ...

    def run(self) -> float:
        """Do what is due and return the seconds until the next run. Never raises."""
        ...


class Schedule:
    """Runs each task at once and then again and again, in threads that are left behind when the process ends."""

    def __init__(self, tasks: Sequence[PeriodicTask], clock: Clock, boot: Callable[[], float] = boot_seconds) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._clock = clock
        self._boot = boot
        self._last = ClockReading(clock(), boot())
        self._vouched_until = 0.0
        self._again: set[str] = set()
        self._finished = False
        self._threads = _DaemonThreads()
        # A run that is still going on when the next is due is dropped, which APScheduler would warn of.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            timezone="UTC", daemon=True, executors={"default": _PoolExecutor(self._threads)}
        )
        for task in tasks:
            self._scheduler.add_job(
                self._run,
                _After(timedelta(seconds=task.every)),
                args=[task],
                id=task.name,
                next_run_time=clock(),
                max_instances=1,  # no task runs twice at once, however long a run takes
                coalesce=True,  # after a suspend one run sees everything that is due: a second would find nothing
                misfire_grace_time=None,  # late is never too late: what is due is worked out in the run
            )

    def begin(self, *, paused: bool = False) -> None:
        """Start with the first run of every task; paused, jobs only wait."""
        self._scheduler.start(paused=paused)

    def vouch(self, *, believed: bool) -> None:
        """Say whether the clock is believed now, at each turn of the loop. With new trust every task has its turn."""
        regained = believed and not self.may_act()
        self._vouched_until = self._boot() + (VOUCHED if believed else 0.0)
        if regained:
            self.hurry()

    def may_act(self) -> bool:
        """Return whether a task may do what depends on the time."""
        return self._boot() < self._vouched_until

    def follow_clock(self) -> None:
        """Make every job wait anew where the clock was set: otherwise it might be due a year from now."""
        now = ClockReading(self._clock(), self._boot())
        if abs(now.wall - self._last.wall - timedelta(seconds=now.boot - self._last.boot)) > LEAP:
            self._last = now
            for name, task in self._tasks.items():
                self._set(name, task.every)

    def hurry(self) -> None:
        """Run every task at once, or again when the run in progress ends."""
        self._again.update(self._tasks)
        for name in self._tasks:
            self._set(name, 0.0)

    def next_run(self, name: str) -> datetime:
        """Return when a task is due next."""
        at: datetime = self._scheduler.get_job(name).next_run_time
        return at

    def finish(self, seconds: float) -> None:
        """Start nothing more, and wait at most so long for what is in progress; the next start repeats the rest."""
        self._finished = True
        self._scheduler.shutdown(wait=False)
        self._threads.wait(seconds)

    def _run(self, task: PeriodicTask) -> None:
        """Run a task, and again where somebody hurried meanwhile; then set when it is due next."""
        while not self._finished:
            self._again.discard(task.name)
            seconds = task.run()
            self._set(task.name, seconds)
            if seconds > 0 and task.name not in self._again:
                break

    def _set(self, name: str, seconds: float) -> None:
        with suppress(JobLookupError):  # a run that ended after the schedule
            self._scheduler.modify_job(name, next_run_time=self._clock() + timedelta(seconds=seconds))


class _After(BaseTrigger):  # type: ignore[misc]  # theirs has no types
    """So long from now. Their IntervalTrigger counts from the last date: ten million runs after a leap of ten years."""

    def __init__(self, pause: timedelta) -> None:
        self._pause = pause

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return the next time after `now`."""
        return now + self._pause


class _DaemonThreads(Executor):
    """A thread for each call that never delays the end of the process: a pool of the standard library is waited for."""

    def __init__(self) -> None:
        self._calls: set[Future[Any]] = set()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Begin the call."""
        call: Future[R] = Future()
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

        def work() -> None:
            try:
                call.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - as any executor does: the caller gets it
                call.set_exception(error)

        threading.Thread(target=work, name="task", daemon=True).start()
        return call

    def wait(self, seconds: float) -> None:
        """Wait at most so long for all calls."""
        wait(tuple(self._calls), seconds)


class _PoolExecutor(BasePoolExecutor):  # type: ignore[misc]  # theirs has no types
    def __init__(self, threads: _DaemonThreads) -> None:
        super().__init__(threads)
