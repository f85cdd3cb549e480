"""Requests for erasure: recorded under a pseudonym, put on a plan, answered, and completed automatically.

The plan is made with the request and approved once. Archives that a hold or a retention period still keeps wait on it,
and are destroyed when nothing keeps them any more, so nobody has to remember a deferred request. The person's reference
is in the catalogue only, never in the log, and is deleted with the final answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from strongroom.engine.core.old_catalogues import clear_asides, owe, settle
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.propose import DestructionPlan, enter_plan, sound_approvals
from strongroom.engine.retention.verdicts import Judgement
from strongroom.model.archive import Archive
from strongroom.model.destruction import (
    PROGRAM,
    DestructionStep,
    Ground,
    Person,
    PlanItem,
    Stage,
    StepRefused,
    is_approved,
    move,
    ripe_at,
)
from strongroom.model.entry_kind import EntryKind
from strongroom.model.erasure import Erasure, ErasureAnswer, ErasureState, reply, subject_hash
from strongroom.model.errors import UsageError
from strongroom.model.hold import may_touch
from strongroom.model.names import make_id
from strongroom.model.text import counted
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive, has_archive
from strongroom.vault.destructions import (
    get_erasure,
    get_proposal,
    items_of_plan,
    live_plan_items,
    pending_erasures,
    proposals_of_erasure,
    put_erasure,
    put_plan_item,
)
from strongroom.vault.retention_records import records
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import Vault

TWO = 2
"""Overriding a retention period always takes two people, whatever [destruction] says."""


class Requested(Struct, frozen=True):
    """A request as it was recorded, with the plan that answers it."""

    erasure: Erasure
    plan: DestructionPlan | None  # None if none of its archives is in the vault


def archives_within(vault: Vault, stream: str, window: Window) -> list[Archive]:
    """Return every archive of a stream, or of all streams, that may have records of this time, oldest first.

    As for holds: what counts is the reach of the records, and an archive whose records have no time is always among
    them.
    """
    ids = [each.id for each in records(vault.catalogue, stream) if not each.destroyed and may_touch(each, window)]
    found = (get_archive(vault.catalogue, archive_id) for archive_id in ids)
    return [archive for archive in found if archive is not None]


def request_erasure(
    context: DestructionContext,
    subject: str,
    archives: Sequence[Archive],
    by: Person,
    ground: str,
    *,
    overrides: bool = False,
) -> Requested:
    """Record a request and put its archives on a plan. Raises UsageError for a ground that names the person.

    Raises WorldError while a provider says that our clock is wrong: the day of the answer is counted from it.

    `overrides`: the ground is said to outweigh a retention period that still runs; never a hold, never a locked class.
    """
    if not subject.strip():
        hint = "give a reference from your own records: --subject REF"
        raise UsageError("the request has no reference for the person", hint=hint)
    _refuse_revealing(subject, ground)
    context.refuse_wrong_clock()
    at, catalogue = context.clock(), context.vault.catalogue
    salt = context.random_bytes(32)
    erasure = Erasure(
        id=make_id(at, context.random_bytes),
        at=at,
        state=ErasureState.OPEN,
        ground=ground,
        subject=subject,
        salt=salt.hex(),
        subject_hash=subject_hash(salt, subject),
        archives=tuple(sorted(archive.id for archive in archives)),
        overrides=overrides,
    )
    with catalogue.transaction():
        put_erasure(catalogue, erasure)
        context.log(
            EntryKind.ERASURE_REQUESTED,
            at,
            erasure=erasure.id,
            by=by.token,
            subject_hash=erasure.subject_hash,
            ground=ground,
            archives=[*erasure.archives],
            overrides_retention=overrides or None,
        )
        plan = _put_on_plan(context, erasure, archives, by)
    context.vault.write_log()
    return Requested(erasure, plan)


def propose_again(context: DestructionContext, erasure_id: str, by: Person) -> DestructionPlan:
    """Put archives whose plan was undone on a new one. Raises UsageError where there are none."""
    context.refuse_wrong_clock()
    catalogue = context.vault.catalogue
    with catalogue.transaction():
        erasure = _pending(context, erasure_id)
        loose = [archive for archive in _held(context, erasure) if live_plan_items(catalogue, archive.id) is None]
        plan = _put_on_plan(context, erasure, loose, by)
        if plan is None:
            raise UsageError(f"no archive of {erasure_id} was removed from its plan", hint="see: strongroom erase list")
    context.vault.write_log()
    return plan


def answer_erasure(
    context: DestructionContext, erasure_id: str, answer: ErasureAnswer, ground: str, by: Person
) -> Erasure:
    """Answer a request. A refusal takes its archives off the plan; "done" is only believed when all are destroyed.

    Raises UsageError for an unknown request or an answer without its ground, StepRefused for one that is not true.
    """
    catalogue, at = context.vault.catalogue, context.clock()
    with catalogue.transaction():
        erasure = _pending(context, erasure_id)
        if answer is not ErasureAnswer.DONE and not ground:
            raise UsageError(f"the answer {answer} requires a ground", hint='such as --ground "GDPR 17(3)(b)"')
        _refuse_revealing(erasure.subject, ground)
        left = _held(context, erasure)
        if answer is ErasureAnswer.DONE and left:
            raise StepRefused(
                f"{len(left)} of {counted(len(erasure.archives), 'archive')} not destroyed yet: it is not done",
                hint="it is answered automatically when they are; until then: erase answer ID deferred --ground WHY",
            )
        if answer is ErasureAnswer.REFUSED:
            for each in _on_plans(context, erasure):
                put_plan_item(catalogue, move(each, DestructionStep.UNDONE, at, f"the request was refused: {ground}"))
        answered = _write_answer(context, erasure, answer, ground, by)
        if answer is ErasureAnswer.REFUSED:
            _replan_others(context, erasure, by)
    context.vault.write_log()
    clear_asides(context.vault, context.clock)
    settle(catalogue)
    return answered


def complete_erasures(context: DestructionContext) -> list[Erasure]:
    """Answer every request whose last archive is destroyed; return them. Older catalogues are cleared as well."""
    catalogue, done = context.vault.catalogue, []
    for erasure in pending_erasures(catalogue):
        if not erasure.archives or not _is_complete(context, erasure):
            continue
        with catalogue.transaction():
            done.append(
                _write_answer(context, erasure, ErasureAnswer.DONE, "every archive that it names is destroyed", PROGRAM)
            )
    if done:
        context.vault.write_log()
    clear_asides(context.vault, context.clock)
    return done


class Pending(Struct, frozen=True):
    """What one archive of a request waits for."""

    judgement: Judgement  # what would be decided now
    item: PlanItem | None  # where it is on a plan; None: it is on none
    by_erasure: str = ""  # the other request whose plan it is on
    ripe_at: datetime | None = None  # when the cooling-off of its plan ends, where it is approved
    cooled: bool = False  # it has ended

    @property
    def words(self) -> str:
        """What is missing before it can be destroyed, and what to do."""
        if self.item is None:
            return "on no plan; to put it on one: strongroom erase propose"
        plan = f"plan {self.item.proposal}" + (f" of request {self.by_erasure}" if self.by_erasure else "")
        if self.item.stage is Stage.PROPOSED:
            return f"{plan} waits for approval: {self.judgement.words}"
        if self.ripe_at is None:
            return f"{plan} waits for one more approval: {self.judgement.words}"
        if self.cooled:
            return f"{plan} is approved and waits: {self.judgement.words}"
        return f"{plan} is approved, cooling off until {self.ripe_at:%Y-%m-%d %H:%M} UTC: {self.judgement.words}"


def pending_by_archive(context: DestructionContext, erasure: Erasure) -> dict[str, Pending]:
    """Return, for each archive that is still in the vault, what it waits for."""
    return {archive.id: _pending_archive(context, erasure, archive) for archive in _held(context, erasure)}


def _pending_archive(context: DestructionContext, erasure: Erasure, archive: Archive) -> Pending:
    judgement = context.judge(context.vault, archive, context.clock())
    item = live_plan_items(context.vault.catalogue, archive.id)
    proposal = get_proposal(context.vault.catalogue, item.proposal) if item else None
    if item is None or proposal is None:
        return Pending(judgement, item)
    other = proposal.erasure if proposal.erasure != erasure.id else ""
    given = sound_approvals(context, proposal)
    enough = item.stage is not Stage.PROPOSED and is_approved(proposal, given, context.rules.people)
    ripe = ripe_at(proposal, given, context.rules.cooling_off) if enough else None
    return Pending(judgement, item, other, ripe, ripe is not None and ripe <= context.clock())


def _put_on_plan(
    context: DestructionContext, erasure: Erasure, archives: Sequence[Archive], by: Person
) -> DestructionPlan | None:
    """Make the plan that answers a request. What is on a plan already stays there, unless that can be taken over."""
    catalogue, at = context.vault.catalogue, context.clock()
    free = []
    for archive in archives:
        taken = live_plan_items(catalogue, archive.id)
        if taken is not None and not _can_take_over(context, erasure, taken):
            continue
        if taken is not None:
            put_plan_item(
                catalogue,
                move(taken, DestructionStep.UNDONE, at, f"taken over by the request for erasure {erasure.id}"),
            )
        free.append(archive)
    if not free:
        return None
    judgements = {archive.id: context.judge(context.vault, archive, at) for archive in free}
    people = TWO if erasure.overrides else 0
    return enter_plan(
        context,
        free,
        judgements,
        by,
        at,
        reason=f"request for erasure {erasure.id}: {erasure.ground}",
        ground=Ground.ERASURE,
        people=people,
        erasure=erasure.id,
        overrides=erasure.overrides,
    )


def _can_take_over(context: DestructionContext, erasure: Erasure, taken: PlanItem) -> bool:
    """Return whether a request may move an archive from its present plan to its own.

    Never if its destruction has begun or was approved: approvals would be dropped unnoticed. Nor from the plan of
    another request: one destruction serves both. The exception is a request that overrides the retention period for
    which the other plan waits.
    """
    other = get_proposal(context.vault.catalogue, taken.proposal)
    if taken.stage is Stage.DESTROYING or other is None:
        return False
    if erasure.overrides and other.ground is Ground.ERASURE and not other.overrides:
        return True
    return taken.stage is Stage.PROPOSED and other.ground is Ground.RETENTION


def _replan_others(context: DestructionContext, refused: Erasure, by: Person) -> None:
    """Put the archives of a refused request on a plan of each other request that names them."""
    for other in pending_erasures(context.vault.catalogue):
        if other.id != refused.id and set(other.archives) & set(refused.archives):
            loose = [
                each for each in _held(context, other) if live_plan_items(context.vault.catalogue, each.id) is None
            ]
            _put_on_plan(context, other, loose, by)


def _write_answer(
    context: DestructionContext, erasure: Erasure, answer: ErasureAnswer, ground: str, by: Person
) -> Erasure:
    at = context.clock()
    answered = reply(erasure, answer, at, ground)
    put_erasure(context.vault.catalogue, answered)
    context.log(EntryKind.ERASURE_ANSWERED, at, erasure=erasure.id, answer=answer.value, by=by.token, ground=ground)
    if not answered.pending:
        owe(context.vault.catalogue)
    return answered


def _pending(context: DestructionContext, erasure_id: str) -> Erasure:
    erasure = get_erasure(context.vault.catalogue, erasure_id)
    if erasure is None:
        raise UsageError(f"there is no request for erasure {erasure_id}", hint="see: strongroom erase list")
    if not erasure.pending:
        raise StepRefused(f"the request {erasure_id} is {erasure.state}: it already has its final answer")
    return erasure


def _held(context: DestructionContext, erasure: Erasure) -> list[Archive]:
    found = (get_archive(context.vault.catalogue, archive_id) for archive_id in erasure.archives)
    return [archive for archive in found if archive is not None]


def _on_plans(context: DestructionContext, erasure: Erasure) -> Iterator[PlanItem]:
    for proposal in proposals_of_erasure(context.vault.catalogue, erasure.id):
        for each in items_of_plan(context.vault.catalogue, proposal.id):
            if each.stage in (Stage.PROPOSED, Stage.APPROVED):
                yield each


def _is_complete(context: DestructionContext, erasure: Erasure) -> bool:
    """Return whether all its archives are destroyed. The newest goes last, so it is checked first."""
    newest_first = erasure.archives[::-1]
    if any(has_archive(context.vault.catalogue, each) for each in newest_first):
        return False
    return all(_is_destroyed(context, each) for each in newest_first)


def _is_destroyed(context: DestructionContext, archive_id: str) -> bool:
    destroyed_archive = get_tombstone(context.vault.catalogue, archive_id)
    return destroyed_archive is not None and destroyed_archive.certificate_sha256 != ""


def _refuse_revealing(subject: str, ground: str) -> None:
    """Refuse words for the log that name the person or are too long for a ground."""
    if len(ground) > 200 or not ground.isprintable():
        raise UsageError("a ground is one line of at most 200 characters", hint='such as "GDPR 17(1)(b)"')
    if subject and subject.strip().lower() in ground.lower():
        raise UsageError(
            "the ground names the person, and grounds are written to the log", hint="give only the legal ground"
        )
