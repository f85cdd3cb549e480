"""The periodic tasks: checkpoints of the log, destructions, reports, and copies of the vault.

Each run opens the vault anew, in its own thread: a target that hangs, a provider that does not answer or a catalogue
that is being rewritten never delays an export.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from strongroom.config.copies import CopyRepair
from strongroom.config.schema import Config
from strongroom.config.secrets import SecretRef
from strongroom.daemon.background_task import failure_of
from strongroom.daemon.channels import AppriseChannel, Message
from strongroom.daemon.logs import report
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.destruction.commands import context_of, propose_by_rule
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import ExecutionReport, carry_out
from strongroom.engine.destruction.execute import settle_begun
from strongroom.engine.destruction.log_consistency import Contradiction, LastLogState
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.engine.proof.checkpoint_delivery import SentFacts, Signed, keep_up
from strongroom.model.alert import Level
from strongroom.model.text import counted

if TYPE_CHECKING:
    from strongroom.config.copies import CopySettings
    from strongroom.engine.copies.copying import CopyContext
    from strongroom.engine.queries.lists import Vault

Monotonic = Callable[[], float]

LOOK = 30.0  # seconds between two looks at what has cooled off
REST = 600.0  # seconds after a failure
RULE = 6 * 3600.0  # seconds between two looks through all archives for what is eligible by its class
BATCH = 50  # archives at once
SIGNING_LOOK = 60.0  # seconds between two looks at what must be signed or sent
REPORT_LOOK = 3600.0  # seconds between checks for a finished period without a report
COPY_LOOK = 60.0  # seconds between two looks at what copies of the vault lack
COPY_SLICE = 20  # seconds for which a copy is read again at each look
SIGNING_REST = 3600.0  # seconds after a failure: reading a long log again costs more than it can show


class DestructionTask:
    """Proposes what a class says is destroyed at its end, and destroys what was approved and has cooled off.

    It approves nothing. Its first run destroys again what a restored backup brought back. The caller holds the lock.
    """

    name = "destruction"
    every = LOOK

    def __init__(
        self,
        config: Config,
        dependencies: Dependencies,
        may_act: Callable[[], bool],
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._config = config
        self._doors = dependencies
        self._may_act = may_act
        self._monotonic = monotonic
        self._next_rule = monotonic()
        self._cleared = False
        self._said = ""
        self._broken: set[str] = set()
        self._incomplete: set[str] = set()

    def adopt(self, config: Config) -> None:
        """Continue with another configuration."""
        self._config, self._next_rule = config, self._monotonic()

    def run(self) -> float:
        """Look once. A failure is logged once, and tried again after a longer rest."""
        if not self._cleared:
            self._cleared = True
            return self._rest(failure_of(self._clear), 0.0)
        return self._rest(failure_of(self._work), LOOK) if self._may_act() else LOOK

    def _rest(self, failure: str, otherwise: float) -> float:
        if failure and failure != self._said:
            report("destruction-failed", logging.ERROR, words=failure)
        self._said = failure
        return REST if failure else otherwise

    def _clear(self) -> None:
        """Destroy again what came back and finish what had begun, whatever the clock says: both were decided before."""
        with open_reading(self._config) as vault:
            context = context_of(self._config, vault, self._doors)
            signer = context.signer()
            verifier = signer.verifier if signer is not None else None
            approvers = context.rules.approvers
            back = redestroy_returned(
                vault, self._doors.clock, thorough=False, verifier=verifier, approvers=approvers, refused=_refuse
            )
            for archive in back:
                report("re-destroyed", logging.WARNING, archive=archive)
            for tombstone in settle_begun(context):
                report("destroyed", archive=tombstone.archive)

    def _work(self) -> None:
        config = self._config
        with open_reading(config) as vault:
            context = context_of(config, vault, self._doors)
            self._carry_out(context, config)
            if self._monotonic() >= self._next_rule:
                self._next_rule = self._monotonic() + RULE
                self._propose(context)

    def _carry_out(self, context: DestructionContext, config: Config) -> None:
        """Destroy one batch after the other, each only while it may and the configuration is the one in force.

        What one batch read of the log is of use to the next over the same connection, and over no other.
        """
        last = LastLogState()
        while self._may_act() and self._config is config:
            execution = carry_out(context, BATCH, last)
            self._report(execution)
            if not execution.more:
                break

    def _propose(self, context: DestructionContext) -> None:
        plan = propose_by_rule(context)
        if plan is not None:
            report("destruction-proposed", proposal=plan.proposal.id, archives=len(plan.items))

    def _report(self, execution: ExecutionReport) -> None:
        for tombstone in execution.destroyed:
            report("destroyed", archive=tombstone.archive)
        for excluded in execution.excluded:
            report("excluded", archive=excluded.archive)
        for words in sorted(set(execution.broken) - self._broken):
            report("destruction-refused", logging.CRITICAL, words=words)
        self._broken = set(execution.broken)
        incomplete = {each.message for each in execution.incomplete}
        for words in sorted(incomplete - self._incomplete):
            report("destruction-incomplete", logging.WARNING, words=words)
        self._incomplete = incomplete


def _refuse(refusal: Contradiction) -> None:
    report("destruction-refused", logging.CRITICAL, words=refusal.message)


class MailTarget(Struct, frozen=True):
    """A mailbox, or whatever else Apprise knows: the checkpoint is the message."""

    name: str
    address: SecretRef

    def take(self, kept: Signed) -> SentFacts:
        """Send it. Raises UsageError or WorldError where it was not accepted."""
        title = f"Strongroom: checkpoint of {counted(kept.size, 'entry')}"
        AppriseChannel(self.address, full=True).send(Message(Level.INFO, title, kept.note, kept.note))
        return {}


class CheckpointTask:
    """Signs the log when it is time, and sends its checkpoints until every target has them."""

    name = "checkpoint"
    every = SIGNING_LOOK

    def __init__(self, config: Config, dependencies: Dependencies, may_act: Callable[[], bool]) -> None:
        self._config = config
        self._doors = dependencies
        self._may_act = may_act  # a checkpoint says when it was signed
        self._said = ""

    def adopt(self, config: Config) -> None:
        """Continue with another configuration."""
        self._config = config

    def run(self) -> float:
        """Look once. A failure is logged once, and tried again after a longer rest."""
        if self._config.vault.signing_key is None or not self._may_act():
            return SIGNING_LOOK
        failure = failure_of(self._work)
        if failure != self._said:
            words = failure or "the evidence log is signed again"
            report("evidence", logging.ERROR if failure else logging.INFO, words=words)
        self._said = failure
        return SIGNING_REST if failure else SIGNING_LOOK

    def _work(self) -> None:
        config = self._config
        mail = [MailTarget(each.name, each.notify) for each in config.evidence.send_to if each.notify is not None]
        with open_reading(config) as vault:
            keep_up(config, vault, self._doors.secret, self._doors.clock, mail)


class ReportTask:
    """Makes the report of each period that is over, once: into the folder and to the address that [report] names."""

    name = "report"
    every = REPORT_LOOK

    def __init__(self, config: Config, dependencies: Dependencies, may_act: Callable[[], bool]) -> None:
        self._config = config
        self._doors = dependencies
        self._may_act = may_act  # the clock says which period is over
        self._said = ""

    def adopt(self, config: Config) -> None:
        """Continue with another configuration."""
        self._config = config

    def run(self) -> float:
        """Look once. A failure is logged once, and tried again at the next look."""
        if self._config.report.wanted and self._may_act():
            failure = failure_of(self._work)
            if failure and failure != self._said:
                report("report-failed", logging.ERROR, words=failure)
            self._said = failure
        return REPORT_LOOK

    def _work(self) -> None:
        # Imported with the first report: most daemons write none.
        from strongroom.engine.queries.report_files import write_owed_report
        from strongroom.text.report_page import report_files

        for path in write_owed_report(self._config, self._doors, report_files, self._send):
            report("report-written", path=str(path))

    def _send(self, files: Sequence[Path]) -> None:
        address = self._config.report.notify
        if address is not None:
            words = f"{files[0].stem}\n\nOpen the page in a browser. To check it: strongroom-verify FILE.note --key KEY"
            message = Message(Level.INFO, "Strongroom: report", words, words, files=tuple(files))
            AppriseChannel(address, full=True).send(message)
            report("report-sent", address=str(address))


class CopyTask:
    """Updates each copy of the vault as soon as something is missing in it; one that is away is tried again later."""

    name = "copies"
    every = COPY_LOOK

    def __init__(self, config: Config, dependencies: Dependencies, may_act: Callable[[], bool]) -> None:
        self._config = config
        self._doors = dependencies
        self._may_act = may_act
        self._said: dict[str, str] = {}
        self._tried: dict[str, frozenset[str]] = {}  # by copy, what a repair was tried of

    def adopt(self, config: Config) -> None:
        """Continue with another configuration."""
        self._config = config

    def run(self) -> float:
        """Look at each copy once. A failure is logged once."""
        if self._config.copies and self._may_act():
            self._say("", failure_of(self._work))
        return COPY_LOOK

    def _work(self) -> None:
        from strongroom.engine.copies.copying import is_behind  # once there is a copy: most daemons have none

        config = self._config
        with open_reading(config) as vault:
            for settings in config.copies:
                if self._goes_on(config) and is_behind(vault, settings.name, self._doors.clock()):
                    self._say(settings.name, failure_of(partial(self._bring, config, vault, settings)))
                if self._goes_on(config) and not self._said.get(settings.name):
                    self._say(settings.name, failure_of(partial(self._care, config, vault, settings)))

    def _bring(self, config: Config, vault: Vault, settings: CopySettings) -> None:
        from strongroom.engine.copies.copying import update_copy
        from strongroom.engine.copies.targets import open_target

        done = update_copy(self._context(config, vault), open_target(settings, vault))
        if done.archives or done.problems:
            report("copied", copy=done.name, archives=done.archives, entries=done.entries, problems=len(done.problems))

    def _care(self, config: Config, vault: Vault, settings: CopySettings) -> None:
        """Read a part of the copy again if that is due, and repair if the configuration says so."""
        from strongroom.engine.copies.copy_scrub import is_pass_due, scrub_copy
        from strongroom.engine.copies.copy_status import copy_state_of
        from strongroom.engine.copies.targets import open_target
        from strongroom.engine.repair.copy_repair import repair_unattended

        context, target = self._context(config, vault), open_target(settings, vault)
        if is_pass_due(copy_state_of(vault, settings.name), config.vault.scrub_every, context):
            done = scrub_copy(context, target, config.vault.scrub_rate * COPY_SLICE, config.vault.scrub_rate)
            if done.ended:
                report("copy-read", copy=settings.name, objects=done.checked, findings=done.findings)
        if settings.repair is CopyRepair.AUTO:
            for words in repair_unattended(context, target, self._tried):
                report("repair", logging.WARNING, words=words)

    def _context(self, config: Config, vault: Vault) -> CopyContext:
        from strongroom.engine.copies.copying import CopyContext

        return CopyContext(
            vault,
            self._doors.clock,
            self._doors.random_bytes,
            stop=lambda: not self._goes_on(config),
            crash_point=self._doors.crash_point,
        )

    def _goes_on(self, config: Config) -> bool:
        return self._may_act() and self._config is config

    def _say(self, name: str, failure: str) -> None:
        if failure != self._said.get(name, ""):
            words = failure or "it can be used again"
            report("copy", logging.ERROR if failure else logging.INFO, copy=name, words=words)
        self._said[name] = failure
