"""Stuck destructions: what has begun and not ended, or is approved and late. Looks at the catalogue alone.

It is a file of its own because every command that shows what is wrong needs it, and nothing else of a destruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from strongroom.engine.retention.verdicts import due
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.archive import Tombstone
from strongroom.model.destruction import Proposal, Stage, ripe_at
from strongroom.model.text import counted
from strongroom.vault.copies import copy_state, known_copies
from strongroom.vault.destructions import approvals_of, approved_proposals, items_of_plan
from strongroom.vault.tombstones import is_logged, unfinished_tombstones
from strongroom.vault.vault import Vault

HALF = timedelta(hours=1)  # a destruction that has begun takes seconds, and is tried again every few minutes
LATE = timedelta(days=1)  # after the cooling-off


def destruction_alarms(vault: Vault, now: datetime) -> list[Alert]:
    """Return the alert about destructions that fail or never begin; at most one, the more severe."""
    half = sum(1 for _ in _half_done(vault, now))
    if half:
        title = f"the destruction of {counted(half, 'archive')} has begun and is not complete"
        body = f"there is no certificate yet; {_copies_away(vault)}see: strongroom destroy carry-out"
        return [Alert(AlertKind.DESTRUCTION, Level.CRITICAL, title, body)]
    late = sum(1 for _ in _late(vault, now))
    if not late:
        return []
    title = f"the destruction of {counted(late, 'archive')} was approved and has not begun"
    body = (
        "the cooling-off ended more than a day ago; to see why: strongroom destroy list, strongroom destroy carry-out"
    )
    return [Alert(AlertKind.DESTRUCTION, Level.WARNING, title, body)]


def _copies_away(vault: Vault) -> str:
    """Return which copies keep destructions from their end, in words; empty where none does."""
    states = [copy_state(vault.catalogue, name) for name in known_copies(vault.catalogue)]
    away = [f"{each.name} ({each.failure})" for each in states if each.failure]
    return f"copies that could not be reached, and may still have its key: {', '.join(away)}; " if away else ""


def _half_done(vault: Vault, now: datetime) -> Iterator[Tombstone]:
    """Yield what has begun, by the log, and has not ended."""
    for each in unfinished_tombstones(vault.catalogue):
        if each.tombstone.destroyed_at <= now - HALF and is_logged(vault.catalogue, each.tombstone):
            yield each.tombstone


def _late(vault: Vault, now: datetime) -> Iterator[str]:
    """Yield what nothing prevents; what a hold or a retention period keeps is meant to wait."""
    catalogue = vault.catalogue
    ripe = [each for each in approved_proposals(catalogue) if _is_long_ripe(vault, each, now)]
    free = {verdict.archive for verdict in due(vault, now)} if ripe else set()
    for proposal in ripe:
        for each in items_of_plan(catalogue, proposal.id):
            if each.stage is Stage.APPROVED and each.archive in free:
                yield each.archive


def _is_long_ripe(vault: Vault, proposal: Proposal, now: datetime) -> bool:
    ripe = ripe_at(proposal, approvals_of(vault.catalogue, proposal.id), proposal.cooling_off)
    return ripe is not None and ripe <= now - LATE
