"""Retention for a screen: one page of verdicts by the date at which they end, the holds, and what waits for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from strongroom.engine.retention.verdicts import Judged
from strongroom.model.archive import Archive
from strongroom.model.hold import Hold, catches
from strongroom.model.retention import Record, judge
from strongroom.vault.destructions import live_proposals
from strongroom.vault.holds import holds
from strongroom.vault.retained import count_over, record_of, records_by_end
from strongroom.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class RetentionTotals:
    """Retention at a glance, as of an instant."""

    at: datetime
    over: int  # archives whose period is over, held or not
    holds: int  # that stand
    matters: int
    proposals: int  # plans of destruction that are not over


def retention_totals(vault: Vault, at: datetime) -> RetentionTotals:
    """Return retention at a glance."""
    standing = holds(vault.catalogue)
    matters = len({hold.matter for hold in standing})
    return RetentionTotals(
        at, count_over(vault.catalogue, at), len(standing), matters, len(live_proposals(vault.catalogue))
    )


def verdicts_by_end(
    vault: Vault, at: datetime, *, stream: str = "", before: Record | None = None, most: int = 100
) -> list[Judged]:
    """Judge one page of archives as of an instant, those first whose period is over first."""
    standing = holds(vault.catalogue)
    found = records_by_end(vault.catalogue, before, most, stream)
    return [Judged(record, judge(record, standing, at)) for record in found]


def held_among(vault: Vault, archives: Iterable[Archive]) -> frozenset[str]:
    """Return the ids of those archives that a hold keeps."""
    standing = holds(vault.catalogue)
    records = [record_of(each) for each in archives] if standing else []
    return frozenset(each.id for each in records if any(catches(hold, each) for hold in standing))


def list_holds(vault: Vault, *, active: bool = True) -> list[Hold]:
    """Return the holds that stand, or all, in the order in which they were placed."""
    return holds(vault.catalogue, active=active)
