"""Two virtual years of outages, quotas, expiries, kills, suspends and clock jumps: nothing is lost unseen.

The seed is printed with every failure (STRONGROOM_SIMULATION_SEED repeats it).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.clocks import require_sane_clock
from kit.engine_bench import Bench
from strongroom.config.load import load_config
from strongroom.config.template import FreshSource
from strongroom.engine.access.inventory import find_job
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.ingest.planning import enter_due, enter_window
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import coverage_of, list_archives, list_jobs
from strongroom.evidence.line import read_chain
from strongroom.model.coverage import Cover
from strongroom.model.errors import WorldError
from strongroom.model.job import Cause, Purpose
from strongroom.model.plan import Plan, Span, Stream
from strongroom.model.window import Window, subtract
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import FaultKind, InjectedFault, Length, WaitHint
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions, ZavuOptions
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.zavu_records import DataOptions

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = int(os.environ.get("STRONGROOM_SIMULATION_DAYS", "730"))
KEEPS, NOTHING = timedelta(days=90), timedelta(0)
HOOKS_KEPT = 45
"""Days that HookBridge keeps records: less than a month and the longest sleep, so that some are lost, and told."""
# The first is named as in the configuration of `open_three`: under another name it would be a renamed stream.
PLANS = (
    Plan(Stream("zavu-records", "zavu", ("messages",)), SINCE, Span.MONTH, "Europe/Berlin", timedelta(hours=6)),
    Plan(Stream("calls", "zavu", ("agentExecutions",)), SINCE, Span.MONTH, "America/New_York", timedelta(days=1)),
    Plan(Stream("hooks", "hookbridge", ("outbound",)), SINCE, Span.MONTH, "Asia/Kolkata", timedelta(hours=6)),
    Plan(
        Stream("history", "qlara", ("message-history",)), SINCE, Span.MONTH, "Australia/Lord_Howe", timedelta(hours=1)
    ),
    Plan(Stream("people", "qlara", ("contacts",)), SINCE, Span.MONTH, "UTC", timedelta(hours=1)),
)
SETTLES = {plan.stream.name: plan.settle for plan in PLANS}
LOSING = {"hooks", "people"}
"""Streams of which something can be lost: the provider keeps it too shortly, or shows only how things stand now."""
MORE_SOURCES = """
[[source]]
name = "hookbridge"
provider = "hookbridge"
api_key = "env:STRONGROOM_TEST_HOOKBRIDGE_KEY"
base_url = "{hookbridge}"
allow_private_addresses = true

[[source]]
name = "qlara"
provider = "qlara"
api_key = "env:STRONGROOM_TEST_QLARA_KEY"
base_url = "{qlara}"
allow_private_addresses = true
"""

TROUBLES = (
    InjectedFault(FaultKind.ANSWER, on=Operation.CREATE, status=503, times=2),
    InjectedFault(FaultKind.ANSWER, on=Operation.CREATE, status=503, after=True),
    InjectedFault(FaultKind.RESET, on=Operation.CREATE),
    InjectedFault(FaultKind.RESET, on=Operation.CREATE, after=True),
    InjectedFault(FaultKind.ANSWER, on=Operation.LIST, status=502, times=3),
    InjectedFault(FaultKind.ANSWER, on=Operation.DOWNLOAD, status=403),
    InjectedFault(FaultKind.CUT, at=500),
    InjectedFault(FaultKind.CUT, at=500, length=Length.CUT),
    InjectedFault(FaultKind.JOB_FAILS),
    InjectedFault(FaultKind.JOB_VANISHES, seconds=2),
)
OWN_TROUBLES = {
    ProviderName.ZAVU: (
        InjectedFault(FaultKind.ANSWER, on=Operation.CREATE, status=429, hint=WaitHint.SECONDS, wait=1800, times=2),
        InjectedFault(FaultKind.ANSWER, on=Operation.GET, status=500, times=4),
        InjectedFault(FaultKind.MALFORMED_JSON),
    ),
    ProviderName.HOOKBRIDGE: (
        InjectedFault(FaultKind.ANSWER, on=Operation.GET, status=500, times=4),
        InjectedFault(FaultKind.REDIRECT, hops=2, across=True),
        InjectedFault(FaultKind.OPEN_QUOTE),
    ),
    ProviderName.QLARA: (
        InjectedFault(FaultKind.ANSWER, on=Operation.LINK, status=500, times=2),
        InjectedFault(FaultKind.LIST_SHUFFLED, times=5),
        InjectedFault(FaultKind.CUT_ROW, at=4),
    ),
}


class Died(BaseException):
    """The process is gone: nothing after this place happens."""


@dataclass
class Weather:
    """What goes wrong, decided by a seed."""

    seed: int
    random_bytes: random.Random = field(init=False)
    person: random.Random = field(init=False)
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random_bytes, self.person = random.Random(self.seed), random.Random(self.seed + 1)

    def tomorrow(self, bench: Bench) -> timedelta:
        """Bend the sandbox for the next days and say how long the machine sleeps or is down."""
        sandbox = bench.sandbox
        sandbox.faults.clear()
        for provider, own in OWN_TROUBLES.items():
            if self.random_bytes.random() < 0.5:
                fault = replace(self.random_bytes.choice(TROUBLES + own), provider=provider)
                sandbox.faults.add(fault)
                self.told[f"{provider} {fault.kind}"] += 1
            if self.random_bytes.random() < 0.05:
                self.told[f"{provider} others"] += 1
                self.others(sandbox, provider)
        if self.random_bytes.random() < 0.05:
            self.told["long sleep"] += 1
            return timedelta(days=self.random_bytes.randint(8, 40))
        return timedelta(days=self.random_bytes.choice((3, 5, 7, 9)), hours=self.random_bytes.randint(0, 23))

    def others(self, sandbox: Sandbox, provider: ProviderName) -> None:
        """Let other clients of the account ask for exports of their own."""
        now = sandbox.clock()
        for _ in range(self.random_bytes.randint(1, 9)):
            if provider is ProviderName.ZAVU:
                sandbox.zavu.add_foreign_job(["activities"])
            elif provider is ProviderName.HOOKBRIDGE:
                sandbox.hookbridge.add_foreign_job(now - timedelta(days=3), now, "inbound")
            else:
                sandbox.qlara.add_foreign_job("DELIVERY_REPORTS", now - timedelta(days=3), now)

    def reaper(self) -> object:
        """Return a witness that now and then kills at a place, as if the process had died there."""
        countdown = self.random_bytes.randint(1, 25) if self.random_bytes.random() < 0.3 else 0

        def crash_point(_place: str) -> None:
            nonlocal countdown
            countdown -= 1
            if countdown == 0:
                self.told["kill"] += 1
                raise Died

        return crash_point


def refuse_a_wrong_clock(bench: Bench, weather: Weather) -> None:
    """Start with a clock that leapt: nothing may be planned by it."""
    leap = weather.random_bytes.choice((timedelta(days=40), timedelta(days=3), timedelta(hours=-5)))
    bench.sandbox.faults.clear()
    dependencies = Dependencies(clock=lambda: bench.clock() + leap)
    with open_engine(bench.config, "tests", dependencies) as engine, pytest.raises(WorldError, match="our clock is"):
        require_sane_clock(engine)


def export_too_early(bench: Bench, weather: Weather) -> None:
    """Let a person export a stretch that is not over, as if it were: what had not settled must come again."""
    plan, now = PLANS[weather.person.randrange(4)], bench.clock()
    hours = weather.person.randint(1, 90)
    window = Window(max(SINCE, now - timedelta(hours=hours)), now + timedelta(hours=weather.person.randint(1, 90)))
    if window.start >= now:
        return
    weather.told["too early"] += 1
    with bench.engine(settles=SETTLES) as engine:
        enter_window(engine, plan.stream, window, plan.retention)


def live_through_a_day(bench: Bench, weather: Weather) -> None:
    """Work for a day. A process that dies is started again a minute later, as a service manager does."""
    if weather.person.random() < 0.1:
        export_too_early(bench, weather)
    if weather.random_bytes.random() < 0.05:
        weather.told["clock jump"] += 1
        refuse_a_wrong_clock(bench, weather)
    until = bench.clock() + timedelta(hours=20)
    while bench.clock() < until:
        with bench.engine(crash_point=weather.reaper(), settles=SETTLES) as engine:
            try:
                enter_due(engine, PLANS)
                Runner(engine, bench.pause, 1).run(until, refill=lambda: enter_due(engine, PLANS))
            except Died:
                bench.clock.advance(timedelta(minutes=1))
            else:
                return


@contextmanager
def open_three(base: Path) -> Iterator[Bench]:
    """One vault over an account at each provider, on one clock."""
    clock = SandboxClock.stopped_at(SINCE)
    settings = SandboxSettings(
        zavu=ZavuOptions(retention=KEEPS),
        hookbridge=HookBridgeOptions(retention_days=HOOKS_KEPT),
        qlara=QlaraOptions(),
        data=DataOptions(per_day={"messages": 3, "agentExecutions": 1}),
        rows=RowOptions(per_day={"outbound": 3, "api": 2, "campaign": 1, "console": 1, "contacts": 1}),
    )
    with Sandbox(settings, clock=clock) as sandbox:
        os.environ["STRONGROOM_TEST_ZAVU_KEY"] = settings.api_key
        os.environ["STRONGROOM_TEST_HOOKBRIDGE_KEY"] = settings.hookbridge_key
        os.environ["STRONGROOM_TEST_QLARA_KEY"] = settings.qlara_key
        source = FreshSource(
            "zavu",
            "zavu",
            "env:STRONGROOM_TEST_ZAVU_KEY",
            ("messages",),
            since=f"{SINCE:%Y-%m-%d}",
            base_url=sandbox.api_url,
            allow_private_addresses=True,
        )
        wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.age", None, source)
        initialize(wanted, make_identity(os.urandom), Dependencies(clock=clock))
        with wanted.config.open("a") as file:
            file.write(MORE_SOURCES.format(hookbridge=sandbox.hookbridge_url, qlara=sandbox.qlara_url))
        yield Bench(base, sandbox, clock, load_config(wanted.config))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_years_of_three_providers_end_with_every_window_accounted_for(tmp_path: Path) -> None:
    seed = int(os.environ.get("STRONGROOM_SIMULATION_SEED", "20261121"))
    print(f"simulation seed {seed}")
    weather = Weather(seed)
    with open_three(tmp_path) as bench:
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
        check_coverage(bench, seed, weather)
        check_exports(bench, seed)


def check_coverage(bench: Bench, seed: int, weather: Weather) -> None:
    """Hold every window to be proven, empty, or missing or lost for a reason that is told."""
    allowed = {Cause.PROVIDER_FAILED.value, Cause.CONTENT.value, Cause.GONE.value}
    with open_reading(bench.config) as vault:
        for plan in PLANS:
            name = plan.stream.name
            ledger = coverage_of(vault, name)
            covers = Counter(interval.cover for interval in ledger)
            print(name, dict(covers))
            last = max(interval.window.end for interval in ledger)
            assert subtract(Window(SINCE, last), [each.window for each in ledger]) == [], (seed, name)
            assert last > bench.clock() - timedelta(days=63), (seed, name)
            assert covers[Cover.OPEN] == 0, (seed, name, covers)
            assert covers[Cover.LOST] == 0 or name in LOSING, (seed, name, covers, weather.told)
            assert covers[Cover.PROVEN] > 0.6 * len(ledger), (seed, name, covers)
            for interval in ledger:
                held = interval.cover in (Cover.PROVEN, Cover.EMPTY, Cover.LOST)
                assert held or interval.cause in allowed, (seed, interval)
                job = find_job(vault, interval.job) if interval.archive else None
                asked = bench.clock() if job is None else job.asked_at
                assert asked is not None and interval.window.end + (plan.settle if job else NOTHING) <= asked, seed
        held = list_archives(vault, holding="held", most=10_000)
        once = [archive for archive in held if find_job(vault, archive.job).purpose != Purpose.SECOND_LOOK]
        windows = Counter((archive.stream, archive.spec.window) for archive in once)
        assert max(windows.values()) == 1, seed
        list(read_chain(vault.layout.log.read_bytes().splitlines()))
    assert weather.told["too early"] > 0 or DAYS < 300
    assert weather.told["kill"] > 0 and weather.told["clock jump"] > 0 and sum(weather.told.values()) > 20


def check_exports(bench: Bench, seed: int) -> None:
    """Hold every export at a provider to be one job's own, unless it vanished from the list before anybody looked."""
    sandbox = bench.sandbox
    vanished = {each.at for each in sandbox.requests.creates if FaultKind.JOB_VANISHES in each.faults}
    accounts = {"zavu": sandbox.zavu.jobs, "hookbridge": sandbox.hookbridge.jobs, "qlara": sandbox.qlara.jobs}
    with open_reading(bench.config) as vault:
        jobs = list_jobs(vault, most=10_000)
    for source, exports in accounts.items():
        known = Counter(job.ref for job in jobs if job.source == source and job.ref)
        ours = {export.id for export in exports if not export.foreign}
        findable = {export.id for export in exports if not export.foreign and export.created_at not in vanished}
        assert set(known.values()) == {1}, (seed, source)
        assert findable <= set(known) <= ours, (seed, source, findable - set(known))
    refused = [request for request in sandbox.requests.creates if request.status == 429 and not request.faults]
    assert refused == [], seed
