"""The voice: what the notices say goes to every channel. A notice is told once at least one channel took it.

What other channels still owe is kept by them and lost with the process; what nobody took is told again after a restart,
because the table says that nobody heard of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from strongroom.daemon.channels import Channel
from strongroom.daemon.logs import tell
from strongroom.daemon.message import Message, compose
from strongroom.daemon.outlet import DEADLINE, Outlet
from strongroom.engine.health.notices import Notice, due_notices, mark_told
from strongroom.engine.readings import Vault
from strongroom.model.alarm import Level

Monotonic = Callable[[], float]
_LOUDNESS = {Level.INFO: logging.INFO, Level.WARNING: logging.WARNING, Level.CRITICAL: logging.CRITICAL}
_State = tuple[str, str, datetime, datetime | None, datetime | None]


class Voice:
    """Tells notices through channels. Never waits, never raises because of a channel."""

    def __init__(
        self, channels: Sequence[Channel], monotonic: Monotonic = time.monotonic, deadline: float = DEADLINE
    ) -> None:
        self._outlets = [Outlet(channel, deadline) for channel in channels]
        self._monotonic = monotonic

    @property
    def busy(self) -> bool:
        """Say whether something is being told."""
        return any(outlet.busy for outlet in self._outlets)

    def speak(self, vault: Vault, now: datetime) -> None:
        """Tell everything that is due and not on its way yet, and see to what is."""
        self.tend(vault, now)
        on_its_way = {_state(each) for outlet in self._outlets for owed in outlet.owed for each in owed.notices}
        fresh = [notice for notice in due_notices(vault, now) if _state(notice) not in on_its_way]
        if not fresh:
            return
        for notice in fresh:
            _log(notice)
        self.say(compose(fresh, now))
        if self._outlets:
            self.tend(vault, now)
        else:
            mark_told(vault, fresh, now)

    def say(self, message: Message) -> None:
        """Owe a message to every channel, whatever the table says."""
        for outlet in self._outlets:
            outlet.put(message)

    def tend(self, vault: Vault, now: datetime) -> None:
        """See to the sends under way, and write down what was heard."""
        heard = {notice.key: notice for message in self._tended() for notice in message.notices}
        if heard:
            mark_told(vault, heard.values(), now)

    def finish(self, vault: Vault, now: datetime, seconds: float) -> None:
        """Wait at most so long for the sends under way: for a process that is about to end."""
        until = self._monotonic() + seconds
        while self.busy and self._monotonic() < until:
            time.sleep(0.02)
            self.tend(vault, now)

    def _tended(self) -> list[Message]:
        moment = self._monotonic()
        return [message for outlet in self._outlets if (message := outlet.tend(moment)) is not None]


def _state(notice: Notice) -> _State:
    return (notice.key, notice.severity, notice.raised_at, notice.told_at, notice.cleared_at)


def _log(notice: Notice) -> None:
    over = notice.cleared_at is not None
    loudness = logging.INFO if over else _LOUDNESS[Level(notice.severity)]
    tell("notice-over" if over else "notice", loudness, key=notice.key, words=notice.title)
