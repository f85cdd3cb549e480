"""The watcher checks the vault every minute: raises and resolves alerts, sends them, pings, and collects metrics.

It is independent of the work and of what the work reports. Whatever goes wrong here is reported as far as it
can be and never ends the daemon: archiving without monitoring is better than no archiving.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from strongroom.config.outgoing import Endpoint
from strongroom.config.schema import Config
from strongroom.daemon.channels import Message, build_channels
from strongroom.daemon.logs import report
from strongroom.daemon.metrics_http import MetricsServer
from strongroom.daemon.metrics_text import render, write_textfile
from strongroom.daemon.notifier import AlertNotifier
from strongroom.daemon.pinger import Pinger
from strongroom.engine.access.recipients import note_recipients
from strongroom.engine.copies.copy_status import rehearsal_periods
from strongroom.engine.core.alert_store import open_alerts, reconcile
from strongroom.engine.core.engine import Engine
from strongroom.engine.ingest.coverage import mark_snapshot
from strongroom.engine.monitor.alert_rules import alarms_in, remember_keeps
from strongroom.engine.monitor.metrics_snapshot import limits_of, take_snapshot
from strongroom.engine.monitor.stream_status import StreamStatus, keeps_of, stream_statuses_of
from strongroom.engine.repair.scrub_report import pace_of
from strongroom.model.alert import Level, clock_alarm, configuration_alarm
from strongroom.model.clock_check import ClockVerdict
from strongroom.model.errors import StrongroomError
from strongroom.model.plan import Plan
from strongroom.model.times import Clock

LOOK = 60.0  # seconds between two looks
SHARE = 0.002  # of one core at the most, where a look at very many streams takes long
SHOUT = timedelta(days=1)  # between two messages that the watcher itself is in trouble


class Watcher:
    """One for each daemon, or for one run. Call it often; it decides by itself when to look.

    `clock` and `monotonic` are the two times it lives by: instants for notices, seconds for its own rhythm.
    """

    def __init__(self, config: Config, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._server: MetricsServer | None = None
        self._listening: Endpoint | None = None
        self._next = monotonic()
        self._verdict = ClockVerdict()
        self._refused = False
        self._shouted: datetime | None = None
        self._blind_of: set[str] = set()  # what of our own does not work now, so that each is logged once
        self._take(config)

    def adopt(self, config: Config) -> None:
        """Continue with another configuration; the new channels send what the former ones had not sent."""
        self._take(config)
        self._refused = False
        self._next = self._monotonic()

    def refuse(self) -> None:
        """Raise the alarm, at the next call, that the changed configuration cannot be taken over, until one can."""
        self._refused = True
        self._next = self._monotonic()

    @property
    def busy(self) -> bool:
        """Return whether something is being sent to a channel or the switch."""
        return self._notifier.busy or (self._pinger is not None and self._pinger.busy)

    def begin(self) -> None:
        """Say to the dead man's switch that the work begins."""
        if self._pinger is not None:
            self._pinger.begin()

    def __call__(self, engine: Engine, plans: Iterable[Plan], verdict: ClockVerdict) -> None:
        """Advance the sends under way; check the vault if it is time. Never waits, never raises a StrongroomError."""
        if self._monotonic() >= self._next or verdict != self._verdict:
            self.look(engine, plans, verdict)
            return
        self._guarded("notices", lambda: self._notifier.tend(engine.vault, self._clock()))
        if self._pinger is not None:
            self._pinger.tend()

    def look(self, engine: Engine, plans: Iterable[Plan], verdict: ClockVerdict) -> None:
        """Check now: raise and resolve alerts, send them, collect metrics, ping."""
        began, self._verdict = self._monotonic(), verdict
        seen = self._guarded("watching", lambda: self._watch(engine, list(plans), verdict))
        alarmed = self._alarmed(engine)  # before a loss counts as sent: without channels only the switch reports it
        spoken = self._guarded("notices", lambda: self._notifier.speak(engine.vault, self._clock()))
        if self._pinger is not None:
            self._pinger.beat(healthy=seen and spoken and not alarmed)
        self._next = began + max(LOOK, (self._monotonic() - began) / SHARE)

    def finish(self, engine: Engine, seconds: float = 5.0) -> None:
        """Wait at most so long for the sends under way, and close. The vault must still be open."""
        until = self._monotonic() + seconds
        self._guarded("notices", lambda: self._notifier.finish(engine.vault, self._clock(), seconds))
        if self._pinger is not None:
            self._pinger.finish(until - self._monotonic())
        self._listen(None)

    def _watch(self, engine: Engine, plans: list[Plan], verdict: ClockVerdict) -> None:
        vault, now, keeps = engine.vault, self._clock(), keeps_of(engine)
        note_recipients(vault, engine.recipients, now)
        alarm = clock_alarm(verdict)
        if alarm is not None:
            # By a wrong clock everything looks lost or at risk; what was known of it before stays.
            reconcile(vault, [alarm], now, whole=False)
            return
        stream_statuses = stream_statuses_of(vault, [mark_snapshot(engine, plan) for plan in plans], keeps, now)
        reserve, pace, drills = engine.min_free, self._pace, self._drill_every
        tolerance = engine.clock_tolerance
        found = alarms_in(
            vault,
            stream_statuses,
            keeps,
            now,
            reserve=reserve,
            pace=pace,
            drill_every=drills,
            rehearse=self._rehearse,
            tolerance=tolerance,
        )
        reconcile(vault, [*found, *([configuration_alarm()] if self._refused else [])], now)
        remember_keeps(vault, keeps, now)
        self._guarded("metrics", lambda: self._measure(engine, stream_statuses, now))

    def _measure(self, engine: Engine, stream_statuses: list[StreamStatus], now: datetime) -> None:
        self._listen(self._metrics.listen)
        if self._metrics.textfile is None and self._server is None:
            return
        text = render(take_snapshot(engine.vault, stream_statuses, limits_of(engine), now))
        if self._server is not None:
            self._server.show(text)
        if self._metrics.textfile is not None:
            write_textfile(self._metrics.textfile, text)

    def _alarmed(self, engine: Engine) -> bool:
        try:
            return any(alert.severity == Level.CRITICAL for alert in open_alerts(engine.vault))
        except StrongroomError:
            return True

    def _guarded(self, what: str, work: Callable[[], None]) -> bool:
        """Do it; say whether it could be done. A failure is logged once, and shouted where it makes us blind."""
        try:
            work()
        except StrongroomError as error:
            if what not in self._blind_of:
                report("watcher-failed", logging.ERROR, what=what, words=error.message)
            self._blind_of.add(what)
            if what != "metrics":
                self._shout()
            return False
        self._blind_of.discard(what)
        return True

    def _shout(self) -> None:
        """Tell past the catalogue, which may be what is broken."""
        now = self._clock()
        if self._shouted is not None and abs(now - self._shouted) < SHOUT:
            return
        self._shouted = now
        text = "critical: the checks cannot read or write the catalogue. See the daemon's log and: strongroom doctor"
        self._notifier.say(Message(Level.CRITICAL, "Strongroom: nothing can be checked", text, text))

    def _take(self, config: Config) -> None:
        notify, metrics = config.notify, config.metrics
        self._notifier = AlertNotifier(build_channels(notify), self._monotonic)
        self._pinger = (
            None if notify.ping is None else Pinger(notify.ping, config.network, self._clock, self._monotonic)
        )
        self._metrics = metrics
        self._pace = pace_of(config)
        self._drill_every = config.vault.drill_every
        self._rehearse = rehearsal_periods(config)
        self._guarded("metrics", lambda: self._listen(metrics.listen))

    def _listen(self, endpoint: Endpoint | None) -> None:
        if endpoint == self._listening:
            return
        if self._server is not None:
            self._server.close()
        self._server, self._listening = None, None
        if endpoint is not None:
            self._server, self._listening = MetricsServer(endpoint), endpoint
