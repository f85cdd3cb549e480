"""The first step: a plan of what to destroy, each archive with the rule that allows it; and undoing it.

Only eligible archives are put on a plan. An erasure may add others, which then wait or override a retention period
(erasure.py). Proposing destroys nothing and prevents no hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.log_consistency import (
    contradictions_reported,
    open_log_state,
    read_on,
    require_archive,
)
from strongroom.engine.destruction.log_state import that_count
from strongroom.engine.retention.rules import Fate
from strongroom.engine.retention.verdicts import Judgement
from strongroom.evidence.line import Fact
from strongroom.model.archive import Archive, Tombstone
from strongroom.model.destruction import (
    Approval,
    DestructionStep,
    Ground,
    Person,
    PlanItem,
    Proposal,
    Stage,
    StepRefused,
    is_approved,
    move,
    plan_digest,
    ripe_at,
)
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.names import make_id
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive
from strongroom.vault.destructions import (
    approvals_of,
    get_proposal,
    items_of_plan,
    live_plan_items,
    put_plan_item,
    put_proposal,
)
from strongroom.vault.tombstones import get_tombstone


class PlanContent(Struct, frozen=True):
    """What describes an archive to a person, before and after its destruction."""

    stream: str
    window: Window
    records: int
    size: int  # bytes as delivered


class PlanTerms(Struct, frozen=True):
    """What a plan requires by the stricter of its own terms and today's rules, and what it still lacks."""

    people: int  # the proposer included
    approvals: int
    cooling_off: timedelta
    lacking: int  # approvals still missing
    ripe_at: datetime | None = None  # when the cooling-off of the approved archives ends


class DestructionPlan(Struct, frozen=True):
    """A proposal with everything on it, ready to be printed."""

    proposal: Proposal
    items: tuple[PlanItem, ...]
    judgements: dict[str, Judgement]  # by archive, as of now; none for destroyed ones
    contents: Mapping[str, PlanContent] = field(default_factory=dict)  # by archive
    reopened: bool = False  # it was approved, but today's rules require more approvals
    read_terms: PlanTerms | None = None  # as of now; None: as proposed
    approvals: tuple[Approval, ...] = ()  # those that count, in order of time

    @property
    def terms(self) -> PlanTerms:
        """What the plan requires now."""
        proposal = self.proposal
        proposed = PlanTerms(proposal.people, proposal.approvals, proposal.cooling_off, proposal.approvals)
        return self.read_terms or proposed

    @property
    def waiting(self) -> tuple[PlanItem, ...]:
        """The items that still need approval."""
        stages = {Stage.PROPOSED, Stage.APPROVED} if self.reopened else {Stage.PROPOSED}
        return tuple(each for each in self.items if each.stage in stages)

    @property
    def digest(self) -> str:
        """The digest of what an approval given now would cover."""
        return plan_digest(self.proposal.id, self.waiting)


def candidates(context: DestructionContext, archives: Iterable[Archive]) -> list[tuple[Archive, Judgement]]:
    """Return the eligible archives that are on no plan yet, each with the reason."""
    at, catalogue = context.clock(), context.vault.catalogue
    judged = ((archive, context.judge(context.vault, archive, at)) for archive in archives)
    return [
        (archive, judgement)
        for archive, judgement in judged
        if judgement.fate is Fate.DUE and live_plan_items(catalogue, archive.id) is None
    ]


def propose(context: DestructionContext, archives: Sequence[Archive], by: Person, reason: str) -> DestructionPlan:
    """Record a plan to destroy archives whose retention period is over.

    Raises UsageError for an archive that may not be destroyed, WorldError while the time cannot be trusted, and
    Contradiction where the retention record of one differs from the log; then nothing is proposed.
    """
    at, catalogue = context.clock(), context.vault.catalogue
    require_ripe(context, archives, at)
    context.require_calm()
    with contradictions_reported(context):
        log_state = open_log_state(context.vault, archives=[archive.id for archive in archives])
        for archive in archives:
            require_archive(catalogue, log_state, archive.id)
    with contradictions_reported(context), catalogue.transaction():
        read_on(catalogue, log_state)
        judgements = require_ripe(context, archives, at)
        plan = enter_plan(context, archives, judgements, by, at, reason=reason)
    context.vault.write_log()
    return plan


def require_ripe(context: DestructionContext, archives: Sequence[Archive], at: datetime) -> dict[str, Judgement]:
    """Judge the archives, and return the judgements by archive. Raises as `propose` does; nothing is written."""
    judgements = {archive.id: context.judge(context.vault, archive, at) for archive in archives}
    if not archives:
        raise UsageError("there is nothing to propose", hint="to see what is eligible: strongroom retention plan")
    for archive in archives:
        taken, judgement = live_plan_items(context.vault.catalogue, archive.id), judgements[archive.id]
        if taken is not None:
            raise StepRefused(f"archive {archive.id} is already on plan {taken.proposal} ({taken.stage})")
        if judgement.fate is not Fate.DUE:
            raise StepRefused(
                f"archive {archive.id} may not be destroyed: {judgement.words}",
                hint="nothing is destroyed early; to see when: strongroom retention plan",
            )
    return judgements


def enter_plan(
    context: DestructionContext,
    archives: Sequence[Archive],
    judgements: dict[str, Judgement],
    by: Person,
    at: datetime,
    *,
    reason: str,
    ground: Ground = Ground.RETENTION,
    people: int = 0,
    erasure: str = "",
    overrides: bool = False,
) -> DestructionPlan:
    """Write a proposal and its log entry; inside a transaction. `people` can only make it stricter."""
    proposal_id, catalogue = make_id(at, context.random_bytes), context.vault.catalogue
    items = tuple(
        PlanItem(
            archive.id,
            proposal_id,
            Stage.PROPOSED,
            at,
            judgements[archive.id].rule,
            judgements[archive.id].citation,
            judgements[archive.id].words,
        )
        for archive in sorted(archives, key=lambda archive: archive.id)
    )
    proposal = Proposal(
        id=proposal_id,
        at=at,
        by=by,
        ground=ground,
        reason=reason,
        people=max(people, context.rules.people),
        cooling_off=context.rules.cooling_off,
        plan_sha256=plan_digest(proposal_id, items),
        erasure=erasure,
        overrides=overrides,
    )
    put_proposal(catalogue, proposal)
    for each in items:
        put_plan_item(catalogue, each)
    _log_proposal(context, proposal, items)
    return DestructionPlan(proposal, items, judgements, {archive.id: _content(archive) for archive in archives})


def _log_proposal(context: DestructionContext, proposal: Proposal, items: Sequence[PlanItem]) -> None:
    context.log(
        EntryKind.DESTRUCTION_PROPOSED,
        proposal.at,
        words=proposal.reason,
        proposal=proposal.id,
        by=proposal.by.token,
        ground=proposal.ground.value,
        plan_sha256=proposal.plan_sha256,
        rules=_by_rule(items),
        people=proposal.people,
        cooling_off_seconds=int(proposal.cooling_off.total_seconds()),
        erasure=proposal.erasure,
        overrides_retention=proposal.overrides or None,
    )


def _by_rule(items: Sequence[PlanItem]) -> list[Fact]:
    """Return the plan for the log, from which it can be made again: each rule with its archives."""
    found: dict[tuple[str, str], list[Fact]] = {}
    for each in items:
        found.setdefault((each.rule, each.citation), []).append(each.archive)
    return [{"rule": rule, "citation": citation, "archives": names} for (rule, citation), names in found.items()]


def read_plan(context: DestructionContext, proposal_id: str) -> DestructionPlan:
    """Return a plan, judged as of now. Raises UsageError for an unknown one."""
    catalogue, at = context.vault.catalogue, context.clock()
    proposal = get_proposal(catalogue, proposal_id)
    if proposal is None:
        raise UsageError(f"there is no proposal {proposal_id}", hint="see: strongroom destroy list")
    items = tuple(items_of_plan(catalogue, proposal.id))
    found = [(each, get_archive(catalogue, each.archive)) for each in items]
    live = ((each, archive) for each, archive in found if each.live and archive is not None)
    judgements = {each.archive: context.judge(context.vault, archive, at) for each, archive in live}
    contents = {each.archive: _content(archive) for each, archive in found if archive is not None}
    gone = (get_tombstone(catalogue, each.archive) for each, archive in found if archive is None)
    contents |= {each.tombstone.archive: _tombstone_content(each.tombstone) for each in gone if each is not None}
    given = sound_approvals(context, proposal)
    terms = _terms(context, proposal, items, given)
    reopened = terms.lacking > 0 and any(each.stage is Stage.APPROVED for each in items)
    return DestructionPlan(proposal, items, judgements, contents, reopened, terms, tuple(given))


def _terms(
    context: DestructionContext, proposal: Proposal, items: Sequence[PlanItem], given: Sequence[Approval]
) -> PlanTerms:
    rules = context.rules
    strict = replace(
        proposal,
        people=max(proposal.people, rules.people),
        cooling_off=max(proposal.cooling_off, rules.cooling_off),
    )
    enough = is_approved(strict, given)
    lacking = 0 if enough else max(1, strict.approvals - len(given))
    approved = enough and any(each.stage is Stage.APPROVED for each in items)
    ripe = ripe_at(strict, given, rules.cooling_off) if approved else None
    return PlanTerms(strict.people, strict.approvals, strict.cooling_off, lacking, ripe)


def sound_approvals(context: DestructionContext, proposal: Proposal) -> list[Approval]:
    """Return the approvals that count: signed where required, and every signature valid."""
    return that_count(approvals_of(context.vault.catalogue, proposal.id), context.rules.approvers)


def _content(archive: Archive) -> PlanContent:
    return PlanContent(archive.stream, archive.spec.window, archive.inspection.records, archive.seal.size)


def _tombstone_content(tombstone: Tombstone) -> PlanContent:
    return PlanContent(tombstone.stream, tombstone.window, tombstone.records, tombstone.size)


def undo(context: DestructionContext, subject: str, by: Person, reason: str) -> list[PlanItem]:
    """Undo a whole proposal, or take one archive off its plan; anybody may, until its destruction has begun.

    Raises UsageError for an unknown subject and StepRefused where it is too late.
    """
    catalogue, at = context.vault.catalogue, context.clock()
    with catalogue.transaction():
        proposal = get_proposal(catalogue, subject)
        found = items_of_plan(catalogue, subject) if proposal else _item_of(context, subject)
        movable = [each for each in found if each.stage in (Stage.PROPOSED, Stage.APPROVED)]
        undone = [move(each, DestructionStep.UNDONE, at, reason) for each in movable or found[:1]]
        for each in undone:
            put_plan_item(catalogue, each)
        context.log(
            EntryKind.DESTRUCTION_UNDONE,
            at,
            archive="" if proposal else subject,
            words=reason,
            proposal=undone[0].proposal,
            by=by.token,
            archives=len(undone),
        )
    context.vault.write_log()
    return undone


def _item_of(context: DestructionContext, archive_id: str) -> list[PlanItem]:
    catalogue = context.vault.catalogue
    if (items := live_plan_items(catalogue, archive_id)) is not None:
        return [items]
    if get_tombstone(catalogue, archive_id) is not None:
        raise StepRefused(f"archive {archive_id} is destroyed and cannot be restored")
    raise UsageError(f"there is no proposal for {archive_id}", hint="see: strongroom destroy list")
