"""Destructions that do not come to their end, seen from the catalogue alone.

How a try ended is not asked: what is left half done, or agreed upon and not begun, is what is watched.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from strongroom.engine.retention.verdicts import due
from strongroom.model.alarm import Alarm, Kind, Level
from strongroom.model.counts import counted
from strongroom.model.destruction import Proposal, Stage, ripe_at
from strongroom.model.tombstone import Tombstone
from strongroom.vault.destructions import approvals_of, approved_proposals, condemned_on
from strongroom.vault.tombstones import is_told, unfinished_tombstones
from strongroom.vault.vault import Vault

HALF = timedelta(hours=1)  # a destruction that has begun takes seconds, and is tried again every few minutes
LATE = timedelta(days=1)  # after the cooling-off


def destruction_alarms(vault: Vault, now: datetime) -> list[Alarm]:
    """Return the alarm about destructions that fail or never begin; at most one, the louder."""
    half = sum(1 for _ in _half_done(vault, now))
    if half:
        title = f"the destruction of {counted(half, 'archive')} has begun and does not come to its end"
        body = (
            "there is no certificate, and nothing else is destroyed until then; see why: strongroom destroy carry-out"
        )
        return [Alarm(Kind.DESTRUCTION, Level.CRITICAL, title, body)]
    late = sum(1 for _ in _late(vault, now))
    if not late:
        return []
    title = f"the destruction of {counted(late, 'archive')} was approved and does not begin"
    body = "the cooling-off is over for more than a day; see why: strongroom destroy list, strongroom destroy carry-out"
    return [Alarm(Kind.DESTRUCTION, Level.WARNING, title, body)]


def _half_done(vault: Vault, now: datetime) -> Iterator[Tombstone]:
    """Yield what was begun, by the log, and has not come to its end."""
    for each in unfinished_tombstones(vault.catalogue):
        if each.tombstone.destroyed_at <= now - HALF and is_told(vault.catalogue, each.tombstone):
            yield each.tombstone


def _late(vault: Vault, now: datetime) -> Iterator[str]:
    """Yield what nothing stands against; what a hold or a period keeps waits by right."""
    catalogue = vault.catalogue
    ripe = [each for each in approved_proposals(catalogue) if _is_long_ripe(vault, each, now)]
    free = {verdict.archive for verdict in due(vault, now)} if ripe else set()
    for proposal in ripe:
        for each in condemned_on(catalogue, proposal.id):
            if each.stage is Stage.APPROVED and each.archive in free:
                yield each.archive


def _is_long_ripe(vault: Vault, proposal: Proposal, now: datetime) -> bool:
    ripe = ripe_at(proposal, approvals_of(vault.catalogue, proposal.id), proposal.cooling_off)
    return ripe is not None and ripe <= now - LATE
