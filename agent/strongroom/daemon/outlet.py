"""A channel with its queue. A send has a deadline; one that fails is tried again later, with more and more patience.

Nothing here waits. A channel that hangs keeps a thread and nothing else; a few such threads and it is left alone until
one of them ends.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.daemon.attempt import Attempt
from strongroom.daemon.channels import Channel
from strongroom.daemon.logs import tell
from strongroom.daemon.message import Message

DEADLINE = 45.0  # seconds for one send
FIRST_WAIT = 60.0  # seconds before the second try; doubled each time
LONGEST_WAIT = 3600.0
MOST_OWED = 20  # messages; beyond that the oldest are dropped
MOST_STUCK = 3  # threads


@dataclass(slots=True)
class _Under:
    """A send under way."""

    message: Message
    attempt: Attempt
    since: float


class Outlet:
    """Sends one message after the other to one channel. `now` is always in seconds that never run backwards."""

    def __init__(self, channel: Channel, deadline: float = DEADLINE) -> None:
        self.channel = channel
        self._deadline = deadline
        self._owed: deque[Message] = deque(maxlen=MOST_OWED)
        self._under: _Under | None = None
        self._stuck: list[Attempt] = []
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
        self._under = _Under(message, Attempt(lambda: self.channel.send(message), f"tell {self.channel.name}"), now)

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
            tell("channel-failed", logging.WARNING, channel=self.channel.name, words=words)
        self._not_before = now + min(FIRST_WAIT * 2**self._failures, LONGEST_WAIT)
        self._failures = min(self._failures + 1, 10)

    def _accepted(self, message: Message) -> Message:
        if self._owed and self._owed[0] is message:
            self._owed.popleft()
        if self._failures:
            tell("channel-recovered", channel=self.channel.name)
        self._failures, self._not_before = 0, 0.0
        return message
