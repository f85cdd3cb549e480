"""The way of one archive to its destruction, as one table: stage x step -> stage. Nobody takes it alone.

Rules of this file. No input or output, no clock, no chance. A step that is not in the table raises and changes
nothing; every step is data, so that the tests can walk all of them. Two facts carry the promise that nothing is
destroyed early: only APPROVED leads to DESTROYING, and only enough different people lead to APPROVED. Once DESTROYING
there is one way on and none back: a key that is half gone cannot be undone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.errors import UsageError


class Stage(StrEnum):
    """The state of an archive in a destruction plan."""

    PROPOSED = "proposed"  # on a plan; nobody but its proposer has agreed
    APPROVED = "approved"  # enough people have agreed; cooling off, or waiting for its hold or its period to end
    DESTROYING = "destroying"  # the intent is on disk: it is carried to its end, whatever happens
    DESTROYED = "destroyed"  # nothing of it can be opened any more; the certificate says so
    WITHDRAWN = "withdrawn"  # a person took it off the plan
    SPARED = "spared"  # judged anew it may not be destroyed


class DestructionStep(StrEnum):
    """What happens to a condemned archive."""

    APPROVED = "approved"
    BEGUN = "begun"
    FINISHED = "finished"
    UNDONE = "undone"
    SPARED = "spared"


LIVE = frozenset({Stage.PROPOSED, Stage.APPROVED, Stage.DESTROYING})

STEPS: Mapping[tuple[Stage, DestructionStep], Stage] = MappingProxyType(
    {
        (Stage.PROPOSED, DestructionStep.APPROVED): Stage.APPROVED,
        (Stage.PROPOSED, DestructionStep.UNDONE): Stage.WITHDRAWN,
        (Stage.PROPOSED, DestructionStep.SPARED): Stage.SPARED,
        (Stage.APPROVED, DestructionStep.BEGUN): Stage.DESTROYING,
        (Stage.APPROVED, DestructionStep.UNDONE): Stage.WITHDRAWN,
        (Stage.APPROVED, DestructionStep.SPARED): Stage.SPARED,
        (Stage.DESTROYING, DestructionStep.FINISHED): Stage.DESTROYED,
    }
)

_REFUSED: Mapping[Stage, str] = {
    Stage.DESTROYING: "is being destroyed, which cannot be undone",
    Stage.DESTROYED: "is destroyed and cannot be restored",
    Stage.WITHDRAWN: "was removed from the plan",
    Stage.SPARED: "dropped out of the plan",
    Stage.PROPOSED: "has not been approved",
    Stage.APPROVED: "is approved already",
}


class StepRefused(UsageError):
    """The step cannot be taken. Nothing was changed."""


class Ground(StrEnum):
    """Why an archive may be destroyed."""

    RETENTION = "retention"  # its retention period is over
    ERASURE = "erasure"  # a person's request for erasure was accepted


class Person(Struct, frozen=True):
    """Who acts, by the operating system's word. The program itself, which proposes what is due, is uid -1."""

    uid: int  # the real user id of the process
    name: str  # of the one who logged in, as far as the system knows
    login: int | None = None  # who logged in, by the kernel's audit: nobody can choose it
    sudo: int | None = None  # SUDO_UID: anybody can set it, so it may tie two acts together and never keep them apart
    mapped: bool = False  # acts in a user namespace, where every number above can be chosen: who it is, is not known

    @property
    def token(self) -> str:
        """Return the token for the person in the log, which contains no names."""
        if self.uid < 0:
            return "program"
        numbers = {"login": self.login, "sudo": self.sudo}
        extra = [f"{name}:{number}" for name, number in numbers.items() if number is not None]
        extra += ["mapped:1"] if self.mapped else []
        return " ".join([f"uid:{self.uid}", *extra])

    @classmethod
    def of_token(cls, token: str) -> Person:
        """Read back the token of the log; the name is not in it. Raises ValueError."""
        if token == "program":  # noqa: S105 - a token for a person, not a secret
            return PROGRAM
        numbers = {name: int(number) for name, _, number in (part.partition(":") for part in token.split(" "))}
        return cls(
            numbers["uid"],
            f"uid {numbers['uid']}",
            numbers.get("login"),
            numbers.get("sudo"),
            bool(numbers.get("mapped")),
        )

    def may_be(self, other: Person) -> bool:
        """Say whether two could be the same person. Where it is not known, they are."""
        if self.mapped or other.mapped:
            return True
        unknown = self.login is None or other.login is None
        return bool(self._numbers & other._numbers) or (unknown and self.uid == other.uid)

    @property
    def _numbers(self) -> set[int]:
        return {self.login} if self.login is not None else {self.uid, *([] if self.sudo is None else [self.sudo])}


PROGRAM = Person(-1, "strongroom")
"""Proposes by rule, where a retention class says so. It never counts as one of the people."""


class PlanItem(Struct, frozen=True):
    """One archive on one proposal."""

    archive: str
    proposal: str
    stage: Stage
    changed_at: datetime
    rule: str  # by which it may be destroyed, in words
    citation: str = ""
    reason: str = ""  # of the last change, or why it still waits: words for people

    @property
    def live(self) -> bool:
        """Say whether it is still on its way."""
        return self.stage in LIVE


class Proposal(Struct, frozen=True):
    """A plan to destroy archives, as it was printed. Its numbers are fixed when it is made."""

    id: str
    at: datetime
    by: Person
    ground: Ground
    reason: str
    people: int  # how many different people it takes, its proposer among them
    cooling_off: timedelta  # between the last approval and the first destruction
    plan_sha256: str  # of all its archives with their rules
    erasure: str = ""  # the request for erasure that it answers
    overrides: bool = False  # destroys although a retention period runs; never under a hold

    @property
    def approvals(self) -> int:
        """Return how many approvals it takes: at least one, besides a proposer who counts as one of the people."""
        return self.people if self.by == PROGRAM or self.by.mapped else max(1, self.people - 1)


class Approval(Struct, frozen=True):
    """One person's agreement with a plan."""

    proposal: str
    at: datetime
    by: Person
    plan_sha256: str
    note: str = ""  # the signed note of `approval_text`, where the person has a key
    signer: str = ""  # the public key that the note fits


def move(items: PlanItem, step: DestructionStep, at: datetime, reason: str = "") -> PlanItem:
    """Return the archive after the step. Raises StepRefused when the table has no such step."""
    stage = STEPS.get((items.stage, step))
    if stage is None:
        raise StepRefused(f"archive {items.archive} {_REFUSED[items.stage]}")
    return replace(items, stage=stage, changed_at=at, reason=reason)


def plan_digest(proposal_id: str, items: Iterable[PlanItem]) -> str:
    """Return the SHA-256 of what is to be destroyed and why: approvals name it, so that they cover nothing else."""
    plan = [[each.archive, each.rule, each.citation] for each in sorted(items, key=lambda each: each.archive)]
    text = json.dumps([proposal_id, plan], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def approval_text(proposal: Proposal, at_text: str, by: Person, archives: int) -> str:
    """Return what a person with a key signs, ready for a signed note."""
    lines = (
        "strongroom approval of destruction 1",
        f"proposal {proposal.id}",
        f"plan {proposal.plan_sha256}",
        f"archives {archives}",
        f"by {by.token}",
        f"at {at_text}",
    )
    return "\n".join(lines) + "\n"


def require_other(proposal: Proposal, given: Sequence[Approval], by: Person, signer: str = "") -> None:
    """Raise StepRefused unless this person's approval counts in addition to the proposal and the earlier approvals.

    `signer` is the key of a configured approver that signs it. In a user namespace only that distinguishes people.
    """
    if by.uid < 0:
        raise StepRefused("the program approves nothing", hint="approve as a person")
    unknown = by.mapped or proposal.by.mapped
    if proposal.people > 1 and unknown and not signer:
        where = "you are" if by.mapped else "the plan was proposed"
        raise StepRefused(
            f"{where} in a user namespace, where a user number proves nothing: two people cannot be told apart",
            hint="sign it with the key of one of [destruction] approvers, or propose and approve outside of it",
        )
    if any(_may_be_one(by, signer, each) for each in given):
        raise StepRefused("you have approved this plan already", hint="somebody else must do so, too")
    if proposal.people > 1 and not unknown and by.may_be(proposal.by):
        raise StepRefused(
            "the person who proposed cannot approve: a destruction takes two people",
            hint="a second user of this machine approves, or [destruction] people = 1 says that one is enough",
        )


def is_approved(proposal: Proposal, given: Sequence[Approval], people: int = 1) -> bool:
    """Say whether enough different people agree to this very plan. `people` is today's rule: the stricter one holds."""
    strict = replace(proposal, people=max(proposal.people, people))
    sound: list[Approval] = []
    for each in given:
        repeated = any(_may_be_one(each.by, each.signer, other) for other in sound)
        own = strict.people > 1 and _is_own(proposal, each)
        if each.plan_sha256 == proposal.plan_sha256 and each.by.uid >= 0 and not repeated and not own:
            sound.append(each)
    # The proposer may have any of the keys that distinguish people in a user namespace, and counts for none of them.
    apart = any(each.by.mapped for each in sound)
    return len(sound) >= (strict.people if apart else strict.approvals)


def _is_own(proposal: Proposal, approval: Approval) -> bool:
    """Say whether an approval may be the proposer's, where that cannot be settled by counting keys alone."""
    if approval.by.mapped or proposal.by.mapped:
        return not approval.signer
    return approval.by.may_be(proposal.by)


def _may_be_one(by: Person, signer: str, other: Approval) -> bool:
    """Say whether an approval may be by the same person as another one: in a user namespace, unless two keys signed."""
    if by.mapped or other.by.mapped:
        return not (signer and other.signer and signer != other.signer)
    return by.may_be(other.by)


def ripe_at(proposal: Proposal, given: Sequence[Approval], cooling_off: timedelta) -> datetime | None:
    """Return when the cooling-off is over, or None without an approval. Of two delays the longer one holds."""
    last = max((each.at for each in given), default=None)
    return None if last is None else last + max(proposal.cooling_off, cooling_off)
