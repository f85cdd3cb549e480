"""The first step: a plan of what is to be destroyed, each archive with the rule that allows it. And taking it back.

Only archives whose time is over come onto a plan; an erasure may put others there that must then wait, or be approved
against the retention that still runs (erase.py). Proposing destroys nothing and keeps nobody from a hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from strongroom.engine.destruction.crosscheck import open_docket, read_on, require_archive, told_aloud
from strongroom.engine.destruction.desk import Desk
from strongroom.engine.destruction.signed import that_count
from strongroom.engine.retention.judgement import Fate, Judgement
from strongroom.evidence.line import Fact
from strongroom.model.archive import Archive
from strongroom.model.destruction import (
    Approval,
    Condemned,
    Ground,
    Person,
    Proposal,
    Stage,
    Step,
    StepRefused,
    is_approved,
    move,
    plan_digest,
)
from strongroom.model.errors import UsageError
from strongroom.model.ids import make_id
from strongroom.model.tombstone import Tombstone
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive
from strongroom.vault.destructions import (
    approvals_of,
    condemned_on,
    get_proposal,
    live_condemned,
    put_condemned,
    put_proposal,
)
from strongroom.vault.tombstones import get_tombstone


@dataclass(frozen=True, slots=True)
class Content:
    """What a person knows an archive by, before it is destroyed and after."""

    stream: str
    window: Window
    records: int
    size: int  # bytes as delivered


@dataclass(frozen=True, slots=True)
class Plan:
    """A proposal with everything on it, ready to be printed."""

    proposal: Proposal
    condemned: tuple[Condemned, ...]
    judgements: dict[str, Judgement]  # by archive: what would be decided now; none for what is gone
    contents: Mapping[str, Content] = field(default_factory=dict)  # by archive
    reopened: bool = False  # it was approved, and today's rules ask for more approvals than it has

    @property
    def waiting(self) -> tuple[Condemned, ...]:
        """Return what still needs approval."""
        stages = {Stage.PROPOSED, Stage.APPROVED} if self.reopened else {Stage.PROPOSED}
        return tuple(each for each in self.condemned if each.stage in stages)

    @property
    def digest(self) -> str:
        """Return the digest of what an approval given now would cover."""
        return plan_digest(self.proposal.id, self.waiting)


def candidates(desk: Desk, archives: Iterable[Archive]) -> list[tuple[Archive, Judgement]]:
    """Return the archives whose time is over and that are on no plan yet, each with the reason."""
    at, catalogue = desk.clock(), desk.vault.catalogue
    judged = ((archive, desk.judge(desk.vault, archive, at)) for archive in archives)
    return [
        (archive, judgement)
        for archive, judgement in judged
        if judgement.fate is Fate.DUE and live_condemned(catalogue, archive.id) is None
    ]


def propose(desk: Desk, archives: Sequence[Archive], by: Person, reason: str) -> Plan:
    """Write down a plan to destroy archives whose retention is over.

    Raises UsageError, naming each archive that may not be destroyed and why, WorldError while the time cannot be
    trusted, and Contradiction where what decides about one is not what the log tells; then nothing is proposed.
    """
    at, catalogue = desk.clock(), desk.vault.catalogue
    require_ripe(desk, archives, at)
    desk.require_calm()
    with told_aloud(desk):
        docket = open_docket(desk.vault, archives=[archive.id for archive in archives])
        for archive in archives:
            require_archive(catalogue, docket, archive.id)
    with told_aloud(desk), catalogue.transaction():
        read_on(catalogue, docket)
        judgements = require_ripe(desk, archives, at)
        plan = enter_plan(desk, archives, judgements, by, at, reason=reason)
    desk.vault.write_log()
    return plan


def require_ripe(desk: Desk, archives: Sequence[Archive], at: datetime) -> dict[str, Judgement]:
    """Judge the archives, and return the judgements by archive. Raises as `propose` does; nothing is written."""
    judgements = {archive.id: desk.judge(desk.vault, archive, at) for archive in archives}
    if not archives:
        raise UsageError("there is nothing to propose", hint="see what is due: strongroom retention plan")
    for archive in archives:
        taken, judgement = live_condemned(desk.vault.catalogue, archive.id), judgements[archive.id]
        if taken is not None:
            raise StepRefused(f"archive {archive.id} is on the plan {taken.proposal} already, {taken.stage}")
        if judgement.fate is not Fate.DUE:
            raise StepRefused(
                f"archive {archive.id} may not be destroyed: {judgement.words}",
                hint="nothing is destroyed early; see: strongroom retention plan",
            )
    return judgements


def enter_plan(
    desk: Desk,
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
) -> Plan:
    """Write a proposal and its log entry; inside a transaction. `people` can only make it stricter."""
    proposal_id, catalogue = make_id(at, desk.chance), desk.vault.catalogue
    condemned = tuple(
        Condemned(
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
        people=max(people, desk.rules.people),
        cooling_off=desk.rules.cooling_off,
        plan_sha256=plan_digest(proposal_id, condemned),
        erasure=erasure,
        overrides=overrides,
    )
    put_proposal(catalogue, proposal)
    for each in condemned:
        put_condemned(catalogue, each)
    _log_proposal(desk, proposal, condemned)
    return Plan(proposal, condemned, judgements, {archive.id: _content(archive) for archive in archives})


def _log_proposal(desk: Desk, proposal: Proposal, condemned: Sequence[Condemned]) -> None:
    desk.log(
        "destruction.proposed",
        proposal.at,
        words=proposal.reason,
        proposal=proposal.id,
        by=proposal.by.token,
        ground=proposal.ground.value,
        plan_sha256=proposal.plan_sha256,
        rules=_by_rule(condemned),
        people=proposal.people,
        cooling_off_seconds=int(proposal.cooling_off.total_seconds()),
        erasure=proposal.erasure,
        overrides_retention=proposal.overrides or None,
    )


def _by_rule(condemned: Sequence[Condemned]) -> list[Fact]:
    """Return the plan as the log tells it, from which it can be made again: each rule with its archives."""
    found: dict[tuple[str, str], list[Fact]] = {}
    for each in condemned:
        found.setdefault((each.rule, each.citation), []).append(each.archive)
    return [{"rule": rule, "citation": citation, "archives": names} for (rule, citation), names in found.items()]


def read_plan(desk: Desk, proposal_id: str) -> Plan:
    """Return a plan as it now stands, judged as of now. Raises UsageError for an unknown one."""
    catalogue, at = desk.vault.catalogue, desk.clock()
    proposal = get_proposal(catalogue, proposal_id)
    if proposal is None:
        raise UsageError(f"there is no proposal {proposal_id}", hint="see: strongroom destroy list")
    condemned = tuple(condemned_on(catalogue, proposal.id))
    found = [(each, get_archive(catalogue, each.archive)) for each in condemned]
    live = ((each, archive) for each, archive in found if each.live and archive is not None)
    judgements = {each.archive: desk.judge(desk.vault, archive, at) for each, archive in live}
    contents = {each.archive: _content(archive) for each, archive in found if archive is not None}
    gone = (get_tombstone(catalogue, each.archive) for each, archive in found if archive is None)
    contents |= {each.tombstone.archive: _remains(each.tombstone) for each in gone if each is not None}
    return Plan(proposal, condemned, judgements, contents, _is_reopened(desk, proposal, condemned))


def _is_reopened(desk: Desk, proposal: Proposal, condemned: Sequence[Condemned]) -> bool:
    if not any(each.stage is Stage.APPROVED for each in condemned):
        return False
    return not is_approved(proposal, sound_approvals(desk, proposal), desk.rules.people)


def sound_approvals(desk: Desk, proposal: Proposal) -> list[Approval]:
    """Return the approvals that still count: signed where a signature is required, and every signature a true one."""
    return that_count(approvals_of(desk.vault.catalogue, proposal.id), desk.rules.approvers)


def _content(archive: Archive) -> Content:
    return Content(archive.stream, archive.spec.window, archive.inspection.records, archive.seal.size)


def _remains(tombstone: Tombstone) -> Content:
    return Content(tombstone.stream, tombstone.window, tombstone.records, tombstone.size)


def undo(desk: Desk, subject: str, by: Person, reason: str) -> list[Condemned]:
    """Take a whole proposal, or one archive, off the plan. Possible until its destruction has begun, by anybody.

    Raises UsageError for an unknown subject and StepRefused where nothing can be taken back any more.
    """
    catalogue, at = desk.vault.catalogue, desk.clock()
    with catalogue.transaction():
        proposal = get_proposal(catalogue, subject)
        found = condemned_on(catalogue, subject) if proposal else _condemned_alone(desk, subject)
        movable = [each for each in found if each.stage in (Stage.PROPOSED, Stage.APPROVED)]
        undone = [move(each, Step.UNDONE, at, reason) for each in movable or found[:1]]
        for each in undone:
            put_condemned(catalogue, each)
        desk.log(
            "destruction.undone",
            at,
            archive="" if proposal else subject,
            words=reason,
            proposal=undone[0].proposal,
            by=by.token,
            archives=len(undone),
        )
    desk.vault.write_log()
    return undone


def _condemned_alone(desk: Desk, archive_id: str) -> list[Condemned]:
    catalogue = desk.vault.catalogue
    if (condemned := live_condemned(catalogue, archive_id)) is not None:
        return [condemned]
    if get_tombstone(catalogue, archive_id) is not None:
        raise StepRefused(f"archive {archive_id} is destroyed and cannot be brought back")
    raise UsageError(f"there is no proposal for {archive_id}", hint="see: strongroom destroy list")
