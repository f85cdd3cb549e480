"""Destruction proposals, approvals, planned archives and requests for erasure in the catalogue."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

from strongroom.model.archive import Tombstone
from strongroom.model.destruction import Approval, Ground, Person, PlanItem, Proposal, Stage
from strongroom.model.erasure import Erasure, ErasureState
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.rows import readable, reads, to_instant, to_instant_or_none, to_text, to_text_or_none

_PROPOSAL = (
    "id, at, uid, name, login, sudo, ground, reason, people, cooling_off, plan_sha256, erasure, overrides, mapped"
)
PUT_PROPOSAL = f"INSERT INTO proposals ({_PROPOSAL}) VALUES ({', '.join('?' * 14)})"
PROPOSAL = f"SELECT {_PROPOSAL} FROM proposals WHERE id = ?"
PROPOSALS_NEWEST = f"SELECT {_PROPOSAL} FROM proposals ORDER BY at DESC, id DESC LIMIT ?"
PROPOSALS_LIVE = f"""
SELECT {_PROPOSAL} FROM proposals
WHERE EXISTS (SELECT 1 FROM condemned WHERE proposal = proposals.id AND stage IN ('proposed', 'approved'))
ORDER BY at, id
"""
PROPOSALS_APPROVED = f"""
SELECT {_PROPOSAL} FROM proposals
WHERE EXISTS (SELECT 1 FROM condemned WHERE proposal = proposals.id AND stage = 'approved') ORDER BY at, id
"""
PROPOSALS_OF_ERASURE = f"SELECT {_PROPOSAL} FROM proposals WHERE erasure = ? AND erasure <> '' ORDER BY at, id"
PROPOSAL_IDS_LIKE = """
SELECT id FROM proposals WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3
"""
_APPROVAL = "proposal, at, uid, name, login, sudo, plan_sha256, note, signer, mapped"
PUT_APPROVAL = f"INSERT INTO approvals ({_APPROVAL}) VALUES ({', '.join('?' * 10)})"
APPROVAL = f"SELECT {_APPROVAL} FROM approvals WHERE proposal = ? AND uid = ? AND at = ?"
APPROVALS = f"SELECT {_APPROVAL} FROM approvals WHERE proposal = ? ORDER BY at, uid"
_CONDEMNED = "archive, proposal, stage, changed_at, rule, citation, reason"
PUT_CONDEMNED = f"""
INSERT INTO condemned ({_CONDEMNED}) VALUES ({", ".join("?" * 7)})
ON CONFLICT (proposal, archive) DO UPDATE SET
    stage = excluded.stage, changed_at = excluded.changed_at, reason = excluded.reason
"""
CONDEMNED_ON = f"SELECT {_CONDEMNED} FROM condemned WHERE proposal = ? AND archive = ?"
CONDEMNED = f"SELECT {_CONDEMNED} FROM condemned WHERE proposal = ? ORDER BY archive"
PLANNED_FOR_RETENTION = f"""
SELECT {", ".join(f"condemned.{name}" for name in _CONDEMNED.split(", "))} FROM condemned
JOIN proposals ON proposals.id = condemned.proposal
WHERE stage IN ('proposed', 'approved', 'destroying') AND +stage <> 'destroying' AND ground = 'retention'
ORDER BY archive
"""
CONDEMNED_LIVE = f"""
SELECT {_CONDEMNED} FROM condemned WHERE archive = ? AND stage IN ('proposed', 'approved', 'destroying')
"""
DROP_ARCHIVE = "DELETE FROM archives WHERE id = ?"
COVER_DESTROYED = """
UPDATE coverage SET cover = 'destroyed', cause = ?2
WHERE archive = ?1 AND archive <> '' AND cover IN ('proven', 'empty')
"""
HUSH_ENTRIES = """
UPDATE entries SET words = '' WHERE (job = ?1 AND job <> '') OR (archive = ?2 AND archive <> '')
"""
HUSH_JOB = "UPDATE jobs SET detail = '' WHERE id = ?"
DROP_RETAINED = "DELETE FROM retained WHERE archive = ?"


def put_proposal(catalogue: Catalogue, proposal: Proposal) -> None:
    """Write a new proposal; inside a transaction."""
    row = (
        proposal.id,
        to_text(proposal.at),
        proposal.by.uid,
        proposal.by.name,
        proposal.by.login,
        proposal.by.sudo,
        proposal.ground.value,
        proposal.reason,
        proposal.people,
        proposal.cooling_off.total_seconds(),
        proposal.plan_sha256,
        proposal.erasure,
        int(proposal.overrides),
        int(proposal.by.mapped),
    )
    catalogue.write(PUT_PROPOSAL, *row)
    catalogue.confirm(PROPOSAL, proposal.id, expected=row)


def put_approval(catalogue: Catalogue, approval: Approval) -> None:
    """Write one person's approval; inside a transaction."""
    by = approval.by
    row = (
        approval.proposal,
        to_text(approval.at),
        by.uid,
        by.name,
        by.login,
        by.sudo,
        approval.plan_sha256,
        approval.note,
        approval.signer,
        int(by.mapped),
    )
    catalogue.write(PUT_APPROVAL, *row)
    catalogue.confirm(APPROVAL, approval.proposal, by.uid, to_text(approval.at), expected=row)


def put_plan_item(catalogue: Catalogue, items: PlanItem) -> None:
    """Write where an archive stands on a proposal; inside a transaction."""
    row = (
        items.archive,
        items.proposal,
        items.stage.value,
        to_text(items.changed_at),
        items.rule,
        items.citation,
        items.reason,
    )
    catalogue.write(PUT_CONDEMNED, *row)
    catalogue.confirm(CONDEMNED_ON, items.proposal, items.archive, expected=row)


def get_proposal(catalogue: Catalogue, proposal_id: str) -> Proposal | None:
    """Return the proposal with exactly this id."""
    row = catalogue.read_one(PROPOSAL, proposal_id)
    return _proposal(row) if row else None


def newest_proposals(catalogue: Catalogue, most: int = 50) -> list[Proposal]:
    """Return proposals, newest first."""
    return list(readable(catalogue.read(PROPOSALS_NEWEST, most), _proposal))


def live_proposals(catalogue: Catalogue) -> list[Proposal]:
    """Return the proposals with an archive that is neither destroyed nor off the plan, oldest first."""
    return list(readable(catalogue.read(PROPOSALS_LIVE), _proposal))


def approved_proposals(catalogue: Catalogue) -> list[Proposal]:
    """Return the proposals with an archive that enough people agreed to destroy, oldest first."""
    return list(readable(catalogue.read(PROPOSALS_APPROVED), _proposal))


def proposals_of_erasure(catalogue: Catalogue, erasure_id: str) -> list[Proposal]:
    """Return the proposals that answer a request for erasure, oldest first."""
    return list(readable(catalogue.read(PROPOSALS_OF_ERASURE, erasure_id), _proposal))


def matching_proposal_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids of proposals that begin or end with what a person typed."""
    return [row["id"] for row in catalogue.read(PROPOSAL_IDS_LIKE, part.lower())]


def approvals_of(catalogue: Catalogue, proposal_id: str) -> list[Approval]:
    """Return who agreed to a proposal, in order of time."""
    return [_approval(row) for row in catalogue.read(APPROVALS, proposal_id)]


@reads("approvals", "proposal", "uid")
def _approval(row: sqlite3.Row) -> Approval:
    return Approval(
        proposal=row["proposal"],
        at=to_instant(row["at"]),
        by=Person(row["uid"], row["name"], row["login"], row["sudo"], bool(row["mapped"])),
        plan_sha256=row["plan_sha256"],
        note=row["note"],
        signer=row["signer"],
    )


def items_of_plan(catalogue: Catalogue, proposal_id: str) -> list[PlanItem]:
    """Return every archive of a proposal, whatever became of it."""
    return [_condemned(row) for row in catalogue.read(CONDEMNED, proposal_id)]


def live_plan_items(catalogue: Catalogue, archive_id: str) -> PlanItem | None:
    """Return how an archive stands on the one plan that it is on, if it is on any."""
    row = catalogue.read_one(CONDEMNED_LIVE, archive_id)
    return _condemned(row) if row else None


def planned_for_retention(catalogue: Catalogue) -> list[PlanItem]:
    """Return what is on a plan because its period is over, and whose destruction has not begun."""
    return [_condemned(row) for row in catalogue.read(PLANNED_FOR_RETENTION)]


def reduce_rows(catalogue: Catalogue, tombstone: Tombstone) -> None:
    """Take the archive out of the catalogue, and out of what is proven; inside a transaction.

    What providers said about its job goes, too. The lines of the log stay as they are: they hold no such words.
    """
    catalogue.write(DROP_ARCHIVE, tombstone.archive)
    catalogue.write(DROP_RETAINED, tombstone.archive)  # it tells when the records were of
    cause = f"destroyed under {tombstone.rule}"
    catalogue.write(COVER_DESTROYED, tombstone.archive, cause)
    catalogue.write(HUSH_ENTRIES, tombstone.job, tombstone.archive)
    catalogue.write(HUSH_JOB, tombstone.job)


@reads("proposals", "id")
def _proposal(row: sqlite3.Row) -> Proposal:
    return Proposal(
        id=row["id"],
        at=to_instant(row["at"]),
        by=Person(row["uid"], row["name"], row["login"], row["sudo"], bool(row["mapped"])),
        ground=Ground(row["ground"]),
        reason=row["reason"],
        people=row["people"],
        cooling_off=timedelta(seconds=row["cooling_off"]),
        plan_sha256=row["plan_sha256"],
        erasure=row["erasure"],
        overrides=bool(row["overrides"]),
    )


@reads("condemned", "archive")
def _condemned(row: sqlite3.Row) -> PlanItem:
    return PlanItem(
        archive=row["archive"],
        proposal=row["proposal"],
        stage=Stage(row["stage"]),
        changed_at=to_instant(row["changed_at"]),
        rule=row["rule"],
        citation=row["citation"],
        reason=row["reason"],
    )


_ERASURE = "id, at, state, ground, subject, salt, subject_hash, archives, overrides, answered_at, answer"
PUT_ERASURE = f"""
INSERT INTO erasures ({_ERASURE}) VALUES ({", ".join("?" * 11)})
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, subject = excluded.subject, salt = excluded.salt, archives = excluded.archives,
    answered_at = excluded.answered_at, answer = excluded.answer
"""
ERASURE = f"SELECT {_ERASURE} FROM erasures WHERE id = ?"
ERASURES_NEWEST = f"SELECT {_ERASURE} FROM erasures ORDER BY at DESC, id DESC LIMIT ?"
ERASURES_PENDING = f"SELECT {_ERASURE} FROM erasures WHERE state IN ('open', 'deferred') ORDER BY at, id"
ERASURE_IDS_LIKE = """
SELECT id FROM erasures WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3
"""


def put_erasure(catalogue: Catalogue, erasure: Erasure) -> None:
    """Write a request as it now stands; inside a transaction."""
    row = (
        erasure.id,
        to_text(erasure.at),
        erasure.state.value,
        erasure.ground,
        erasure.subject,
        erasure.salt,
        erasure.subject_hash,
        json.dumps(list(erasure.archives)),
        int(erasure.overrides),
        to_text_or_none(erasure.answered_at),
        erasure.answer,
    )
    catalogue.write(PUT_ERASURE, *row)
    catalogue.confirm(ERASURE, erasure.id, expected=row)


def get_erasure(catalogue: Catalogue, erasure_id: str) -> Erasure | None:
    """Return the request with exactly this id."""
    row = catalogue.read_one(ERASURE, erasure_id)
    return _erasure(row) if row else None


def newest_erasures(catalogue: Catalogue, most: int = 50) -> list[Erasure]:
    """Return requests, newest first."""
    return list(readable(catalogue.read(ERASURES_NEWEST, most), _erasure))


def pending_erasures(catalogue: Catalogue) -> list[Erasure]:
    """Return the requests that wait for their end, oldest first."""
    return list(readable(catalogue.read(ERASURES_PENDING), _erasure))


def matching_erasure_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids of requests that begin or end with what a person typed."""
    return [row["id"] for row in catalogue.read(ERASURE_IDS_LIKE, part.lower())]


@reads("erasures", "id")
def _erasure(row: sqlite3.Row) -> Erasure:
    return Erasure(
        id=row["id"],
        at=to_instant(row["at"]),
        state=ErasureState(row["state"]),
        ground=row["ground"],
        subject=row["subject"],
        salt=row["salt"],
        subject_hash=row["subject_hash"],
        archives=tuple(json.loads(row["archives"])),
        overrides=bool(row["overrides"]),
        answered_at=to_instant_or_none(row["answered_at"]),
        answer=row["answer"],
    )
