"""The daemon: one for each vault, held by its lock. It loops, listens to signals, and ends within ten seconds of one.

The loop does what needs the lock and the open catalogue, once a second: requests, planning, jobs, alerts. What may take
long and needs neither runs beside it (schedule.py).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from msgspec.structs import replace

from strongroom.config.load import Freshness, load_config
from strongroom.config.schema import Config
from strongroom.daemon.background_task import BackgroundTask
from strongroom.daemon.crash_notice import CrashNotice
from strongroom.daemon.logs import log, patient_secret, report, report_transition, set_level, start_logging
from strongroom.daemon.rehearsal_task import RehearsalTask
from strongroom.daemon.schedule import Schedule, Wakeup, boot_seconds
from strongroom.daemon.service import Intervals, Service
from strongroom.daemon.systemd import Notifier
from strongroom.daemon.tasks import CheckpointTask, CopyTask, DestructionTask, ReportTask
from strongroom.daemon.watcher import Watcher
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.ingest.runner import WorkerPool
from strongroom.engine.ingest.source_upkeep import resume_sources
from strongroom.engine.repair.restart import recover
from strongroom.engine.worker.lifetime import EndingLimit
from strongroom.model.errors import ExitCode, StrongroomError, UsageError, VaultError
from strongroom.model.times import Clock

TURN = 1.0  # seconds at most between two looks at requests
TELL = 0.9  # seconds at least between two status lines: workers that finish may wake the loop many times a second
LEAVE = 7.0  # seconds for jobs in progress to be parked; after that the process ends and the next start settles them
LIMIT = 9.5  # seconds for all of it, whatever hangs
FAREWELL = 1.0  # seconds for messages and tasks that are under way outside the loop


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what distinguishes this file from one that replaces it, None where there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino


def require_same(catalogue: Path, opened: tuple[int, int] | None) -> None:
    """Raise VaultError where the open catalogue is no longer the file at its path: what is written would be lost."""
    found = identity_of(catalogue)
    if found != opened:
        what = "was deleted" if found is None else "was replaced by another file"
        hint = "run: strongroom recover"
        raise VaultError(f"the catalogue {catalogue} {what} while the daemon was running", hint=hint)


class Daemon:
    """Runs until it is asked to stop. Its watcher raises and clears alerts, whatever becomes of the jobs."""

    def __init__(
        self,
        config: Config,
        dependencies: Dependencies | None = None,
        intervals: Intervals | None = None,
        boot: Callable[[], float] = boot_seconds,
        timer_clock: Clock | None = None,
    ) -> None:
        """`boot` runs as fast as the clock does; `timer_clock` is the one that timers count on, if it is another."""
        self._config = config
        self._wakeup = Wakeup()
        self._stopping = False
        self._reloading = False
        self._limit = EndingLimit(ExitCode.OK, self._say_given_up, LIMIT)
        self._fresh = Freshness(config.file)
        self._dependencies = replace(
            dependencies or Dependencies(), stop=lambda: self._stopping, listen=report_transition, secret=patient_secret
        )
        self._intervals = intervals or Intervals()
        self._boot = boot
        self._systemd = Notifier()
        self._watcher = Watcher(config, self._dependencies.clock, self._dependencies.monotonic)
        self._destruction = DestructionTask(config, self._dependencies, self._may_act, self._dependencies.monotonic)
        self._checkpoints = CheckpointTask(config, self._dependencies, self._may_act)
        self._reports = ReportTask(config, self._dependencies, self._may_act)
        self._copies = CopyTask(config, self._dependencies, self._may_act)
        self._rehearsals = RehearsalTask(config, self._dependencies, self._may_act)
        tasks = (self._destruction, self._checkpoints, self._reports, self._copies, self._rehearsals)
        self._schedule = Schedule(tasks, timer_clock or self._dependencies.clock)
        self._crash_notice = CrashNotice(config, self._dependencies.clock, self._dependencies.monotonic)

    def _may_act(self) -> bool:
        return not self._stopping and self._schedule.may_act()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again, as its change does. Returns 0.

        Anything else that ends it is raised, after the crash notice was sent.
        """
        start_logging(self._config.daemon.log_level.value)
        self._take_signals()
        try:
            return self._work()
        except Exception as error:  # whatever it is, the crash notice comes before it
            if isinstance(error, StrongroomError):
                self._systemd.status(f"cannot continue: {error.sentences}".rstrip(". ") + ".")
            self._crash_notice.say(error)
            raise
        finally:
            self._limit.cancel()

    def _work(self) -> int:
        with open_engine(self._config, "strongroom daemon", self._dependencies) as engine:
            opened = identity_of(engine.vault.layout.catalogue)  # at once: later it may be another file already
            settled = recover(engine)
            self._schedule.begin()
            report("started", vault=self._config.vault.path, settled=settled)
            pool = WorkerPool(engine, self._config.daemon.workers, ring=self._wakeup.ring)
            service = Service(engine, self._config, pool, self._boot, self._watcher, self._intervals)
            try:
                self._systemd.ready()
                self._watcher.begin()
                self._resume(service)
                self._loop(service, opened)
            finally:
                self._stopping = True  # also when an error ends the loop: workers see it and park their jobs
                self._systemd.stopping()
                parked = pool.leave(LEAVE)
                service.leave()
                self._schedule.finish(FAREWELL)
                self._watcher.finish(engine, FAREWELL)
            self._end(parked)
        return ExitCode.OK

    def _loop(self, service: Service, opened: tuple[int, int] | None) -> None:
        catalogue, tell_at = service.engine.vault.layout.catalogue, time.monotonic()
        while not self._stopping:
            require_same(catalogue, opened)
            if self._fresh.changed() or self._reloading:
                self._reloading = False
                self._read_again(service)
            due = service.turn()
            self._schedule.follow_clock()
            self._schedule.vouch(believed=service.clock.fault is None)
            if (now := time.monotonic()) >= tell_at:
                tell_at = now + TELL
                self._systemd.status(service.words())
                self._systemd.alive()
                self._crash_notice.alive()
            pause = TURN if due is None else (due - self._dependencies.clock()).total_seconds()
            self._wakeup.wait(min(max(pause, 0.0), TURN))

    def _resume(self, service: Service) -> None:
        """Try paused sources in the background: one that does not answer may take two minutes."""
        engine = service.engine

        def resume() -> None:
            for name in resume_sources(engine):
                report("source-resumed", source=name)
                service.pool.hurry()
                self._wakeup.ring()

        BackgroundTask(resume, "resume")

    def _read_again(self, service: Service) -> None:
        """Take over a valid configuration; keep the old one and log why when the new one is not."""
        self._systemd.reloading(time.monotonic_ns() // 1000)
        try:
            config = load_config(self._config.file)
            if config.vault.path != self._config.vault.path:
                hint = "restart the daemon to work in another vault"
                raise UsageError("[vault] path changed, which needs a restart", hint=hint)
            service.adopt(config, self._dependencies)
        except StrongroomError as error:
            words = error.sentences
            log.error("configuration refused, the previous one stays active: %s", words)
            service.refuse()
            self._watcher.refuse()
        else:
            self._watcher.adopt(config)
            self._destruction.adopt(config)
            self._checkpoints.adopt(config)
            self._reports.adopt(config)
            self._copies.adopt(config)
            self._rehearsals.adopt(config)
            self._schedule.hurry()
            self._crash_notice.adopt(config)
            set_level(config.daemon.log_level.value)
            self._config = config
            report("configuration read again", file=config.file)
            self._resume(service)
        self._systemd.ready()

    def _end(self, parked: bool) -> None:
        """Log how it ended; end the process at once where a job in progress did not stop in time."""
        if parked:
            report("stopped", parked="all")
            return
        report("stopped", parked="the rest is settled at the next start")
        log.handlers[0].flush()
        os._exit(ExitCode.OK)

    @staticmethod
    def _say_given_up() -> None:
        os.write(2, b"ended: something in progress did not stop in time; the next start settles it\n")

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._heard)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reloading = True
        else:
            self._stopping = True
            self._limit.begin()
        self._wakeup.ring()
