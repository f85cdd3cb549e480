"""The audit of what the log records: destructions approved and under no hold, rows equal to the log, time not backward.

The chain shows that no entry was changed. Whether the recorded actions were allowed, and whether the rows agree with
the entries, are separate questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct, field

from strongroom.engine.core.check import UNFINISHED, unread_words
from strongroom.engine.core.trusted_clock import TOLERANCE, read_time, time_of
from strongroom.engine.destruction.context import DestructionRules, unconfirmed_changes
from strongroom.engine.destruction.log_consistency import (
    hold_differences,
    plan_differences,
    record_difference,
    surely_held,
)
from strongroom.engine.destruction.log_state import Begun, Body, LogState, that_count
from strongroom.engine.destruction.redestroy import unapproved
from strongroom.engine.retention.rules import is_locked
from strongroom.evidence.verifier import Report, Wrong
from strongroom.model.destruction import Stage, is_approved
from strongroom.model.entry_kind import EntryKind
from strongroom.model.text import counted
from strongroom.model.time_log import Leap
from strongroom.model.times import rough_duration
from strongroom.vault.archives import all_archive_ids
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.checkpoints import all_checkpoints
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.tombstones import tombstone_row, write_tombstone
from strongroom.vault.vault import Vault


class _Trail(Struct):
    """What was found while the log was read."""

    catalogue: Catalogue
    log_state: LogState
    destroyed: int = 0
    findings: list[Wrong] = field(default_factory=list)

    def judge(self, body: Body) -> None:
        """Judge a destruction by everything in the log before it."""
        if body["kind"] != EntryKind.ARCHIVE_DESTROYED:
            return
        self.destroyed += 1
        archive, facts = str(body.get("archive", "")), body["facts"]
        begun, plan = self.log_state.begun.get(archive), self.log_state.plans.get(str(facts.get("proposal")))
        lacking = unapproved(begun, plan)
        wrong = ("approval", lacking) if lacking else self._held(archive, facts, begun)
        if wrong:
            self.findings.append(Wrong(wrong[0], archive, wrong[1]))

    def _held(self, archive: str, facts: Body, begun: Begun | None) -> tuple[str, str] | None:
        destroyed_archive = tombstone_row(self.catalogue, archive)
        if destroyed_archive is None or begun is None:
            return None
        if hashlib.sha256(write_tombstone(destroyed_archive.tombstone)).hexdigest() != facts.get("manifest_sha256"):
            return "row", "the tombstone in the catalogue differs from the log"
        held = [hold.id for hold in begun.holds if surely_held(hold, destroyed_archive.tombstone)]
        return ("hold", f"it was destroyed although it was on hold: {', '.join(held)}") if held else None


def audit_history(
    vault: Vault, report: Report, tolerance: timedelta = TOLERANCE, *, rules: DestructionRules | None = None
) -> None:
    """Add what is wrong with destructions, holds, plans, periods and times to the report. Writes nothing.

    `tolerance` is how far an entry may be behind the one before it. `rules` are those of the configuration: if they
    name approvers, one of these must have signed each approval of what is still to be destroyed.
    """
    catalogue = vault.catalogue
    trail = _Trail(catalogue, LogState(None, all_archive_ids(catalogue)))
    whole = True
    for where, look in (
        ("log", partial(_read, trail)),
        ("rows", partial(_rows, catalogue, trail.log_state)),
        ("lock mode", partial(_lock, vault, trail.log_state)),
        ("approvals", partial(_unsigned, trail.log_state, rules.approvers if rules else ())),
        ("rules of destruction", partial(_changed_rules, catalogue, rules, report)),
        ("times", partial(_backward, catalogue, tolerance)),
        ("leaps", partial(_leaps, catalogue, tolerance)),
    ):
        try:
            for wrong in look():
                report.findings.append(wrong)
        except UNFINISHED as error:
            whole = False
            report.findings.append(Wrong("unread", where, unread_words(error)))
    report.findings += trail.findings
    if not whole:
        report.unproven.append(
            "that destructions were approved, and that time moved forward: parts could not be read (see above)"
        )
        return
    if trail.destroyed and not trail.findings:
        count = counted(trail.destroyed, "destruction")
        report.proven.append(
            f"each of {count} was approved in the log before it began, and was under no hold recorded there"
        )


def _leaps(catalogue: Catalogue, tolerance: timedelta) -> Iterator[Wrong]:
    """Yield each leap ahead that nobody confirmed; earlier versions recorded no confirmations."""
    time_log = read_time(catalogue, tolerance)
    yield from (_leap(each) for each in time_log.leaps if time_log.by_log)


def _read(trail: _Trail) -> Iterator[Wrong]:
    trail.log_state.read_on(trail.catalogue, trail.judge)
    yield from ()


def _rows(catalogue: Catalogue, log_state: LogState) -> Iterator[Wrong]:
    """Yield where the rows that a destruction depends on differ from the log."""
    try:
        for words in hold_differences(catalogue, log_state):
            yield Wrong("row", "holds", words)
    except UNFINISHED as error:
        yield Wrong("unread", "holds", unread_words(error))
    for differing in plan_differences(catalogue, log_state):
        yield Wrong("row", differing.proposal, differing.message)
    for archive, logged in log_state.archives.items():
        try:
            words = record_difference(catalogue, logged, archive)
        except UNFINISHED as error:
            yield Wrong("unread", archive, f"its retention record cannot be read: {unread_words(error)}")
            continue
        if words:
            yield Wrong("row", archive, words)


def _lock(vault: Vault, log_state: LogState) -> Iterator[Wrong]:
    """Yield that the catalogue is in lock mode and the log is not, or the other way round."""
    if is_locked(vault) != log_state.locked:
        words = "is" if log_state.locked else "is not"
        yield Wrong(
            "row", "vault lock mode", f"by the log this vault {words} in lock mode; the catalogue says otherwise"
        )


def _changed_rules(catalogue: Catalogue, rules: DestructionRules | None, report: Report) -> Iterator[Wrong]:
    """Report each change of who may approve and how many must; only people can judge whether it was intended."""
    report.unproven += unconfirmed_changes(catalogue, rules)
    yield from ()


def _unsigned(log_state: LogState, approvers: Collection[str]) -> Iterator[Wrong]:
    """Yield each approved plan without enough valid approvals; nothing of it is destroyed."""
    for plan in log_state.plans.values():
        waits = any(stage is Stage.APPROVED for stage in plan.stages.values())
        if waits and not is_approved(plan.proposal, that_count(plan.approvals, approvers)):
            words = "it is marked as approved, but lacks valid approvals (signed, where approvers are configured)"
            yield Wrong("approval", plan.proposal.id, words)


def _leap(leap: Leap) -> Wrong:
    length = rough_duration(leap.after - leap.before)
    words = f"it is {length} later than the line before it, and only the system clock confirms that"
    return Wrong("time", f"line {leap.seq}", words)


def _backward(catalogue: Catalogue, tolerance: timedelta) -> Iterator[Wrong]:
    """Yield each place where the time of the log or of its checkpoints goes backward."""
    before: datetime | None = None
    for seq, line in enumerate(LogWalk().lines(catalogue), 1):
        at = time_of(line)
        if before is not None and before - at > tolerance:
            yield Wrong("time", f"line {seq}", f"it is {rough_duration(before - at)} earlier than the line before it")
        before = at
    signed: datetime | None = None
    for kept in all_checkpoints(catalogue):
        if signed is not None and signed - kept.at > tolerance:
            words = f"it is {rough_duration(signed - kept.at)} earlier than the checkpoint before it"
            yield Wrong("time", f"{kept.size}.note", words)
        signed = kept.at
