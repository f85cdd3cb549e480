"""The daemon: one per vault, held by its lock. Wakes, works, listens to signals, and leaves within ten seconds."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import FrameType

from msgspec.structs import replace

from strongroom.config.load import Freshness, load_config
from strongroom.config.schema import Config
from strongroom.daemon.clock_poll import BackgroundTask
from strongroom.daemon.crash_notice import CrashNotice
from strongroom.daemon.logs import log, patient_secret, set_level, start_logging, tell, tell_transition
from strongroom.daemon.service import Intervals, Service
from strongroom.daemon.systemd import Notifier
from strongroom.daemon.tasks import CheckpointTask, DestructionTask
from strongroom.daemon.wakeup import AlarmClock, Wakeup
from strongroom.daemon.watcher import Watcher
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.ingest.runner import WorkerPool
from strongroom.engine.ingest.source_upkeep import resume_sources
from strongroom.engine.repair.restart import recover
from strongroom.engine.worker.lifetime import EndingLimit
from strongroom.model.errors import ExitCode, StrongroomError, UsageError, VaultError

TURN = 1.0  # seconds at the most between two looks at requests
LEAVE = 7.0  # seconds for jobs in hand to be parked; after that the process ends and the next start settles them
LIMIT = 9.5  # seconds for all of it, whatever hangs
FAREWELL = 1.0  # seconds for the channels to hear what they have not heard yet


def boot_seconds() -> float:
    """Return the seconds since the machine started, sleep included: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what tells this file from any other that may come to lie at its place, None where there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino


def require_same(catalogue: Path, opened: tuple[int, int] | None) -> None:
    """Raise VaultError where the catalogue that is open lies no more at its place: what is written would be lost."""
    found = identity_of(catalogue)
    if found != opened:
        what = "was deleted" if found is None else "was replaced by another file"
        hint = "run: strongroom recover"
        raise VaultError(f"the catalogue {catalogue} {what} while the daemon was running", hint=hint)


class Daemon:
    """Runs until it is asked to stop. Its watcher raises and clears alarms, whatever becomes of the jobs."""

    def __init__(
        self, config: Config, dependencies: Dependencies | None = None, intervals: Intervals | None = None
    ) -> None:
        self._config = config
        self._bell = Wakeup()
        self._stopping = False
        self._reloading = False
        self._limit = EndingLimit(ExitCode.OK, self._say_given_up, LIMIT)
        self._fresh = Freshness(config.file)
        self._doors = replace(
            dependencies or Dependencies(), stop=lambda: self._stopping, listen=tell_transition, secret=patient_secret
        )
        self._rhythm = intervals or Intervals()
        self._notifier = Notifier()
        self._watcher = Watcher(config, self._doors.clock, self._doors.monotonic)
        self._notary = CheckpointTask(config, self._doors, self._doors.monotonic)
        self._disposal = DestructionTask(config, self._doors, self._doors.monotonic)
        self._last_word = CrashNotice(config, self._doors.clock, self._doors.monotonic)

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again, as its change does. Returns 0.

        Whatever ends it otherwise is raised, once those who are to be told have been told.
        """
        start_logging(self._config.daemon.log_level.value)
        self._take_signals()
        try:
            return self._work()
        except Exception as error:  # whatever it is, it goes on up once it was told
            if isinstance(error, StrongroomError):
                self._notifier.status(f"cannot go on: {error.sentences}".rstrip(". ") + ".")
            self._last_word.say(error)
            raise
        finally:
            self._limit.cancel()

    def _work(self) -> int:
        with open_engine(self._config, "strongroom daemon", self._doors) as engine:
            opened = identity_of(engine.vault.layout.catalogue)  # at once: later it may be another file already
            settled = recover(engine)
            self._disposal.begin()
            tell("started", vault=self._config.vault.path, settled=settled)
            pool = WorkerPool(engine, self._config.daemon.workers)
            service = Service(engine, self._config, pool, boot_seconds, self._watcher, self._rhythm)
            try:
                with AlarmClock(self._bell, self._rhythm.beat) as alarm:
                    self._notifier.ready()
                    self._watcher.begin()
                    self._resume(service)
                    self._loop(service, alarm, opened)
            finally:
                self._stopping = True  # also when an error ends the loop: workers hear it and put their jobs down
                self._notifier.stopping()
                parked = pool.leave(LEAVE)
                service.leave()
                self._notary.finish(FAREWELL)
                self._disposal.finish(FAREWELL)
                self._watcher.finish(engine, FAREWELL)
            self._end(parked)
        return ExitCode.OK

    def _loop(self, service: Service, alarm: AlarmClock, opened: tuple[int, int] | None) -> None:
        catalogue = service.engine.vault.layout.catalogue
        while not self._stopping:
            require_same(catalogue, opened)
            if self._fresh.changed() or self._reloading:
                self._reloading = False
                self._read_again(service)
            due = service.turn()
            if due is not None:
                alarm.wake_at(due)
            if service.clock.fault is None:  # a checkpoint tells the time it was signed at
                self._notary.tend()
                self._disposal.tend()
            self._notifier.status(service.words())
            self._notifier.alive()
            self._last_word.alive()
            self._bell.wait(TURN)

    def _resume(self, service: Service) -> None:
        """Try paused sources in the background: one that does not answer may take two minutes."""
        engine = service.engine

        def resume() -> None:
            for name in resume_sources(engine):
                tell("source-resumed", source=name)
                service.pool.hurry()
                self._bell.ring()

        BackgroundTask(resume, "resume")

    def _read_again(self, service: Service) -> None:
        """Take over a valid configuration; keep the old one and say why when the new one is not."""
        self._notifier.reloading(time.monotonic_ns() // 1000)
        try:
            config = load_config(self._config.file)
            if config.vault.path != self._config.vault.path:
                hint = "restart the daemon to work in another vault"
                raise UsageError("[vault] path changed, which needs a restart", hint=hint)
            service.adopt(config, self._doors)
        except StrongroomError as error:
            words = error.sentences
            log.error("configuration refused, the old one stays: %s", words)
            service.refuse()
            self._watcher.refuse()
        else:
            self._watcher.adopt(config)
            self._notary.adopt(config)
            self._disposal.adopt(config)
            self._last_word.adopt(config)
            set_level(config.daemon.log_level.value)
            self._config = config
            tell("configuration read again", file=config.file)
            self._resume(service)
        self._notifier.ready()

    def _end(self, parked: bool) -> None:
        """Tell how it ended; end the process at once where a job in hand did not come to rest in time."""
        if parked:
            tell("stopped", parked="all")
            return
        tell("stopped", parked="the rest is settled at the next start")
        log.handlers[0].flush()
        os._exit(ExitCode.OK)

    @staticmethod
    def _say_given_up() -> None:
        os.write(2, b"ended: something under way did not stop in time; the next start settles it\n")

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._heard)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reloading = True
        else:
            self._stopping = True
            self._limit.begin()
        self._bell.ring()
