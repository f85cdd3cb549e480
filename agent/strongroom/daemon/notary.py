"""The daemon's notary: signs the log and sends its checkpoints, in a thread of its own with a vault of its own.

It stands beside the work: a target that hangs, a log that is refused or a missing key never holds up an export.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from strongroom.config.schema import Config
from strongroom.config.secrets import SecretRef
from strongroom.daemon.attempt import Attempt
from strongroom.daemon.channels import AppriseChannel
from strongroom.daemon.logs import tell
from strongroom.daemon.message import Message
from strongroom.engine.assembly import Doors, open_reading
from strongroom.engine.proof.notary import keep_up
from strongroom.engine.proof.witnesses import Signed, Told
from strongroom.model.alarm import Level
from strongroom.model.counts import counted

LOOK = 60.0  # seconds between two looks at what is due
REST = 3600.0  # seconds after a failure: reading a long log again costs more than it can tell


@dataclass(frozen=True, slots=True)
class MailTarget:
    """A mailbox, or whatever else Apprise knows: the checkpoint is the message."""

    name: str
    address: SecretRef

    def take(self, kept: Signed) -> Told:
        """Send it. Raises UsageError or WorldError where it was not accepted."""
        title = f"Strongroom: checkpoint of {counted(kept.size, 'entry')}"
        AppriseChannel(self.address, full=True).send(Message(Level.INFO, title, kept.note, kept.note))
        return {}


class Notary:
    """Call `tend` often; it never waits and never raises."""

    def __init__(self, config: Config, doors: Doors, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._doors = doors
        self._monotonic = monotonic
        self._under: Attempt | None = None
        self._next = monotonic()
        self._said = ""

    def adopt(self, config: Config) -> None:
        """Go on with another configuration."""
        self._config, self._next = config, self._monotonic()

    def tend(self) -> None:
        """Hear what became of the last look, and begin the next one if it is time."""
        if self._under is not None:
            if not self._under.over:
                return
            self._judge(self._under.failure)
            self._under = None
        if self._config.vault.signing_key is not None and self._monotonic() >= self._next:
            self._under = Attempt(self._work, "notary")

    def finish(self, seconds: float) -> None:
        """Wait at most so long for what is under way; what is cut off is done again after the next start."""
        if self._under is not None:
            self._under.wait(seconds)

    def _work(self) -> None:
        config = self._config
        mail = [MailTarget(each.name, each.notify) for each in config.evidence.send_to if each.notify is not None]
        with open_reading(config) as vault:
            keep_up(config, vault, self._doors.secret, self._doors.clock, mail)

    def _judge(self, failure: str) -> None:
        self._next = self._monotonic() + (REST if failure else LOOK)
        if failure != self._said:
            words = failure or "the evidence log is signed again"
            tell("evidence", logging.ERROR if failure else logging.INFO, words=words)
        self._said = failure
