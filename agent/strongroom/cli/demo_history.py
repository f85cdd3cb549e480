"""Fourteen months of the demo company, worked through in seconds by the real engine under a clock that is moved.

Nothing is forged: every archive was exported from the simulated providers, sealed, read back and counted; every log
entry, hold, plan, certificate and checkpoint was written by the code that writes them for anyone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.cli import demo_company as company
from strongroom.cli.demo_company import CompanyFolder
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.copies.copying import CopyContext, update_copy
from strongroom.engine.copies.targets import targets_of
from strongroom.engine.core.alert_store import reconcile
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, plans_of
from strongroom.engine.core.trusted_clock import judge_clock
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.commands import context_of
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.propose import propose, read_plan
from strongroom.engine.ingest.coverage import mark_snapshot
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.ingest.source_upkeep import resume_sources
from strongroom.engine.monitor.alert_rules import alarms_in
from strongroom.engine.monitor.stream_status import keeps_of, stream_statuses_of
from strongroom.engine.proof.checkpoint_delivery import keep_up
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import list_archives
from strongroom.engine.repair.restart import recover
from strongroom.engine.repair.scrub import Scrub
from strongroom.engine.repair.scrub_report import pace_of
from strongroom.engine.retention.holds import place
from strongroom.model.archive import Archive
from strongroom.model.errors import WorldError
from strongroom.model.hold import HoldRule
from strongroom.model.window import Window
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.server import Sandbox

_MORNING = timedelta(hours=8)
_DAY = timedelta(days=1)
_AT_MOST = timedelta(minutes=45)  # of the demo's time for one morning's exports
_PAUSE = timedelta(seconds=20)
_WHOLE_SCRUB = 1 << 40  # bytes

Happening = Callable[["History"], None]
Progress = Callable[[float], None]
"""Takes the share of the history that is done, 0 to 1."""


class History(Struct):
    """The company's past as far as it has been worked through."""

    folder: CompanyFolder
    sandbox: Sandbox
    dependencies: Dependencies
    clock: SandboxClock
    engine: Engine | None = None
    faults: dict[str, list[int]] = field(default_factory=dict)

    @property
    def working(self) -> Engine:
        """The open engine; raise LookupError outside `open`."""
        if self.engine is None:
            raise LookupError("the engine is not open")
        return self.engine

    @contextmanager
    def open(self, *, by_month: bool) -> Iterator[None]:
        """Open the engine under a configuration by the month, or the present one."""
        recipients = load_config(self.folder.config).vault.recipients
        self.folder.write_config(recipients, self.sandbox, by_month=by_month)
        config = load_config(self.folder.config)
        with open_engine(config, "strongroom demo", self.dependencies) as engine:
            self.engine = replace(engine, min_free=0)
            recover(self.engine)
            yield
        self.engine = None

    def export(self) -> None:
        """Do what a morning's run does: judge the clock, export what is pending, sign the log."""
        engine, config = self.working, load_config(self.folder.config)
        judge_clock(engine)
        resume_sources(engine)
        enter_due(engine, plans_of(config))
        Runner(engine, self._pause, 1).run(self.clock() + _AT_MOST)
        keep_up(config, engine.vault, self.dependencies.secret, self.clock)

    def _pause(self, seconds: float) -> None:
        self.clock.advance(max(timedelta(seconds=seconds), _PAUSE))  # so that few looks are needed

    def fault(self, name: str, *faults: InjectedFault) -> None:
        """Let something go wrong at a provider until `repair`."""
        self.faults[name] = [self.sandbox.faults.add(each) for each in faults]

    def repair(self, name: str) -> None:
        """Let a fault end."""
        for number in self.faults.pop(name):
            self.sandbox.faults.remove(number)


def build_company(folder: CompanyFolder, dependencies: Dependencies, progress: Progress = lambda _share: None) -> None:
    """Make the company's vault as it is on the morning of `NOW`. Takes the folder as it is: new or empty."""
    clock = SandboxClock.stopped_at(company.FOUNDED)
    dependencies = replace(dependencies, clock=clock)
    with Sandbox(company.provider_settings(pace=0), clock=clock) as sandbox:
        history = History(folder, sandbox, dependencies, clock)
        progress(0.0)
        _found(history)
        steps = sorted(_steps(), key=lambda each: each[0])
        with history.open(by_month=True):
            _work_through(history, [each for each in steps if each[0] < company.BY_MONTH_UNTIL], progress, 0.0, 0.5)
        with history.open(by_month=False):
            _work_through(history, [each for each in steps if each[0] >= company.BY_MONTH_UNTIL], progress, 0.5, 1.0)
            _conclude(history)


def _found(history: History) -> None:
    folder = history.folder
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.elsewhere.mkdir()
    folder.copy_disk.mkdir()
    wanted = NewVault(
        vault=folder.vault,
        config=folder.config,
        identity=folder.identity,
        passphrase=None,
        recovery_file=folder.root / "recovery-identity.txt",
    )
    initialize(wanted, make_identity(history.dependencies.random_bytes), history.dependencies)


def _work_through(
    history: History, steps: Sequence[tuple[datetime, Happening]], progress: Progress, first: float, last: float
) -> None:
    for number, (at, happening) in enumerate(steps):
        history.clock.set(max(at, history.clock()))
        happening(history)
        progress(first + (last - first) * (number + 1) / len(steps))


def _steps() -> Iterator[tuple[datetime, Happening]]:
    for month in range(13):
        year, number = divmod(company.FOUNDED.month + month, 12)
        yield company.FOUNDED.replace(year=company.FOUNDED.year + year, month=number + 1, day=1), History.export
    day = company.BY_MONTH_UNTIL.replace(hour=0) + _DAY + _MORNING
    while day <= company.NOW:
        yield day, History.export
        day += _DAY
    yield from (
        (company.KEY_REVOKED, _revoke_key),
        (company.KEY_RENEWED, _renew_key),
        (company.FIRST_PLAN, _approve_destruction),
        (company.FIRST_DESTRUCTION, _destroy),
        (company.HOLD_PLACED, _place_hold),
        (company.DAMAGED_FOR_GOOD, _damage_for_good),
        (company.DAMAGED_FOR_GOOD + _DAY, lambda history: history.repair("damage")),
        (company.DAMAGED_ONCE, _damage_once),
        (company.QLARA_DOWN, _lose_qlara),
        (company.SECOND_PLAN, _propose_destruction),
        (company.COPY_LOST, _lose_copy),
    )


def _revoke_key(history: History) -> None:
    history.fault(
        "key",
        *(
            InjectedFault(FaultKind.ANSWER, on=each, times=None, status=401, provider=ProviderName.HOOKBRIDGE)
            for each in Operation
        ),
    )


def _renew_key(history: History) -> None:
    history.repair("key")
    history.export()


def _damage_for_good(history: History) -> None:
    history.fault("damage", InjectedFault(FaultKind.OPEN_QUOTE, times=None, provider=ProviderName.HOOKBRIDGE))


def _damage_once(history: History) -> None:
    history.fault("once", InjectedFault(FaultKind.BAD_CRC, provider=ProviderName.ZAVU))


def _lose_qlara(history: History) -> None:
    history.fault(
        "qlara",
        *(
            InjectedFault(FaultKind.ANSWER, on=each, times=None, status=503, provider=ProviderName.QLARA)
            for each in Operation
        ),
    )


def _activity(history: History, before: datetime) -> list[Archive]:
    found = list_archives(history.working.vault, stream=company.ACTIVITY.name)
    return [each for each in found if each.spec.window.end <= before]


def _approve_destruction(history: History) -> None:
    context = context_of(load_config(history.folder.config), history.working.vault, history.dependencies, ask=True)
    archives = _activity(history, company.FOUNDED.replace(month=12, day=2))
    plan = propose(context, archives, company.MARIA, "the retention period is over")
    approve(context, plan.proposal.id, company.JONAS, read_plan(context, plan.proposal.id).digest)


def _destroy(history: History) -> None:
    judge_clock(history.working)
    context = context_of(load_config(history.folder.config), history.working.vault, history.dependencies, ask=True)
    carry_out(context)


def _propose_destruction(history: History) -> None:
    context = context_of(load_config(history.folder.config), history.working.vault, history.dependencies, ask=True)
    archives = _activity(history, datetime(2026, 3, 2, tzinfo=company.NOW.tzinfo))
    propose(context, archives, company.MARIA, "the retention period is over")


def _place_hold(history: History) -> None:
    period = Window(datetime(2026, 2, 1, tzinfo=company.NOW.tzinfo), datetime(2026, 5, 1, tzinfo=company.NOW.tzinfo))
    rule = HoldRule(company.MESSAGES.provider, company.MESSAGES.name, "", period.start, period.end, ())
    reason = "litigation notice of 6 July 2026"
    vault = history.working.vault
    place(vault, company.MATTER, rule, company.MARIA, reason, history.clock(), history.dependencies.random_bytes)


def _lose_copy(history: History) -> None:
    """Copy the vault, as the daemon does, then disconnect the disk."""
    _update_copies(history)
    shutil.rmtree(history.folder.copy_disk)


def _update_copies(history: History) -> None:
    vault = history.working.vault
    context = CopyContext(vault, history.clock)  # with a chance of its own: the history's makes the ids of jobs
    for target in targets_of(load_config(history.folder.config), vault):
        update_copy(context, target)


def _conclude(history: History) -> None:
    """Read every archive again, and raise the alerts of the day, as the daemon does."""
    engine, config = history.working, load_config(history.folder.config)
    history.clock.set(max(company.NOW, history.clock()))
    scrub = Scrub(engine.vault, engine.clock, pace_of(config))
    scrub.run(_WHOLE_SCRUB)
    scrub.finish()
    plans, keeps, now = plans_of(config), keeps_of(engine), engine.clock()
    statuses = stream_statuses_of(engine.vault, [mark_snapshot(engine, plan) for plan in plans], keeps, now)
    alerts = alarms_in(
        engine.vault,
        statuses,
        keeps,
        now,
        reserve=engine.min_free,
        pace=pace_of(config),
        drill_every=config.vault.drill_every,
        tolerance=engine.clock_tolerance,
    )
    reconcile(engine.vault, alerts, now)
    with suppress(WorldError):  # its disk is disconnected, which is recorded
        _update_copies(history)
    keep_up(config, engine.vault, history.dependencies.secret, engine.clock)
