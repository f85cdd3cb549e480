"""The second step: another person approves a plan, with exactly the archives that were on it when it was read.

The approval names the digest of the whole plan as proposed. Archives can leave a plan but never join it, so what an
approval covers can only shrink.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.log_consistency import (
    contradictions_reported,
    open_log_state,
    read_on,
    require_archive,
    require_plan,
)
from strongroom.engine.destruction.log_state import LogState
from strongroom.engine.destruction.propose import DestructionPlan, read_plan
from strongroom.engine.destruction.propose import sound_approvals as sound_approvals  # `destroy` uses them from here
from strongroom.evidence.note import Signer
from strongroom.model.destruction import (
    Approval,
    DestructionStep,
    Person,
    PlanItem,
    Proposal,
    Stage,
    StepRefused,
    approval_text,
    is_approved,
    move,
    plan_digest,
    require_other,
    ripe_at,
)
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.times import format_instant
from strongroom.vault.destructions import approvals_of, items_of_plan, put_approval, put_plan_item


class Approved(Struct, frozen=True):
    """The result of an approval."""

    plan: DestructionPlan
    enough: bool  # the cooling-off has begun; otherwise another person must approve as well
    ripe_at: datetime | None  # when the destruction can begin


class ApprovalStatus(Struct, frozen=True):
    """What a person's approval would change, if it were given now."""

    plan: DestructionPlan
    lacking: int  # approvals that would still be missing after it
    cooling_off: timedelta
    ripe_at: datetime | None  # from when on the destruction would be final; None while approvals are missing


def foresee_approval(context: DestructionContext, proposal_id: str, by: Person) -> ApprovalStatus:
    """Return what an unsigned approval by this person would change; nothing is written.

    Raises as `approve` does where this person cannot approve, or nothing waits for approval.
    """
    plan = read_plan(context, proposal_id)
    given = approvals_of(context.vault.catalogue, proposal_id)
    _require_unchanged(context, plan, plan.digest)
    require_other(plan.proposal, given, by)
    if context.rules.approvers:
        hint = f"with your key: strongroom destroy approve {proposal_id} --sign-with KEYFILE"
        raise UsageError("an approval must be signed here", hint=hint)
    approval = Approval(proposal_id, context.clock(), by, plan.proposal.plan_sha256)
    enough = is_approved(plan.proposal, [*given, approval], context.rules.people)
    strict = replace(plan.proposal, people=max(plan.proposal.people, context.rules.people))
    return ApprovalStatus(
        plan,
        0 if enough else max(1, strict.approvals - len(given) - 1),
        max(plan.proposal.cooling_off, context.rules.cooling_off),
        ripe_at(plan.proposal, [*given, approval], context.rules.cooling_off) if enough else None,
    )


def read_outcome(context: DestructionContext, plan: DestructionPlan) -> datetime | None:
    """Return when the approved archives of a plan can be destroyed; None while nothing is approved."""
    if not any(each.stage is Stage.APPROVED for each in plan.items):
        return None
    return ripe_at(plan.proposal, sound_approvals(context, plan.proposal), context.rules.cooling_off)


def approve(
    context: DestructionContext, proposal_id: str, by: Person, seen: str, key: Signer | None = None
) -> Approved:
    """Approve a plan. `seen` is the digest of what the person was shown (`Plan.digest`); `key` signs.

    Raises StepRefused where the person cannot approve or the plan is another by now; UsageError for a wrong key;
    WorldError while an alert about the time is active; Contradiction where catalogue and log differ.
    """
    context.require_calm()
    catalogue, at = context.vault.catalogue, context.clock()
    log_state = _logged_plan(context, proposal_id, by, _approver(context, key), seen)
    with contradictions_reported(context), catalogue.transaction():
        plan = read_plan(context, proposal_id)
        given = approvals_of(catalogue, proposal_id)
        _require_unchanged(context, plan, seen)
        require_other(plan.proposal, given, by, _approver(context, key))
        read_on(catalogue, log_state)
        require_plan(catalogue, log_state, plan.proposal)
        approval = _sign(context, plan, by, at, key)
        if approval.signer and any(each.signer == approval.signer for each in given):
            raise StepRefused(
                "this key has already approved the plan", hint="another person must approve, with another key"
            )
        put_approval(catalogue, approval)
        enough = is_approved(plan.proposal, [*sound_approvals(context, plan.proposal)], context.rules.people)
        for each in plan.waiting if enough else ():
            if each.stage is Stage.APPROVED:
                continue  # by fewer people than today's rules require
            put_plan_item(catalogue, move(each, DestructionStep.APPROVED, at, each.reason))
        context.log(
            EntryKind.DESTRUCTION_APPROVED,
            at,
            proposal=proposal_id,
            by=by.token,
            plan_sha256=plan.proposal.plan_sha256,
            archives=len(plan.waiting),
            signer=approval.signer,
            note=approval.note,
            enough=enough,
        )
    context.vault.write_log()
    ripe = ripe_at(plan.proposal, [*given, approval], context.rules.cooling_off) if enough else None
    return Approved(read_plan(context, proposal_id), enough, ripe)


def _approver(context: DestructionContext, key: Signer | None) -> str:
    """Return the public key if it is an approver's; empty otherwise, since it then proves nothing."""
    signer = str(key.verifier) if key is not None else ""
    return signer if signer in context.rules.approvers else ""


def _logged_plan(context: DestructionContext, proposal_id: str, by: Person, signer: str, seen: str) -> LogState:
    """Read the plan from the log and compare its archives with that; a person's own mistakes come first."""
    catalogue, plan = context.vault.catalogue, read_plan(context, proposal_id)
    _require_unchanged(context, plan, seen)
    require_other(plan.proposal, approvals_of(catalogue, proposal_id), by, signer)
    with contradictions_reported(context):
        log_state = open_log_state(context.vault, [proposal_id], [each.archive for each in plan.waiting])
        for each in plan.waiting:
            require_archive(catalogue, log_state, each.archive)
    return log_state


def _require_unchanged(context: DestructionContext, plan: DestructionPlan, seen: str) -> None:
    if not plan.waiting:
        raise StepRefused(
            f"nothing in plan {plan.proposal.id} is waiting for approval", hint="see: strongroom destroy list"
        )
    require_whole(context, plan.proposal)
    if plan.digest != seen:
        raise StepRefused(
            "the plan has changed since it was shown to you", hint="read it again: strongroom destroy show"
        )


def require_whole(context: DestructionContext, proposal: Proposal) -> None:
    """Raise VaultError unless the plan in the catalogue is the one that was proposed and that approvals name."""
    require_same_plan(proposal, items_of_plan(context.vault.catalogue, proposal.id))


def require_same_plan(proposal: Proposal, items: Sequence[PlanItem]) -> None:
    """Raise VaultError unless these archives and rules are the ones that were proposed and that approvals name."""
    if plan_digest(proposal.id, items) != proposal.plan_sha256:
        raise VaultError(
            f"the plan {proposal.id} is not the one that was proposed: archives or rules were changed in the catalogue",
            hint="nothing of it is destroyed; undo it, find out who changed it, and propose again",
        )


def _sign(context: DestructionContext, plan: DestructionPlan, by: Person, at: datetime, key: Signer | None) -> Approval:
    proposal = plan.proposal
    plain = Approval(proposal.id, at, by, proposal.plan_sha256)
    if key is None:
        if context.rules.approvers:
            raise UsageError("an approval must be signed here", hint="add --sign-with KEYFILE")
        return plain
    signer = str(key.verifier)
    if context.rules.approvers and signer not in context.rules.approvers:
        raise UsageError(
            "this key is not listed in [destruction] approvers", hint="sign with one of the keys listed there"
        )
    note = key.sign(approval_text(proposal, format_instant(at), by, len(plan.waiting)))
    return Approval(proposal.id, at, by, proposal.plan_sha256, note, signer)
