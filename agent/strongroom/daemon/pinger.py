"""The dead man's switch, kept quiet as long as all is well: at every interval, and at once when that changes.

It reports failure while a critical alert is open, and nothing at all when this process is gone: that is its purpose.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from strongroom.config.outgoing import PingSettings
from strongroom.config.schema import NetworkSettings
from strongroom.config.secrets import resolve
from strongroom.daemon.background_task import BackgroundTask
from strongroom.daemon.logs import report
from strongroom.engine.core.outbound import Route, Signal, ping
from strongroom.model.times import Clock

AGAIN = 60.0  # seconds before a signal that was not accepted is sent anew
MOST_STUCK = 3  # threads


class Pinger:
    """Sends signals in the background. `healthy` decides between success and fail."""

    def __init__(
        self,
        settings: PingSettings,
        network: NetworkSettings,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._route = Route(
            allow_private=settings.allow_private_addresses,
            ca_file=str(network.ca_file) if network.ca_file else None,
            proxy=network.proxy,
            whole=20.0,
        )
        self._clock = clock
        self._monotonic = monotonic
        self._under: list[BackgroundTask] = []
        self._said: Signal | None = None
        self._next = self._begun = monotonic()
        self._failing = False

    @property
    def name(self) -> str:
        """What it is called in logs and tables."""
        return f"ping {self._settings.url}"

    @property
    def busy(self) -> bool:
        """Say whether a signal is under way."""
        return bool(self._under)

    def send(self, signal: Signal) -> None:
        """Send one signal. Blocks. Raises UsageError or WorldError where it was not accepted."""
        ping(resolve(self._settings.url).reveal(), signal, self._route, self._clock)

    def begin(self) -> None:
        """Say that the work begins."""
        self._start(Signal.START)

    def beat(self, *, healthy: bool) -> None:
        """Report the condition, if it is time to or it has changed. Returns at once."""
        self.tend()
        if self._under and self._monotonic() < self._begun + AGAIN:
            return  # two under way could arrive in the wrong order
        signal = Signal.SUCCESS if healthy else Signal.FAIL
        if self._monotonic() >= self._next or signal is not self._said:
            self._start(signal)

    def finish(self, seconds: float) -> None:
        """Wait at most so long for what is under way: for a process that is about to end."""
        until = self._monotonic() + seconds
        for attempt in self._under:
            attempt.wait(max(0.0, until - self._monotonic()))
        self.tend()

    def _start(self, signal: Signal) -> None:
        if len(self._under) >= MOST_STUCK:
            return
        self._begun = self._monotonic()
        self._under.append(BackgroundTask(lambda: self.send(signal), "ping"))
        self._said = signal
        self._next = self._monotonic() + self._settings.every.total_seconds()

    def tend(self) -> None:
        """See what became of the signals under way. Returns at once."""
        ended = [attempt for attempt in self._under if attempt.over]
        self._under = [attempt for attempt in self._under if not attempt.over]
        for attempt in ended:
            self._judge(attempt.failure)

    def _judge(self, failure: str) -> None:
        if failure:
            self._next = min(self._next, self._monotonic() + AGAIN)
        if failure and not self._failing:
            report("ping-failed", logging.WARNING, channel=self.name, words=failure)
        elif self._failing and not failure:
            report("ping-recovered", channel=self.name)
        self._failing = bool(failure)
