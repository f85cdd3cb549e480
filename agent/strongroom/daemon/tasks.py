"""What the daemon does about destructions: it proposes what a class says is destroyed at its end, carries out what was
approved and has cooled off, and buries what a restored backup brought back. It approves nothing.

The work is done in a thread of its own with a vault of its own: providers are asked for the time before anything is
destroyed, and the catalogue is written anew after it; neither may hold up an export.

The daemon's notary: signs the log and sends its checkpoints, in a thread of its own with a vault of its own.

It stands beside the work: a target that hangs, a log that is refused or a missing key never holds up an export.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.config.secrets import SecretRef
from strongroom.daemon.channels import AppriseChannel, Message
from strongroom.daemon.clock_poll import BackgroundTask
from strongroom.daemon.logs import tell
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.destruction.commands import context_of, propose_by_rule
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import ExecutionReport, carry_out
from strongroom.engine.destruction.execute import settle_begun
from strongroom.engine.destruction.log_consistency import Contradiction, LastLogState
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.engine.proof.checkpoint_delivery import Signed, Told, keep_up
from strongroom.model.alert import Level
from strongroom.model.text import counted

LOOK = 30.0  # seconds between two looks at what has cooled off
REST = 600.0  # seconds after a failure
RULE = 6 * 3600.0  # seconds between two looks through all archives for what is due by its class
BATCH = 50  # archives at once


class DestructionTask:
    """Call `tend` often, while the clock is believed; it never waits and never raises. The caller holds the lock."""

    def __init__(
        self, config: Config, dependencies: Dependencies, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._doors = dependencies
        self._monotonic = monotonic
        self._under: BackgroundTask | None = None
        self._next = self._next_rule = monotonic()
        self._more = False
        self._tended = False  # since the batch under way began
        self._said = ""
        self._broken: set[str] = set()

    def adopt(self, config: Config) -> None:
        """Go on with another configuration."""
        self._config, self._tended = config, False
        self._next = self._next_rule = self._monotonic()

    def begin(self) -> None:
        """Bury what came back while nobody looked, and end what had begun; at the start, before anything is read."""
        self._under = BackgroundTask(self._clear, "disposal")

    def tend(self) -> None:
        """Hear what became of the last look, and begin the next one if it is time."""
        if self._under is not None:
            if not self._under.over:
                self._tended = True
                return
            self._judge(self._under.failure)
            self._under = None
        if self._monotonic() >= self._next:
            self._under = BackgroundTask(self._work, "disposal")

    def finish(self, seconds: float) -> None:
        """Wait at most so long for what is under way; what is cut off is ended after the next start."""
        self._tended = False
        if self._under is not None:
            self._under.wait(seconds)

    def _clear(self) -> None:
        with open_reading(self._config) as vault:
            context = context_of(self._config, vault, self._doors)
            signer = context.signer()
            verifier = signer.verifier if signer is not None else None
            approvers = context.rules.approvers
            back = redestroy_returned(
                vault, self._doors.clock, thorough=False, verifier=verifier, approvers=approvers, refused=self._refuse
            )
            for archive in back:
                tell("buried", logging.WARNING, archive=archive)
            for tombstone in settle_begun(context):
                tell("destroyed", archive=tombstone.archive)

    def _refuse(self, refusal: Contradiction) -> None:
        tell("destruction-refused", logging.CRITICAL, words=refusal.message)

    def _work(self) -> None:
        with open_reading(self._config) as vault:
            context = context_of(self._config, vault, self._doors)
            self._carry_out(context)
            if self._monotonic() >= self._next_rule:
                self._next_rule = self._monotonic() + RULE
                plan = propose_by_rule(context)
                if plan is not None:
                    tell("destruction-proposed", proposal=plan.proposal.id, archives=len(plan.items))

    def _carry_out(self, context: DestructionContext) -> None:
        """Destroy one batch after the other, each only if somebody still tended when it began."""
        last, self._more = LastLogState(), True
        while self._more:
            self._tended = False
            execution = carry_out(context, BATCH, last)
            self._more = execution.more
            self._say(execution)
            if not self._tended:
                break

    def _say(self, execution: ExecutionReport) -> None:
        for tombstone in execution.destroyed:
            tell("destroyed", archive=tombstone.archive)
        for excluded in execution.excluded:
            tell("spared", archive=excluded.archive)
        for words in sorted(set(execution.broken) - self._broken):
            tell("destruction-refused", logging.CRITICAL, words=words)
        self._broken = set(execution.broken)

    def _judge(self, failure: str) -> None:
        self._next = self._monotonic() + (REST if failure else 0.0 if self._more else LOOK)
        self._more = False
        if failure and failure != self._said:
            tell("destruction-failed", logging.ERROR, words=failure)
        self._said = failure


SIGNING_LOOK = 60.0  # seconds between two looks at what is due
SIGNING_REST = 3600.0  # seconds after a failure: reading a long log again costs more than it can tell


class MailTarget(Struct, frozen=True):
    """A mailbox, or whatever else Apprise knows: the checkpoint is the message."""

    name: str
    address: SecretRef

    def take(self, kept: Signed) -> Told:
        """Send it. Raises UsageError or WorldError where it was not accepted."""
        title = f"Strongroom: checkpoint of {counted(kept.size, 'entry')}"
        AppriseChannel(self.address, full=True).send(Message(Level.INFO, title, kept.note, kept.note))
        return {}


class CheckpointTask:
    """Call `tend` often; it never waits and never raises."""

    def __init__(
        self, config: Config, dependencies: Dependencies, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._doors = dependencies
        self._monotonic = monotonic
        self._under: BackgroundTask | None = None
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
            self._under = BackgroundTask(self._work, "notary")

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
        self._next = self._monotonic() + (SIGNING_REST if failure else SIGNING_LOOK)
        if failure != self._said:
            words = failure or "the evidence log is signed again"
            tell("evidence", logging.ERROR if failure else logging.INFO, words=words)
        self._said = failure
