"""What runs beside the loop: never twice at once, through leaps of the clock, and no obstacle to a stop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.listeners import until
from strongroom.daemon.schedule import VOUCHED, Schedule

AGENT = Path(__file__).parents[2] / "agent"
HOUR = timedelta(hours=1)


class Times:
    """The wall clock and the seconds since boot, both moved by hand."""

    def __init__(self) -> None:
        self.start = self.now = datetime.now(UTC)  # APScheduler sleeps by the real one
        self.boot = 1000.0

    def wall(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.boot

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.boot += seconds


class Task:
    """Counts its runs; each ends only when it may."""

    name, every = "task", 30.0

    def __init__(self, rest: float = 30.0) -> None:
        self.runs, self.together, self.most = 0, 0, 0
        self.rest = rest
        self.gate = threading.Event()
        self.gate.set()

    def run(self) -> float:
        self.together += 1
        self.most = max(self.most, self.together)
        self.gate.wait(60)
        self.together -= 1
        self.runs += 1
        return self.rest


@contextmanager
def begun(schedule: Schedule, *, paused: bool = False) -> Iterator[Schedule]:
    schedule.begin(paused=paused)
    try:
        yield schedule
    finally:
        schedule.finish(60)


@pytest.fixture
def times() -> Times:
    return Times()


def test_it_runs_at_once_and_rests_as_long_as_the_task_says(times: Times) -> None:
    task = Task(rest=3600.0)
    with begun(Schedule([task], times.wall, times.seconds)) as schedule:
        until(lambda: schedule.next_run("task") == times.now + HOUR)
        assert task.runs == 1


def test_nothing_runs_twice_at_once_and_what_is_hurried_meanwhile_runs_again(times: Times) -> None:
    task = Task(rest=10**6)
    task.gate.clear()
    with begun(Schedule([task], times.wall, times.seconds)) as schedule:
        until(lambda: task.together == 1)
        for _ in range(3):
            schedule.hurry()
        assert task.together == 1
        task.gate.set()
        until(lambda: task.runs == 2)
        until(lambda: schedule.next_run("task") == times.now + timedelta(seconds=10**6))
    assert (task.runs, task.most) == (2, 1)


@pytest.mark.parametrize("leap", [timedelta(hours=-2), timedelta(days=3650), timedelta(seconds=2)])
def test_a_leap_neither_stops_a_task_nor_makes_it_run_again_and_again(times: Times, leap: timedelta) -> None:
    task = Task()
    with begun(Schedule([task], times.wall, times.seconds), paused=True) as schedule:
        times.advance(7)
        schedule.follow_clock()
        assert schedule.next_run("task") == times.start
        times.now += leap
        schedule.follow_clock()
        assert schedule.next_run("task") == times.now + timedelta(seconds=30)
        schedule.follow_clock()
        times.advance(5)
        schedule.follow_clock()
        assert schedule.next_run("task") == times.now + timedelta(seconds=25)
    assert task.runs == 0


def test_a_suspend_is_no_leap(times: Times) -> None:
    with begun(Schedule([Task()], times.wall, times.seconds), paused=True) as schedule:
        times.advance(7 * 86_400)
        schedule.follow_clock()
        assert schedule.next_run("task") == times.start


def test_ten_years_late_is_one_run(times: Times) -> None:
    times.now = datetime.now(UTC) - timedelta(days=3650)
    task = Task(rest=10**9)
    with begun(Schedule([task], times.wall, times.seconds)) as schedule:
        until(lambda: schedule.next_run("task") > datetime.now(UTC))
    assert task.runs == 1


def test_the_loop_vouches_for_the_clock_and_its_word_is_soon_worth_nothing(times: Times) -> None:
    task = Task(rest=10**6)
    with begun(Schedule([task], times.wall, times.seconds)) as schedule:
        until(lambda: task.runs == 1)
        assert not schedule.may_act()
        schedule.vouch(believed=True)
        assert schedule.may_act()
        until(lambda: task.runs == 2)  # it need not wait for its turn any longer
        schedule.vouch(believed=True)
        times.advance(VOUCHED)
        assert not schedule.may_act()
        schedule.vouch(believed=True)
        schedule.vouch(believed=False)
        assert not schedule.may_act()


HANGS = """
import threading
from datetime import UTC, datetime
from strongroom.daemon.schedule import Schedule

class Hangs:
    name, every, begun = "hangs", 30.0, threading.Event()
    def run(self):
        self.begun.set()
        threading.Event().wait()

schedule = Schedule([Hangs()], lambda: datetime.now(UTC))
schedule.begin()
Hangs.begun.wait(60)
schedule.finish(0.05)
"""


def test_a_task_that_hangs_keeps_no_process_alive() -> None:
    began = time.monotonic()
    env = {**os.environ, "PYTHONPATH": str(AGENT)}
    done = subprocess.run([sys.executable, "-c", HANGS], env=env, timeout=120, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert time.monotonic() - began < 100
