"""Proposals, approvals and condemned archives in the catalogue."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from strongroom.model.destruction import Approval, Condemned, Ground, Person, Proposal, Stage
from strongroom.model.tombstone import Tombstone
from strongroom.vault import destructionqueries as queries
from strongroom.vault import holdqueries
from strongroom.vault.catalogue import Catalogue, to_instant, to_text
from strongroom.vault.rows import readable, reads


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
    catalogue.write(queries.PUT_PROPOSAL, *row)
    catalogue.confirm(queries.PROPOSAL, proposal.id, expected=row)


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
    catalogue.write(queries.PUT_APPROVAL, *row)
    catalogue.confirm(queries.APPROVAL, approval.proposal, by.uid, to_text(approval.at), expected=row)


def put_condemned(catalogue: Catalogue, condemned: Condemned) -> None:
    """Write where an archive stands on a proposal; inside a transaction."""
    row = (
        condemned.archive,
        condemned.proposal,
        condemned.stage.value,
        to_text(condemned.changed_at),
        condemned.rule,
        condemned.citation,
        condemned.reason,
    )
    catalogue.write(queries.PUT_CONDEMNED, *row)
    catalogue.confirm(queries.CONDEMNED_ON, condemned.proposal, condemned.archive, expected=row)


def get_proposal(catalogue: Catalogue, proposal_id: str) -> Proposal | None:
    """Return the proposal with exactly this id."""
    row = catalogue.read_one(queries.PROPOSAL, proposal_id)
    return _proposal(row) if row else None


def newest_proposals(catalogue: Catalogue, most: int = 50) -> list[Proposal]:
    """Return proposals, newest first."""
    return list(readable(catalogue.read(queries.PROPOSALS_NEWEST, most), _proposal))


def live_proposals(catalogue: Catalogue) -> list[Proposal]:
    """Return the proposals with an archive that is neither destroyed nor off the plan, oldest first."""
    return list(readable(catalogue.read(queries.PROPOSALS_LIVE), _proposal))


def approved_proposals(catalogue: Catalogue) -> list[Proposal]:
    """Return the proposals with an archive that enough people agreed to destroy, oldest first."""
    return list(readable(catalogue.read(queries.PROPOSALS_APPROVED), _proposal))


def proposals_of_erasure(catalogue: Catalogue, erasure_id: str) -> list[Proposal]:
    """Return the proposals that answer a request for erasure, oldest first."""
    return list(readable(catalogue.read(queries.PROPOSALS_OF_ERASURE, erasure_id), _proposal))


def matching_proposal_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids of proposals that begin or end with what a person typed."""
    return [row["id"] for row in catalogue.read(queries.PROPOSAL_IDS_LIKE, part.lower())]


def approvals_of(catalogue: Catalogue, proposal_id: str) -> list[Approval]:
    """Return who agreed to a proposal, in order of time."""
    return [_approval(row) for row in catalogue.read(queries.APPROVALS, proposal_id)]


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


def condemned_on(catalogue: Catalogue, proposal_id: str) -> list[Condemned]:
    """Return every archive of a proposal, whatever became of it."""
    return [_condemned(row) for row in catalogue.read(queries.CONDEMNED, proposal_id)]


def live_condemned(catalogue: Catalogue, archive_id: str) -> Condemned | None:
    """Return how an archive stands on the one plan that it is on, if it is on any."""
    row = catalogue.read_one(queries.CONDEMNED_LIVE, archive_id)
    return _condemned(row) if row else None


def planned_for_retention(catalogue: Catalogue) -> list[Condemned]:
    """Return what is on a plan because its period is over, and whose destruction has not begun."""
    return [_condemned(row) for row in catalogue.read(queries.PLANNED_FOR_RETENTION)]


def reduce_rows(catalogue: Catalogue, tombstone: Tombstone) -> None:
    """Take the archive out of the catalogue, and out of what is proven; inside a transaction.

    What providers said about its job goes, too. The lines of the log stay as they are: they hold no such words.
    """
    catalogue.write(queries.DROP_ARCHIVE, tombstone.archive)
    catalogue.write(holdqueries.DROP_RETAINED, tombstone.archive)  # it tells when the records were of
    cause = f"destroyed under {tombstone.rule}"
    catalogue.write(queries.COVER_DESTROYED, tombstone.archive, cause)
    catalogue.write(queries.HUSH_ENTRIES, tombstone.job, tombstone.archive)
    catalogue.write(queries.HUSH_JOB, tombstone.job)


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
def _condemned(row: sqlite3.Row) -> Condemned:
    return Condemned(
        archive=row["archive"],
        proposal=row["proposal"],
        stage=Stage(row["stage"]),
        changed_at=to_instant(row["changed_at"]),
        rule=row["rule"],
        citation=row["citation"],
        reason=row["reason"],
    )
