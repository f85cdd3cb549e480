"""A channel with its queue. A send has a deadline; one that fails is tried again later, with more and more patience.

Nothing here waits. A channel that hangs keeps a thread and nothing else; a few such threads and it is left alone until
one of them ends.

A test of every configured channel, all at once: which of them take a message now, and why the others do not.

The notifier sends every alert to every channel. An alert counts as sent once at least one channel accepted it.

What other channels have not sent yet is lost with the process; what no channel accepted is sent again after a restart,
because the table still lists it as unsent.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.daemon.background_task import BackgroundTask
from strongroom.daemon.channels import Channel, Message, build_channels, compose, trial
from strongroom.daemon.logs import report
from strongroom.daemon.pinger import Pinger
from strongroom.engine.core.alert_store import AlertRecord, due_alerts, mark_sent
from strongroom.engine.core.outbound import Signal
from strongroom.engine.queries.lists import Vault
from strongroom.model.alert import Level
from strongroom.model.times import Clock

DEADLINE = 45.0  # seconds for one send
FIRST_WAIT = 60.0  # seconds before the second try; doubled each time
LONGEST_WAIT = 3600.0
MOST_OWED = 20  # messages; beyond that the oldest are dropped
MOST_STUCK = 3  # threads


class _Under(Struct):
    """A send under way."""

    message: Message
    attempt: BackgroundTask
    since: float


class ChannelQueue:
    """Sends one message after the other to one channel. `now` is always in seconds that never run backwards."""

    def __init__(self, channel: Channel, deadline: float = DEADLINE) -> None:
        self.channel = channel
        self._deadline = deadline
        self._owed: deque[Message] = deque(maxlen=MOST_OWED)
        self._under: _Under | None = None
        self._stuck: list[BackgroundTask] = []
        self._failures = 0
        self._not_before = 0.0

    @property
    def busy(self) -> bool:
        """Say whether a send is under way."""
        return self._under is not None

    @property
    def owed(self) -> Sequence[Message]:
        """What the channel has not accepted yet, the oldest first."""
        return tuple(self._owed)

    def put(self, message: Message) -> None:
        """Owe the channel one more message."""
        self._owed.append(message)

    def tend(self, now: float) -> Message | None:
        """See to the send under way and begin the next one that is due; return a message that was just accepted."""
        accepted = self._settle(now) if self._under is not None else None
        if self._under is None and self._owed and now >= self._not_before:
            self._begin(now)
        return accepted

    def _begin(self, now: float) -> None:
        self._stuck = [attempt for attempt in self._stuck if not attempt.over]
        if len(self._stuck) >= MOST_STUCK:
            return
        message = self._owed[0]
        self._under = _Under(
            message, BackgroundTask(lambda: self.channel.send(message), f"send {self.channel.name}"), now
        )

    def _settle(self, now: float) -> Message | None:
        under = self._under
        if under is None or not (under.attempt.over or now - under.since >= self._deadline):
            return None
        self._under = None
        failure = under.attempt.failure
        if not under.attempt.over:
            self._stuck.append(under.attempt)
            failure = f"there was no answer within {self._deadline:g} s"
        if failure:
            self._failed(failure, now)
            return None
        return self._accepted(under.message)

    def _failed(self, words: str, now: float) -> None:
        if self._failures == 0:
            report("channel-failed", logging.WARNING, channel=self.channel.name, words=words)
        self._not_before = now + min(FIRST_WAIT * 2**self._failures, LONGEST_WAIT)
        self._failures = min(self._failures + 1, 10)

    def _accepted(self, message: Message) -> Message:
        if self._owed and self._owed[0] is message:
            self._owed.popleft()
        if self._failures:
            report("channel-recovered", channel=self.channel.name)
        self._failures, self._not_before = 0, 0.0
        return message


class ChannelTest(Struct, frozen=True):
    """How one channel did."""

    channel: str
    failure: str  # in words, empty where the message was accepted


def try_channels(config: Config, clock: Clock, seconds: float = 45.0) -> list[ChannelTest]:
    """Send a test message through every channel, and a signal to the switch that changes nothing there."""
    message, until = trial(clock()), time.monotonic() + seconds
    begun = [(each.name, _attempt(each, message)) for each in build_channels(config.notify)]
    if config.notify.ping is not None:
        pinger = Pinger(config.notify.ping, config.network, clock)
        begun.append((pinger.name, BackgroundTask(lambda: pinger.send(Signal.LOG), "ping")))
    return [ChannelTest(name, _outcome(attempt, until, seconds)) for name, attempt in begun]


def _attempt(channel: Channel, message: Message) -> BackgroundTask:
    return BackgroundTask(lambda: channel.send(message), f"try {channel.name}")


def _outcome(attempt: BackgroundTask, until: float, seconds: float) -> str:
    attempt.wait(max(0.0, until - time.monotonic()))
    return attempt.failure if attempt.over else f"there was no answer within {seconds:g} s"


Monotonic = Callable[[], float]
_LOUDNESS = {Level.INFO: logging.INFO, Level.WARNING: logging.WARNING, Level.CRITICAL: logging.CRITICAL}
_State = tuple[str, str, datetime, datetime | None, datetime | None]


class AlertNotifier:
    """Tells notices through channels. Never waits, never raises because of a channel."""

    def __init__(
        self, channels: Sequence[Channel], monotonic: Monotonic = time.monotonic, deadline: float = DEADLINE
    ) -> None:
        self._queues = [ChannelQueue(channel, deadline) for channel in channels]
        self._monotonic = monotonic

    @property
    def busy(self) -> bool:
        """Return whether something is being sent."""
        return any(queue.busy for queue in self._queues)

    def speak(self, vault: Vault, now: datetime) -> None:
        """Tell everything that is due and not on its way yet, and see to what is."""
        self.tend(vault, now)
        on_its_way = {_state(each) for queue in self._queues for owed in queue.owed for each in owed.alert_records}
        fresh = [alert for alert in due_alerts(vault, now) if _state(alert) not in on_its_way]
        if not fresh:
            return
        for alert in fresh:
            _log(alert)
        self.say(compose(fresh, now))
        if self._queues:
            self.tend(vault, now)
        else:
            mark_sent(vault, fresh, now)

    def say(self, message: Message) -> None:
        """Owe a message to every channel, whatever the table says."""
        for queue in self._queues:
            queue.put(message)

    def tend(self, vault: Vault, now: datetime) -> None:
        """Advance the sends under way, and record their results."""
        heard = {alert.key: alert for message in self._tended() for alert in message.alert_records}
        if heard:
            mark_sent(vault, heard.values(), now)

    def finish(self, vault: Vault, now: datetime, seconds: float) -> None:
        """Wait at most so long for the sends under way: for a process that is about to end."""
        until = self._monotonic() + seconds
        while self.busy and self._monotonic() < until:
            time.sleep(0.02)
            self.tend(vault, now)

    def _tended(self) -> list[Message]:
        moment = self._monotonic()
        return [message for queue in self._queues if (message := queue.tend(moment)) is not None]


def _state(alert: AlertRecord) -> _State:
    return (alert.key, alert.severity, alert.raised_at, alert.told_at, alert.cleared_at)


def _log(alert: AlertRecord) -> None:
    over = alert.cleared_at is not None
    loudness = logging.INFO if over else _LOUDNESS[Level(alert.severity)]
    report("notice-over" if over else "notice", loudness, key=alert.key, words=alert.title)
