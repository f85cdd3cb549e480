"""What the chained log tells of holds, plans and approvals: what a destruction is held against before it begins.

Rows of the catalogue are an index that whoever owns the file can change. The log cannot be changed without breaking its
chain, or contradicting a checkpoint: so who approved what, what is held and what was taken back is read from there.
Memory is bounded by the holds there are and by the plans and archives that are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.destruction.retention_replay import read_hold
from strongroom.model.destruction import (
    LIVE,
    STEPS,
    Approval,
    DestructionStep,
    Person,
    PlanItem,
    Proposal,
    Stage,
    plan_digest,
)
from strongroom.model.erasure import ErasureAnswer
from strongroom.model.hold import Hold
from strongroom.model.retention import RetentionRule
from strongroom.model.times import parse_instant
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.destruction_replay import read_proposal
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.manifest_schema import read_rule

Body = Mapping[str, Any]
_MARKS = tuple(
    b'"kind":"' + kind
    for kind in (b"hold.", b"destruction.", b'erasure.answered"', b'archive.destroyed"', b'vault.locked"')
)
_ABOUT = b'{"archive":"'  # how a canonical line about an archive begins


class ToldPlan(Struct):
    """A plan as the log tells it so far."""

    proposal: Proposal
    stages: dict[str, Stage]  # by archive
    approvals: list[Approval] = field(default_factory=list)


class ToldArchive(Struct):
    """What the log records what decides about one archive."""

    manifest_sha256: str = ""  # the newest
    extensions: list[RetentionRule] = field(default_factory=list)  # in their order


class Begun(Struct, frozen=True):
    """How things stood when a destruction began."""

    at: datetime
    proposal: str
    tombstone_sha256: str
    stage: Stage | None  # of the archive on that plan, just before
    approvals: tuple[Approval, ...]
    holds: tuple[Hold, ...]  # that stood


class LogState:
    """What the log has told so far. It can be read on, as the log grows."""

    def __init__(self, plans: Collection[str] | None = (), archives: Collection[str] = ()) -> None:
        """Keep what is told of these plans, or of all (None), and of the manifests and periods of these archives."""
        self.holds: dict[str, Hold] = {}
        self.plans: dict[str, ToldPlan] = {}
        self.archives = {archive: ToldArchive() for archive in archives}
        self.begun: dict[str, Begun] = {}  # by archive, as long as it is not destroyed
        self.locked = False  # lock mode: no ground outweighs a period
        self._wanted = None if plans is None else frozenset(plans)
        self._live: dict[str, str] = {}  # the plan on which an archive stands now
        self._walk = LogWalk()

    def read_on(self, catalogue: Catalogue, listen: Callable[[Body], None] = lambda _body: None) -> None:
        """Take in every line that is new; `listen` hears each that counts before it is taken in.

        Raises VaultError where the chain is broken, or a line says what cannot be read.
        """
        for line in self._walk.lines(catalogue):
            if any(mark in line for mark in _MARKS) or self._is_about(line):
                body = json.loads(line)
                listen(body)
                self.take(body)

    @property
    def standing(self) -> tuple[Hold, ...]:
        """Return the holds that stand."""
        return tuple(hold for hold in self.holds.values() if hold.stands)

    def take(self, body: Body) -> None:
        """Take in one entry."""
        archive, facts = str(body.get("archive", "")), body["facts"]
        act = _ACTS.get(str(body["kind"]))
        if act is not None:
            act(self, parse_instant(body["at"]), archive, facts)
        told = self.archives.get(archive)
        if told is not None:
            told.manifest_sha256 = str(facts.get("manifest_sha256", told.manifest_sha256))
            if body["kind"] == "retention.extended":
                told.extensions.append(read_rule(facts["rule"]))

    def _is_about(self, line: bytes) -> bool:
        if not self.archives or not line.startswith(_ABOUT):
            return False
        return line[len(_ABOUT) : line.index(b'"', len(_ABOUT))].decode() in self.archives

    def _step(self, plan: str, archive: str, step: DestructionStep) -> None:
        """Take a step with one archive of a plan, or with all of it, where it can be taken."""
        told = self.plans.get(plan)
        if told is None:
            return
        for each in [archive] if archive else list(told.stages):
            after = STEPS.get((told.stages[each], step)) if each in told.stages else None
            if after is not None:
                told.stages[each] = after
            if after is not None and after not in LIVE:
                self._live.pop(each, None)

    def _placed(self, at: datetime, _archive: str, facts: Body) -> None:
        self.holds[facts["hold"]] = read_hold(facts, at)

    def _released(self, at: datetime, _archive: str, facts: Body) -> None:
        hold = self.holds.get(facts["hold"])
        if hold is not None:
            self.holds[hold.id] = replace(hold, released_at=at)

    def _proposed(self, at: datetime, _archive: str, facts: Body) -> None:
        found = [
            PlanItem(archive, facts["proposal"], Stage.PROPOSED, at, told["rule"], told["citation"])
            for told in facts["rules"]
            for archive in told["archives"]
        ]
        for each in found:  # an erasure takes over what stood on another plan
            self._step(self._live.get(each.archive, ""), each.archive, DestructionStep.UNDONE)
        wanted = self._wanted is None or facts["proposal"] in self._wanted
        if wanted and plan_digest(facts["proposal"], found) == facts["plan_sha256"]:
            proposal = read_proposal(at, facts)
            self.plans[proposal.id] = ToldPlan(proposal, {each.archive: each.stage for each in found})
            self._live.update((each.archive, proposal.id) for each in found)

    def _approved(self, at: datetime, _archive: str, facts: Body) -> None:
        plan = self.plans.get(facts["proposal"])
        if plan is None:
            return
        by, note, signer = Person.of_token(facts["by"]), facts.get("note", ""), facts.get("signer", "")
        plan.approvals.append(Approval(plan.proposal.id, at, by, facts["plan_sha256"], note, signer))
        if facts["enough"]:
            self._step(plan.proposal.id, "", DestructionStep.APPROVED)

    def _undone(self, _at: datetime, archive: str, facts: Body) -> None:
        self._step(facts["proposal"], archive, DestructionStep.UNDONE)

    def _spared(self, _at: datetime, archive: str, facts: Body) -> None:
        self._step(facts["proposal"], archive, DestructionStep.SPARED)

    def _begins(self, at: datetime, archive: str, facts: Body) -> None:
        plan = self.plans.get(facts["proposal"])
        if plan is None:
            return
        stage, given = plan.stages.get(archive), tuple(plan.approvals)
        self.begun[archive] = Begun(at, plan.proposal.id, facts["tombstone_sha256"], stage, given, self.standing)
        self._step(plan.proposal.id, archive, DestructionStep.BEGUN)

    def _destroyed(self, _at: datetime, archive: str, facts: Body) -> None:
        self._step(facts.get("proposal", ""), archive, DestructionStep.FINISHED)
        self.begun.pop(archive, None)

    def _lock(self, _at: datetime, _archive: str, _facts: Body) -> None:
        self.locked = True

    def _answered(self, _at: datetime, _archive: str, facts: Body) -> None:
        if facts["answer"] != ErasureAnswer.REFUSED:
            return
        for plan in self.plans.values():
            if plan.proposal.erasure == facts["erasure"]:
                self._step(plan.proposal.id, "", DestructionStep.UNDONE)


_ACTS: Mapping[str, Callable[[LogState, datetime, str, Body], None]] = {
    "hold.placed": LogState._placed,
    "hold.released": LogState._released,
    "destruction.proposed": LogState._proposed,
    "destruction.approved": LogState._approved,
    "destruction.undone": LogState._undone,
    "destruction.spared": LogState._spared,
    "destruction.begun": LogState._begins,
    "archive.destroyed": LogState._destroyed,
    "erasure.answered": LogState._answered,
    "vault.locked": LogState._lock,
}
