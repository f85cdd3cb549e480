"""Runs one export in a process of its own and dies by SIGKILL at the given place. Used by test_engine_kill.py.

usage: python -m kit.drivers.kill CONFIG DIE_AT PLACES_FILE START
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from kit.engine_bench import DAY
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.sources import Dependencies, plans_of
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.queries.lists import list_jobs
from strongroom.engine.repair.restart import recover


class LeapingClock:
    """Time from a given start on, plus every pause that was asked for and not slept."""

    def __init__(self, start: datetime) -> None:
        self.start, self.began, self.leapt = start, time.monotonic(), timedelta(0)

    def __call__(self) -> datetime:
        return self.start + timedelta(seconds=time.monotonic() - self.began) + self.leapt

    def pause(self, seconds: float) -> None:
        self.leapt += timedelta(seconds=seconds)


class Reaper:
    """Kills this process at the n-th place that the engine tells of; writes each place down first."""

    def __init__(self, die_at: int, places: Path) -> None:
        self.die_at, self.places, self.count = die_at, places, 0

    def __call__(self, place: str) -> None:
        self.count += 1
        with self.places.open("a") as file:
            file.write(place + "\n")
        if self.count == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    config, reaper = load_config(Path(sys.argv[1])), Reaper(int(sys.argv[2]), Path(sys.argv[3]))
    clock = LeapingClock(datetime.fromisoformat(sys.argv[4]))
    with open_engine(config, "kill driver", Dependencies(clock=clock, crash_point=reaper)) as engine:
        engine = replace(engine, min_free=0)
        recover(engine)
        if not list_jobs(engine.vault):
            enter_window(engine, plans_of(config)[0].stream, DAY, "standard")
        Runner(engine, clock.pause, 1).run(clock() + timedelta(hours=12))


if __name__ == "__main__":
    main()
