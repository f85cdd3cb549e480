"""The daemon: one per vault, held by its lock. Wakes, works, listens to signals, and leaves within ten seconds."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.daemon.alarmclock import AlarmClock
from strongroom.daemon.logs import log, start_logging, tell, tell_transition
from strongroom.daemon.service import Rhythm, Service, Watch
from strongroom.daemon.systemd import Notifier
from strongroom.engine.assembly import Doors, open_engine
from strongroom.engine.recover import recover
from strongroom.engine.resume import resume_sources
from strongroom.engine.runner import Crew
from strongroom.model.errors import ExitCode, StrongroomError, UsageError

TURN = 1.0  # seconds at the most between two looks at requests
LEAVE = 8.0  # seconds for jobs in hand to be parked; after that the process ends and the next start settles them


def boot_seconds() -> float:
    """Return the seconds since the machine started, sleep included: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Daemon:
    """Runs until it is asked to stop. `watch` raises and clears alarms at every beat."""

    def __init__(self, config: Config, watch: Watch, doors: Doors | None = None, rhythm: Rhythm | None = None) -> None:
        self._config = config
        self._watch = watch
        self._woken = threading.Event()
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._doors = replace(doors or Doors(), stop=self._stop.is_set, listen=tell_transition)
        self._rhythm = rhythm or Rhythm()
        self._notifier = Notifier()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again. Returns the exit code."""
        start_logging(self._config.daemon.log_level.value)
        self._take_signals()
        with open_engine(self._config, "strongroom daemon", self._doors) as engine:
            settled = recover(engine)
            tell("started", vault=self._config.vault.path, settled=settled)
            for name in resume_sources(engine):
                tell("source-resumed", source=name)
            crew = Crew(engine, self._config.daemon.workers)
            service = Service(engine, self._config, crew, boot_seconds, self._watch, self._rhythm)
            with AlarmClock(self._woken, self._rhythm.beat) as alarm:
                self._notifier.ready()
                self._loop(service, alarm)
            self._notifier.stopping()
            self._park(crew)
        return ExitCode.OK

    def _loop(self, service: Service, alarm: AlarmClock) -> None:
        while not self._stop.is_set():
            if self._reload.is_set():
                self._reload.clear()
                self._read_again(service)
            due = service.turn()
            if due is not None:
                alarm.wake_at(due)
            self._notifier.status(service.words())
            self._notifier.alive()
            self._woken.wait(TURN)
            self._woken.clear()

    def _read_again(self, service: Service) -> None:
        """Take over a valid configuration; keep the old one and say why when the new one is not."""
        self._notifier.reloading(time.monotonic_ns() // 1000)
        try:
            config = load_config(self._config.file)
            if config.vault.path != self._config.vault.path:
                raise UsageError("the vault's path changed", hint="restart the daemon to move to another vault")
        except StrongroomError as error:
            log.error("configuration refused, the old one stays: %s", error.message)
        else:
            service.adopt(config, self._doors)
            self._config = config
            tell("configuration read again", file=config.file)
        self._notifier.ready()

    def _park(self, crew: Crew) -> None:
        """Let jobs in hand come to a place where they can rest; end the process where they do not in time."""
        if crew.leave(LEAVE):
            tell("stopped", parked="all")
            return
        tell("stopped", parked="the rest is settled at the next start")
        log.handlers[0].flush()
        os._exit(ExitCode.OK)

    def _take_signals(self) -> None:
        for number, event in (
            (signal.SIGTERM, self._stop),
            (signal.SIGINT, self._stop),
            (signal.SIGHUP, self._reload),
        ):
            signal.signal(number, self._setter(event))

    def _setter(self, event: threading.Event) -> Callable[[int, FrameType | None], None]:
        def heard(_number: int, _frame: FrameType | None) -> None:
            event.set()
            self._woken.set()

        return heard
