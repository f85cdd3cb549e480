"""Plans, approvals and requests for erasure made again from the log, for a catalogue that is made anew.

What was destroyed stays destroyed, what was approved stays approved, and a deferred erasure is not forgotten. Names of
people and a person's reference are in no line and do not come back; what is over keeps its tombstones alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.model.destruction import (
    Approval,
    DestructionStep,
    Ground,
    Person,
    PlanItem,
    Proposal,
    Stage,
    StepRefused,
    move,
    plan_digest,
)
from strongroom.model.entry_kind import EntryKind
from strongroom.model.erasure import Erasure, ErasureAnswer, ErasureState, reply
from strongroom.model.times import parse_instant
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.destructions import put_approval, put_erasure, put_plan_item, put_proposal, reduce_rows
from strongroom.vault.log_reader import readable
from strongroom.vault.tombstones import every_tombstone

DESTRUCTION_ENTRIES = """
SELECT line FROM entries WHERE kind IN (
    'destruction.proposed', 'destruction.approved', 'destruction.undone', 'destruction.spared', 'destruction.begun',
    'archive.destroyed', 'erasure.requested', 'erasure.answered'
) AND seq > 0 ORDER BY seq
"""

Facts = Mapping[str, Any]


class _Ledger(Struct):
    """The state after the entries read so far."""

    proposals: dict[str, Proposal] = field(default_factory=dict)
    approvals: list[Approval] = field(default_factory=list)
    items: dict[tuple[str, str], PlanItem] = field(default_factory=dict)  # by proposal and archive
    erasures: dict[str, Erasure] = field(default_factory=dict)

    def step(self, keys: list[tuple[str, str]], step: DestructionStep, at: datetime) -> None:
        """Take a step with each of these that can take it."""
        for key in keys:
            try:
                self.items[key] = move(self.items[key], step, at)
            except (KeyError, StepRefused):
                continue

    def on(self, proposal: str, archive: str = "") -> list[tuple[str, str]]:
        """Return the entry of a proposal, or of one archive in it."""
        return [key for key in self.items if key[0] == proposal and archive in ("", key[1])]


def replay_destructions(catalogue: Catalogue) -> None:
    """Rebuild the rows of destructions and erasures from the entries; inside a transaction, on empty tables.

    A destruction that had begun and whose tombstone is not there had touched nothing: its archive is held as before,
    and its plan goes on from its approval.
    """
    ledger = _Ledger()
    for row in catalogue.read(DESTRUCTION_ENTRIES):
        with readable(row["line"]):
            body = json.loads(row["line"])
            _ACTS[body["kind"]](ledger, parse_instant(body["at"]), str(body.get("archive", "")), body["facts"])
    for tombstone in every_tombstone(catalogue):
        reduce_rows(catalogue, tombstone)
    _write(catalogue, ledger)


def _write(catalogue: Catalogue, ledger: _Ledger) -> None:
    destroyed_archive = {tombstone.archive for tombstone in every_tombstone(catalogue)}
    for proposal in ledger.proposals.values():
        put_proposal(catalogue, proposal)
    for approval in ledger.approvals:
        put_approval(catalogue, approval)
    for items in ledger.items.values():
        begun = items.stage is Stage.DESTROYING and items.archive not in destroyed_archive
        put_plan_item(catalogue, replace(items, stage=Stage.APPROVED) if begun else items)
    for erasure in ledger.erasures.values():
        put_erasure(catalogue, erasure)


def read_proposal(at: datetime, facts: Facts) -> Proposal:
    """Read a plan from its line in the log, which holds neither names of people nor the reason."""
    return Proposal(
        id=facts["proposal"],
        at=at,
        by=Person.of_token(facts["by"]),
        ground=Ground(facts["ground"]),
        reason="",
        people=facts["people"],
        cooling_off=timedelta(seconds=facts["cooling_off_seconds"]),
        plan_sha256=facts["plan_sha256"],
        erasure=facts.get("erasure", ""),
        overrides=bool(facts.get("overrides_retention")),
    )


def _proposed(ledger: _Ledger, at: datetime, _archive: str, facts: Facts) -> None:
    proposal = read_proposal(at, facts)
    found = [
        PlanItem(archive, proposal.id, Stage.PROPOSED, at, group["rule"], group["citation"])
        for group in facts["rules"]
        for archive in group["archives"]
    ]
    if plan_digest(proposal.id, found) != proposal.plan_sha256:
        return  # cannot be made again as it was: it must be proposed anew
    for each in found:  # an erasure takes over what stood on another plan
        ledger.step([key for key in ledger.items if key[1] == each.archive], DestructionStep.UNDONE, at)
        ledger.items[proposal.id, each.archive] = each
    ledger.proposals[proposal.id] = proposal


def _approved(ledger: _Ledger, at: datetime, _archive: str, facts: Facts) -> None:
    if facts["proposal"] not in ledger.proposals:
        return
    by, note, signer = Person.of_token(facts["by"]), facts.get("note", ""), facts.get("signer", "")
    ledger.approvals.append(Approval(facts["proposal"], at, by, facts["plan_sha256"], note, signer))
    if facts["enough"]:
        ledger.step(ledger.on(facts["proposal"]), DestructionStep.APPROVED, at)


def _stepped(step: DestructionStep) -> Callable[[_Ledger, datetime, str, Facts], None]:
    def act(ledger: _Ledger, at: datetime, archive: str, facts: Facts) -> None:
        ledger.step(ledger.on(facts["proposal"], archive), step, at)

    return act


def _requested(ledger: _Ledger, at: datetime, _archive: str, facts: Facts) -> None:
    ledger.erasures[facts["erasure"]] = Erasure(
        id=facts["erasure"],
        at=at,
        state=ErasureState.OPEN,
        ground=facts["ground"],
        subject="",
        salt="",
        subject_hash=facts["subject_hash"],
        archives=tuple(facts.get("archives", ())),
        overrides=bool(facts.get("overrides_retention")),
    )


def _answered(ledger: _Ledger, at: datetime, _archive: str, facts: Facts) -> None:
    erasure = ledger.erasures.get(facts["erasure"])
    if erasure is None or not erasure.pending:
        return
    answer = ErasureAnswer(facts["answer"])
    ledger.erasures[erasure.id] = reply(erasure, answer, at, facts.get("ground", ""))
    if answer is ErasureAnswer.REFUSED:
        for proposal in ledger.proposals.values():
            if proposal.erasure == erasure.id:
                ledger.step(ledger.on(proposal.id), DestructionStep.UNDONE, at)


_ACTS: Mapping[str, Callable[[_Ledger, datetime, str, Facts], None]] = {
    EntryKind.DESTRUCTION_PROPOSED: _proposed,
    EntryKind.DESTRUCTION_APPROVED: _approved,
    EntryKind.DESTRUCTION_UNDONE: _stepped(DestructionStep.UNDONE),
    EntryKind.DESTRUCTION_SPARED: _stepped(DestructionStep.SPARED),
    EntryKind.DESTRUCTION_BEGUN: _stepped(DestructionStep.BEGUN),
    EntryKind.ARCHIVE_DESTROYED: _stepped(DestructionStep.FINISHED),
    EntryKind.ERASURE_REQUESTED: _requested,
    EntryKind.ERASURE_ANSWERED: _answered,
}
