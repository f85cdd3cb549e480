"""Destruction proposals, approvals, planned archives and requests for erasure in the catalogue."""

from __future__ import annotations

from strongroom.model.archive import Tombstone
from strongroom.model.destruction import Approval, PlanItem, Proposal
from strongroom.model.erasure import Erasure
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.rows import Rows, to_text

_PROPOSALS = Rows(Proposal, "proposals", "id")
PUT_PROPOSAL = _PROPOSALS.insert
PROPOSAL = f"{_PROPOSALS.select} WHERE id = ?"
PROPOSALS_NEWEST = f"{_PROPOSALS.select} ORDER BY at DESC, id DESC LIMIT ?"
PROPOSALS_LIVE = f"""
{_PROPOSALS.select}
WHERE EXISTS (SELECT 1 FROM condemned WHERE proposal = proposals.id AND stage IN ('proposed', 'approved'))
ORDER BY at, id
"""
PROPOSALS_APPROVED = f"""
{_PROPOSALS.select}
WHERE EXISTS (SELECT 1 FROM condemned WHERE proposal = proposals.id AND stage = 'approved') ORDER BY at, id
"""
PROPOSALS_OF_ERASURE = f"{_PROPOSALS.select} WHERE erasure = ? AND erasure <> '' ORDER BY at, id"
_APPROVALS = Rows(Approval, "approvals", "proposal", "uid", "at")
PUT_APPROVAL = _APPROVALS.insert
APPROVAL = f"{_APPROVALS.select} WHERE proposal = ? AND uid = ? AND at = ?"
APPROVALS = f"{_APPROVALS.select} WHERE proposal = ? ORDER BY at, uid"
_ITEMS = Rows(PlanItem, "condemned", "proposal", "archive")
PUT_CONDEMNED = _ITEMS.upsert("rule", "citation")
CONDEMNED_ON = f"{_ITEMS.select} WHERE proposal = ? AND archive = ?"
CONDEMNED = f"{_ITEMS.select} WHERE proposal = ? ORDER BY archive"
PLANNED_FOR_RETENTION = f"""
SELECT {", ".join(f"condemned.{name}" for name in _ITEMS.columns.split(", "))} FROM condemned
JOIN proposals ON proposals.id = condemned.proposal
WHERE stage IN ('proposed', 'approved', 'destroying') AND +stage <> 'destroying' AND ground = 'retention'
ORDER BY archive
"""
CONDEMNED_LIVE = f"""
{_ITEMS.select} WHERE archive = ? AND stage IN ('proposed', 'approved', 'destroying')
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
    row = _PROPOSALS.values(proposal)
    catalogue.write(PUT_PROPOSAL, *row)
    catalogue.confirm(PROPOSAL, proposal.id, expected=row)


def put_approval(catalogue: Catalogue, approval: Approval) -> None:
    """Write one person's approval; inside a transaction."""
    row = _APPROVALS.values(approval)
    catalogue.write(PUT_APPROVAL, *row)
    catalogue.confirm(APPROVAL, approval.proposal, approval.by.uid, to_text(approval.at), expected=row)


def put_plan_item(catalogue: Catalogue, items: PlanItem) -> None:
    """Write the state of an archive in a proposal; inside a transaction."""
    row = _ITEMS.values(items)
    catalogue.write(PUT_CONDEMNED, *row)
    catalogue.confirm(CONDEMNED_ON, items.proposal, items.archive, expected=row)


def get_proposal(catalogue: Catalogue, proposal_id: str) -> Proposal | None:
    """Return the proposal with exactly this id."""
    return _PROPOSALS.read_one(catalogue.read_one(PROPOSAL, proposal_id))


def newest_proposals(catalogue: Catalogue, most: int = 50) -> list[Proposal]:
    """Return proposals, newest first."""
    return _PROPOSALS.read_all(catalogue.read(PROPOSALS_NEWEST, most))


def live_proposals(catalogue: Catalogue) -> list[Proposal]:
    """Return the proposals with an archive that is neither destroyed nor off the plan, oldest first."""
    return _PROPOSALS.read_all(catalogue.read(PROPOSALS_LIVE))


def approved_proposals(catalogue: Catalogue) -> list[Proposal]:
    """Return the proposals with an archive that enough people agreed to destroy, oldest first."""
    return _PROPOSALS.read_all(catalogue.read(PROPOSALS_APPROVED))


def proposals_of_erasure(catalogue: Catalogue, erasure_id: str) -> list[Proposal]:
    """Return the proposals that answer a request for erasure, oldest first."""
    return _PROPOSALS.read_all(catalogue.read(PROPOSALS_OF_ERASURE, erasure_id))


def approvals_of(catalogue: Catalogue, proposal_id: str) -> list[Approval]:
    """Return who agreed to a proposal, in order of time."""
    return [_APPROVALS.read(row) for row in catalogue.read(APPROVALS, proposal_id)]


def items_of_plan(catalogue: Catalogue, proposal_id: str) -> list[PlanItem]:
    """Return every archive of a proposal, whatever became of it."""
    return [_ITEMS.read(row) for row in catalogue.read(CONDEMNED, proposal_id)]


def live_plan_items(catalogue: Catalogue, archive_id: str) -> PlanItem | None:
    """Return the state of an archive in the plan that contains it, if one does."""
    return _ITEMS.read_one(catalogue.read_one(CONDEMNED_LIVE, archive_id))


def planned_for_retention(catalogue: Catalogue) -> list[PlanItem]:
    """Return what is on a plan because its period is over, and whose destruction has not begun."""
    return [_ITEMS.read(row) for row in catalogue.read(PLANNED_FOR_RETENTION)]


def reduce_rows(catalogue: Catalogue, tombstone: Tombstone) -> None:
    """Take the archive out of the catalogue, and out of what is proven; inside a transaction.

    What providers said about its job goes, too. The lines of the log stay as they are: they hold no such words.
    """
    catalogue.write(DROP_ARCHIVE, tombstone.archive)
    catalogue.write(DROP_RETAINED, tombstone.archive)  # it contains the records' dates
    cause = f"destroyed under {tombstone.rule}"
    catalogue.write(COVER_DESTROYED, tombstone.archive, cause)
    catalogue.write(HUSH_ENTRIES, tombstone.job, tombstone.archive)
    catalogue.write(HUSH_JOB, tombstone.job)


_ERASURES = Rows(Erasure, "erasures", "id")
PUT_ERASURE = _ERASURES.upsert("at", "ground", "subject_hash", "overrides")
ERASURE = f"{_ERASURES.select} WHERE id = ?"
ERASURES_NEWEST = f"{_ERASURES.select} ORDER BY at DESC, id DESC LIMIT ?"
ERASURES_PENDING = f"{_ERASURES.select} WHERE state IN ('open', 'deferred') ORDER BY at, id"


def put_erasure(catalogue: Catalogue, erasure: Erasure) -> None:
    """Write the present state of a request; inside a transaction."""
    row = _ERASURES.values(erasure)
    catalogue.write(PUT_ERASURE, *row)
    catalogue.confirm(ERASURE, erasure.id, expected=row)


def get_erasure(catalogue: Catalogue, erasure_id: str) -> Erasure | None:
    """Return the request with exactly this id."""
    return _ERASURES.read_one(catalogue.read_one(ERASURE, erasure_id))


def newest_erasures(catalogue: Catalogue, most: int = 50) -> list[Erasure]:
    """Return requests, newest first."""
    return _ERASURES.read_all(catalogue.read(ERASURES_NEWEST, most))


def pending_erasures(catalogue: Catalogue) -> list[Erasure]:
    """Return the requests that wait for their end, oldest first."""
    return _ERASURES.read_all(catalogue.read(ERASURES_PENDING))
