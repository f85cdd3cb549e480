"""A test of every configured channel, all at once: which of them take a message now, and why the others do not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from strongroom.config.schema import Config
from strongroom.daemon.attempt import Attempt
from strongroom.daemon.channels import Channel, build_channels
from strongroom.daemon.message import Message, trial
from strongroom.daemon.pinger import Pinger
from strongroom.engine.health.ping import Signal
from strongroom.model.instants import Clock


@dataclass(frozen=True, slots=True)
class Trial:
    """How one channel did."""

    channel: str
    failure: str  # in words, empty where the message was accepted


def try_channels(config: Config, clock: Clock, seconds: float = 45.0) -> list[Trial]:
    """Send a test message through every channel, and a signal to the switch that changes nothing there."""
    message, until = trial(clock()), time.monotonic() + seconds
    begun = [(each.name, _attempt(each, message)) for each in build_channels(config.notify)]
    if config.notify.ping is not None:
        pinger = Pinger(config.notify.ping, config.network, clock)
        begun.append((pinger.name, Attempt(lambda: pinger.send(Signal.LOG), "ping")))
    return [Trial(name, _outcome(attempt, until, seconds)) for name, attempt in begun]


def _attempt(channel: Channel, message: Message) -> Attempt:
    return Attempt(lambda: channel.send(message), f"try {channel.name}")


def _outcome(attempt: Attempt, until: float, seconds: float) -> str:
    attempt.wait(max(0.0, until - time.monotonic()))
    return attempt.failure if attempt.over else f"there was no answer within {seconds:g} s"
