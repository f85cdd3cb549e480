"""Two virtual years of outages, quotas, expiries, kills, suspends and clock jumps: nothing is lost unseen.

The seed is printed with every failure (STRONGROOM_SIMULATION_SEED repeats it).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench_engine import Bench, open_bench

from strongroom.engine.assembly import Doors, open_engine, open_reading
from strongroom.engine.planning import enter_due
from strongroom.engine.readings import coverage_of, list_archives
from strongroom.engine.runner import Runner
from strongroom.engine.sanity import require_sane_clock
from strongroom.evidence.line import read_chain
from strongroom.model.coverage import Cover
from strongroom.model.errors import WorldError
from strongroom.model.job import Cause
from strongroom.model.plan import Plan, Span
from strongroom.model.stream import Stream
from strongroom.model.window import Window, subtract
from strongroom.sandbox.faults import Fault, FaultKind, Length, WaitHint
from strongroom.sandbox.recorder import Operation
from strongroom.sandbox.records import DataOptions
from strongroom.sandbox.zavu_options import ZavuOptions

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = int(os.environ.get("STRONGROOM_SIMULATION_DAYS", "730"))
KEEPS = timedelta(days=90)
PLANS = (
    Plan(Stream("messages", "zavu", ("messages",)), SINCE, Span.WEEK, "Europe/Berlin", timedelta(hours=6)),
    Plan(Stream("calls", "zavu", ("agentExecutions",)), SINCE, Span.MONTH, "America/New_York", timedelta(days=1)),
    Plan(Stream("account", "zavu", ("activities",)), SINCE, Span.MONTH, "Australia/Lord_Howe", timedelta(hours=1)),
)


TROUBLES = (
    Fault(FaultKind.ANSWER, on=Operation.CREATE, status=503, times=2),
    Fault(FaultKind.ANSWER, on=Operation.CREATE, status=503, after=True),
    Fault(FaultKind.RESET, on=Operation.CREATE),
    Fault(FaultKind.RESET, on=Operation.CREATE, after=True),
    Fault(FaultKind.ANSWER, on=Operation.CREATE, status=429, hint=WaitHint.SECONDS, wait=1800, times=2),
    Fault(FaultKind.ANSWER, on=Operation.GET, status=500, times=4),
    Fault(FaultKind.ANSWER, on=Operation.LIST, status=502, times=3),
    Fault(FaultKind.ANSWER, on=Operation.DOWNLOAD, status=403),
    Fault(FaultKind.CUT, at=500),
    Fault(FaultKind.CUT, at=500, length=Length.CUT),
    Fault(FaultKind.JOB_FAILS),
    Fault(FaultKind.JOB_VANISHES, seconds=2),
    Fault(FaultKind.MALFORMED_JSON),
)


class Died(BaseException):
    """The process is gone: nothing after this place happens."""


@dataclass
class Weather:
    """What goes wrong, decided by a seed."""

    seed: int
    chance: random.Random = field(init=False)
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def tomorrow(self, bench: Bench) -> timedelta:
        """Bend the sandbox for the next days and say how long the machine sleeps or is down."""
        bench.sandbox.faults.clear()
        if self.chance.random() < 0.7:
            fault = self.chance.choice(TROUBLES)
            bench.sandbox.faults.add(fault)
            self.told[f"{fault.kind.value} {fault.status if fault.on != 'download' else ''}"] += 1
        if self.chance.random() < 0.1:
            for _ in range(self.chance.randint(1, 9)):
                bench.sandbox.zavu.add_foreign_job(["activities"])
        if self.chance.random() < 0.05:
            self.told["long sleep"] += 1
            return timedelta(days=self.chance.randint(8, 40))
        return timedelta(days=self.chance.choice((2, 3, 5, 7)), hours=self.chance.randint(0, 23))

    def reaper(self) -> object:
        """Return a witness that now and then kills at a place, as if the process had died there."""
        countdown = self.chance.randint(1, 25) if self.chance.random() < 0.3 else 0

        def witness(_place: str) -> None:
            nonlocal countdown
            countdown -= 1
            if countdown == 0:
                self.told["kill"] += 1
                raise Died

        return witness


def refuse_a_wrong_clock(bench: Bench, weather: Weather) -> None:
    """Start with a clock that leapt: nothing may be planned by it."""
    leap = weather.chance.choice((timedelta(days=40), timedelta(days=3), timedelta(hours=-5)))
    bench.sandbox.faults.clear()
    doors = Doors(clock=lambda: bench.clock() + leap)
    with open_engine(bench.config, "tests", doors) as engine, pytest.raises(WorldError, match="our clock is"):
        require_sane_clock(engine)


def live_through_a_day(bench: Bench, weather: Weather) -> None:
    if weather.chance.random() < 0.05:
        weather.told["clock jump"] += 1
        refuse_a_wrong_clock(bench, weather)
    with bench.engine(witness=weather.reaper()) as engine:
        try:
            enter_due(engine, PLANS)
            Runner(engine, bench.pause, 1).run(
                bench.clock() + timedelta(hours=20), refill=lambda: enter_due(engine, PLANS)
            )
        except Died:
            return


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_years_end_with_every_window_accounted_for(tmp_path: Path) -> None:
    seed = int(os.environ.get("STRONGROOM_SIMULATION_SEED", "20261121"))
    print(f"simulation seed {seed}")
    weather = Weather(seed)
    data = DataOptions(per_day={"messages": 3, "agentExecutions": 1, "activities": 1})
    with open_bench(tmp_path, data=data, zavu=ZavuOptions(pace=1.0, retention=KEEPS)) as bench:
        bench.clock.set(SINCE)
        end = SINCE + timedelta(days=DAYS)
        while bench.clock() < end:
            bench.clock.advance(weather.tomorrow(bench))
            live_through_a_day(bench, weather)
        bench.sandbox.faults.clear()
        for _ in range(3):
            bench.clock.advance(timedelta(hours=3))
            with bench.engine() as engine:
                enter_due(engine, PLANS)
                bench.run(engine)
        check(bench, seed, weather)


def check(bench: Bench, seed: int, weather: Weather) -> None:
    with open_reading(bench.config) as vault:
        for plan in PLANS:
            ledger = coverage_of(vault, plan.stream.name)
            covers = Counter(interval.cover for interval in ledger)
            last = max(interval.window.end for interval in ledger)
            assert subtract(Window(SINCE, last), [each.window for each in ledger]) == [], (seed, plan.stream.name)
            assert last > bench.clock() - timedelta(days=63), (seed, plan.stream.name)
            assert covers[Cover.OPEN] == 0, (seed, covers)
            assert covers[Cover.LOST] == 0, (seed, covers, weather.told)
            for interval in ledger:
                assert interval.cover in (Cover.PROVEN, Cover.EMPTY) or interval.cause, (seed, interval)
            allowed = {Cause.PROVIDER_FAILED.value, Cause.CONTENT.value, Cause.GONE.value}
            missing = [each for each in ledger if each.cover is Cover.MISSING]
            assert {each.cause for each in missing} <= allowed, (seed, missing)
        held = list_archives(vault, holding="held", most=10_000)
        windows = Counter((archive.stream, archive.spec.window) for archive in held)
        assert max(windows.values()) == 1, seed
        list(read_chain(vault.layout.log.read_bytes().splitlines()))
    quota_refusals = [
        request for request in bench.sandbox.requests.creates if request.status == 429 and not request.faults
    ]
    assert quota_refusals == [], seed
    assert weather.told["kill"] > 0 and weather.told["clock jump"] > 0 and sum(weather.told.values()) > 20
