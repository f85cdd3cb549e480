"""What the daemon does, for one run that ends: what a run finds is sent through the same channels, in the same words.

Without it, a run from cron that lost fifty days would end as quietly as one that had nothing to do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from strongroom.cli.terminal import report
from strongroom.daemon.channels import build_channels
from strongroom.daemon.crash_notice import CrashNotice
from strongroom.daemon.watcher import Watcher
from strongroom.engine.core.alert_store import due_alerts
from strongroom.engine.core.sources import plans_of, system_clock
from strongroom.engine.core.trusted_clock import ClockRefused
from strongroom.engine.monitor.stream_status import Losses, losses_since, lost_of
from strongroom.model.clock_check import ClockVerdict

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.core.engine import Engine


PATIENCE = 25.0  # seconds for channels and the dead man's switch; a channel takes 20 at the most
HASTE = 2.0  # the same, after a request to stop, also while waiting
SLICE = 0.25  # seconds until a request to stop is seen


@contextmanager
def crash_notice_on_error(config: Config) -> Iterator[None]:
    """Send a crash notice if the run fails. Uses the configuration alone: the vault itself may be unavailable."""
    logging.getLogger("strongroom").addHandler(logging.NullHandler())  # the daemon's journal is none of a terminal
    word = CrashNotice(config, system_clock, who="a run")
    try:
        yield
    except ClockRefused:
        raise  # was sent as an alert
    except Exception as error:  # whatever it is, it is raised again once it was sent
        word.say(error)
        raise
    word.forget()


class RunWatcher:
    """Watches over one run. The vault must be open, and its lock taken. `stopped` says whether a stop was requested."""

    def __init__(self, config: Config, engine: Engine, stopped: Callable[[], bool]) -> None:
        # A metrics port that is open for a few seconds an hour is useless.
        self._watcher = Watcher(replace(config, metrics=replace(config.metrics, listen=None)), engine.clock)
        self._engine = engine
        self._plans = plans_of(config)
        self._stopped = stopped
        self._unheard = None if build_channels(config.notify) else engine.clock()
        self._lost = lost_of(engine.vault, self._plans)

    @property
    def sending(self) -> bool:
        """Return whether something is still being sent."""
        return self._watcher.busy

    def begin(self) -> None:
        """Report to the dead man's switch that a run begins."""
        self._watcher.begin()

    def end(self, verdict: ClockVerdict | None = None) -> Losses:
        """Look at everything once, send what is new, wait until it is sent, and return what is lost.

        `verdict` is what contradicts our clock, if anything does: then nothing else is judged by it.
        """
        vault = self._engine.vault
        self._wait()  # its beginning must have arrived before its end is reported
        self._watcher.look(self._engine, self._plans, verdict or ClockVerdict())
        losses = losses_since(vault, self._plans, self._lost, self._unheard)
        self._wait()
        if any(alert.cleared_at is None for alert in due_alerts(vault, self._engine.clock())):
            report("the alerts could not be sent; see: strongroom notify test")
        return losses

    def _wait(self) -> None:
        begun = time.monotonic()
        while self.sending and time.monotonic() - begun < (HASTE if self._stopped() else PATIENCE):
            self._watcher.finish(self._engine, SLICE)
