"""What waits for a person: the problems of `strongroom status`, and the destruction plans that nobody has approved."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.engine.core.engine import Engine
from strongroom.engine.queries.lists import Status
from strongroom.engine.queries.problems import Health, health_of
from strongroom.model.destruction import Stage
from strongroom.vault.destructions import items_of_plan, live_proposals
from strongroom.vault.vault import Vault


class OpenProposal(Struct, frozen=True):
    """A destruction plan that waits for another person."""

    proposal: str  # its id
    by: str  # who proposed it
    at: datetime
    archives: int


class Attention(Struct, frozen=True):
    """Everything that waits for a person, judged at one instant."""

    health: Health
    approvals: tuple[OpenProposal, ...]  # the oldest first


def read_attention(
    vault: Vault, config: Config, status: Status, now: datetime, engine: Engine | None = None
) -> Attention:
    """Judge the vault as `strongroom status` does, and find the plans to approve. Changes nothing."""
    return Attention(health_of(vault, config, status, now, engine), tuple(_approvals(vault)))


def _approvals(vault: Vault) -> list[OpenProposal]:
    found = []
    for proposal in live_proposals(vault.catalogue):
        waiting = sum(each.stage is Stage.PROPOSED for each in items_of_plan(vault.catalogue, proposal.id))
        if waiting:
            found.append(OpenProposal(proposal.id, proposal.by.name, proposal.at, waiting))
    return found
