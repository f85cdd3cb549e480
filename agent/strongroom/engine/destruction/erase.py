"""Requests of single persons to be erased: recorded under a pseudonym, put on a plan, answered, and done by themselves.

The plan is made with the request and approved once. What a hold or a retention period still keeps waits on it, and is
destroyed when nothing keeps it any more: a deferred request needs nobody to remember it. The person's reference is in
the catalogue only, never in the log, and is deleted with the last answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from strongroom.engine.destruction.compaction import owe, settle
from strongroom.engine.destruction.desk import Desk
from strongroom.engine.destruction.propose import Plan, enter_plan, sound_approvals
from strongroom.engine.recovery.asides import clear_asides
from strongroom.engine.retention.judgement import Judgement
from strongroom.model.archive import Archive
from strongroom.model.counts import counted
from strongroom.model.destruction import (
    PROGRAM,
    Condemned,
    Ground,
    Person,
    Stage,
    Step,
    StepRefused,
    is_approved,
    move,
    ripe_at,
)
from strongroom.model.erasure import Answer, Erasure, ErasureState, reply, subject_hash
from strongroom.model.errors import UsageError
from strongroom.model.hold import may_touch
from strongroom.model.ids import make_id
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive
from strongroom.vault.destructions import (
    condemned_on,
    get_proposal,
    live_condemned,
    proposals_of_erasure,
    put_condemned,
)
from strongroom.vault.erasures import get_erasure, pending_erasures, put_erasure
from strongroom.vault.retained import records
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import Vault

TWO = 2
"""Whoever lets a ground outweigh a retention duty never does so alone, whatever [destruction] says."""


@dataclass(frozen=True, slots=True)
class Requested:
    """A request as it was recorded, with the plan that answers it."""

    erasure: Erasure
    plan: Plan | None  # None where nothing that it names is held


def archives_within(vault: Vault, stream: str, window: Window) -> list[Archive]:
    """Return every archive of a stream, or of all streams, that may have records of this time, oldest first.

    As for holds: what counts is the reach of the records, and an archive whose records have no time is always among
    them.
    """
    ids = [each.id for each in records(vault.catalogue, stream) if not each.destroyed and may_touch(each, window)]
    found = (get_archive(vault.catalogue, archive_id) for archive_id in ids)
    return [archive for archive in found if archive is not None]


def request_erasure(
    desk: Desk, subject: str, archives: Sequence[Archive], by: Person, ground: str, *, overrides: bool = False
) -> Requested:
    """Record a request and put the archives that it names on a plan. Raises UsageError for words that would tell.

    `overrides`: the ground is said to outweigh a retention period that still runs; never a hold, never a locked class.
    """
    if not subject.strip():
        raise UsageError("the request names nobody", hint="give a reference that your own records know: --subject REF")
    _refuse_telling(subject, ground)
    at, catalogue = desk.clock(), desk.vault.catalogue
    salt = desk.chance(32)
    erasure = Erasure(
        id=make_id(at, desk.chance),
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
        desk.log(
            "erasure.requested",
            at,
            erasure=erasure.id,
            by=by.token,
            subject_hash=erasure.subject_hash,
            ground=ground,
            archives=[*erasure.archives],
            overrides_retention=overrides or None,
        )
        plan = _put_on_plan(desk, erasure, archives, by)
    desk.vault.write_log()
    return Requested(erasure, plan)


def propose_again(desk: Desk, erasure_id: str, by: Person) -> Plan:
    """Put what is on no plan any more, because somebody undid it, on a new one. Raises UsageError where nothing is."""
    catalogue = desk.vault.catalogue
    with catalogue.transaction():
        erasure = _pending(desk, erasure_id)
        loose = [archive for archive in _held(desk, erasure) if live_condemned(catalogue, archive.id) is None]
        plan = _put_on_plan(desk, erasure, loose, by)
        if plan is None:
            raise UsageError(f"nothing that {erasure_id} names is off the plan", hint="see: strongroom erase list")
    desk.vault.write_log()
    return plan


def answer_erasure(desk: Desk, erasure_id: str, answer: Answer, ground: str, by: Person) -> Erasure:
    """Answer a request. A refusal takes its archives off the plan; "done" is only believed when all are destroyed.

    Raises UsageError for an unknown request or an answer without its ground, StepRefused for one that is not true.
    """
    catalogue, at = desk.vault.catalogue, desk.clock()
    with catalogue.transaction():
        erasure = _pending(desk, erasure_id)
        if answer is not Answer.DONE and not ground:
            raise UsageError(f"an answer {answer} needs its ground", hint='such as --ground "GDPR 17(3)(b)"')
        _refuse_telling(erasure.subject, ground)
        left = _held(desk, erasure)
        if answer is Answer.DONE and left:
            raise StepRefused(
                f"{len(left)} of {counted(len(erasure.archives), 'archive')} not destroyed: it is not done",
                hint="it is answered by itself when they are; until then: erase answer ID deferred --ground WHY",
            )
        if answer is Answer.REFUSED:
            for each in _on_plans(desk, erasure):
                put_condemned(catalogue, move(each, Step.UNDONE, at, f"the request was refused: {ground}"))
        answered = _write_answer(desk, erasure, answer, ground, by)
        if answer is Answer.REFUSED:
            _replan_others(desk, erasure, by)
    desk.vault.write_log()
    clear_asides(desk.vault, desk.clock)
    settle(catalogue)
    return answered


def complete_erasures(desk: Desk) -> list[Erasure]:
    """Answer every request whose last archive is destroyed; return them. Older catalogues go with what is destroyed."""
    catalogue, done = desk.vault.catalogue, []
    for erasure in pending_erasures(catalogue):
        if not erasure.archives or not all(_is_destroyed(desk, each) for each in erasure.archives):
            continue
        with catalogue.transaction():
            done.append(_write_answer(desk, erasure, Answer.DONE, "every archive that it names is destroyed", PROGRAM))
    if done:
        desk.vault.write_log()
    clear_asides(desk.vault, desk.clock)
    return done


@dataclass(frozen=True, slots=True)
class Pending:
    """What one archive of a request waits for."""

    judgement: Judgement  # what would be decided now
    condemned: Condemned | None  # where it is on a plan; None: it is on none
    by_erasure: str = ""  # the other request whose plan it is on
    ripe_at: datetime | None = None  # when the cooling-off of its plan ends, where it is approved
    cooled: bool = False  # it has ended

    @property
    def words(self) -> str:
        """Say what is missing until it is destroyed, and what to do, in words for a person."""
        if self.condemned is None:
            return "on no plan: put it on one with strongroom erase propose"
        plan = f"plan {self.condemned.proposal}" + (f" of request {self.by_erasure}" if self.by_erasure else "")
        if self.condemned.stage is Stage.PROPOSED:
            return f"{plan} waits for approval: {self.judgement.words}"
        if self.ripe_at is None:
            return f"{plan} waits for one more approval: {self.judgement.words}"
        if self.cooled:
            return f"{plan} is approved and waits: {self.judgement.words}"
        return f"{plan} is approved, cooling off until {self.ripe_at:%Y-%m-%d %H:%M} UTC: {self.judgement.words}"


def standing_against(desk: Desk, erasure: Erasure) -> dict[str, Pending]:
    """Return, for each archive that is still in the vault, what it waits for."""
    return {archive.id: _pending_archive(desk, erasure, archive) for archive in _held(desk, erasure)}


def _pending_archive(desk: Desk, erasure: Erasure, archive: Archive) -> Pending:
    judgement = desk.judge(desk.vault, archive, desk.clock())
    condemned = live_condemned(desk.vault.catalogue, archive.id)
    proposal = get_proposal(desk.vault.catalogue, condemned.proposal) if condemned else None
    if condemned is None or proposal is None:
        return Pending(judgement, condemned)
    other = proposal.erasure if proposal.erasure != erasure.id else ""
    given = sound_approvals(desk, proposal)
    enough = condemned.stage is not Stage.PROPOSED and is_approved(proposal, given, desk.rules.people)
    ripe = ripe_at(proposal, given, desk.rules.cooling_off) if enough else None
    return Pending(judgement, condemned, other, ripe, ripe is not None and ripe <= desk.clock())


def _put_on_plan(desk: Desk, erasure: Erasure, archives: Sequence[Archive], by: Person) -> Plan | None:
    """Make the plan that answers a request. What is on a plan already stays there, unless that can be taken over."""
    catalogue, at = desk.vault.catalogue, desk.clock()
    free = []
    for archive in archives:
        taken = live_condemned(catalogue, archive.id)
        if taken is not None and not _can_take_over(desk, erasure, taken):
            continue
        if taken is not None:
            put_condemned(
                catalogue, move(taken, Step.UNDONE, at, f"taken over by the request for erasure {erasure.id}")
            )
        free.append(archive)
    if not free:
        return None
    judgements = {archive.id: desk.judge(desk.vault, archive, at) for archive in free}
    people = TWO if erasure.overrides else 0
    return enter_plan(
        desk,
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


def _can_take_over(desk: Desk, erasure: Erasure, taken: Condemned) -> bool:
    """Say whether a request may move an archive from the plan that it is on to its own.

    Never from what has begun or was approved: approvals that people gave would end unseen. Nor from another request's
    plan: it is done with the same destruction. An exception is the request that outweighs a retention duty which keeps
    what the other plan waits for.
    """
    other = get_proposal(desk.vault.catalogue, taken.proposal)
    if taken.stage is Stage.DESTROYING or other is None:
        return False
    if erasure.overrides and other.ground is Ground.ERASURE and not other.overrides:
        return True
    return taken.stage is Stage.PROPOSED and other.ground is Ground.RETENTION


def _replan_others(desk: Desk, refused: Erasure, by: Person) -> None:
    """Put what a refused request took off its plan on a plan of each other request that names it."""
    for other in pending_erasures(desk.vault.catalogue):
        if other.id != refused.id and set(other.archives) & set(refused.archives):
            loose = [each for each in _held(desk, other) if live_condemned(desk.vault.catalogue, each.id) is None]
            _put_on_plan(desk, other, loose, by)


def _write_answer(desk: Desk, erasure: Erasure, answer: Answer, ground: str, by: Person) -> Erasure:
    at = desk.clock()
    answered = reply(erasure, answer, at, ground)
    put_erasure(desk.vault.catalogue, answered)
    desk.log("erasure.answered", at, erasure=erasure.id, answer=answer.value, by=by.token, ground=ground)
    if not answered.pending:
        owe(desk.vault.catalogue)
    return answered


def _pending(desk: Desk, erasure_id: str) -> Erasure:
    erasure = get_erasure(desk.vault.catalogue, erasure_id)
    if erasure is None:
        raise UsageError(f"there is no request for erasure {erasure_id}", hint="see: strongroom erase list")
    if not erasure.pending:
        raise StepRefused(f"the request {erasure_id} is {erasure.state}: it has had its last answer")
    return erasure


def _held(desk: Desk, erasure: Erasure) -> list[Archive]:
    found = (get_archive(desk.vault.catalogue, archive_id) for archive_id in erasure.archives)
    return [archive for archive in found if archive is not None]


def _on_plans(desk: Desk, erasure: Erasure) -> Iterator[Condemned]:
    for proposal in proposals_of_erasure(desk.vault.catalogue, erasure.id):
        for each in condemned_on(desk.vault.catalogue, proposal.id):
            if each.stage in (Stage.PROPOSED, Stage.APPROVED):
                yield each


def _is_destroyed(desk: Desk, archive_id: str) -> bool:
    buried = get_tombstone(desk.vault.catalogue, archive_id)
    return buried is not None and buried.certificate_sha256 != ""


def _refuse_telling(subject: str, ground: str) -> None:
    """Refuse words for the log that name the person, or that are more than a ground needs."""
    if len(ground) > 200 or not ground.isprintable():
        raise UsageError("a ground is one line of at most 200 characters", hint='such as "GDPR 17(1)(b)"')
    if subject and subject.strip().lower() in ground.lower():
        raise UsageError("the ground names the person, and it goes into the log", hint="give the legal ground alone")
