"""What one run found gone: time that entered the ledger as lost, and alarms of lost or missing windows that stand.

A run can do all its work well and still be the one that found out. Whoever only looks at its end must learn of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.engine.coverage.sights import LEAST_LOSS, joined
from strongroom.engine.health.notices import Notice, newest_notices, standing_notices
from strongroom.model.alarm import Kind, happens_once
from strongroom.model.coverage import Cover
from strongroom.model.plan import Plan
from strongroom.vault.vault import Vault
from strongroom.vault.watching import intervals_covered

_ABOUT = frozenset({Kind.LOST, Kind.FAILED})
_MOST = 1000  # notices that one run is expected to tell
NONE = timedelta(0)

Lost = Mapping[str, timedelta]
"""How much of each stream is lost."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What is gone, or failed for good."""

    fresh: timedelta = NONE  # entered as lost since the run began
    streams: int = 0  # that this is of
    standing: tuple[Notice, ...] = ()  # alarms of lost or missing windows that stand, told or not

    @property
    def any(self) -> bool:
        """Say whether there is anything to tell."""
        return bool(self.fresh or self.standing)


def lost_of(vault: Vault, plans: Iterable[Plan]) -> Lost:
    """Return how much of each planned stream is lost now."""
    return {plan.stream.name: _length(vault, plan.stream.name) for plan in plans}


def losses_since(vault: Vault, plans: Iterable[Plan], before: Lost, unheard: datetime | None = None) -> Losses:
    """Return what came to be lost since `before`, and the alarms about lost and missing windows that stand.

    Where there is no channel an alarm counts as told at once: those told from `unheard` on stand as well.
    """
    grown = [now - before.get(name, NONE) for name, now in lost_of(vault, plans).items()]
    fresh = [each for each in grown if each >= LEAST_LOSS]
    stand = {each.key: each for each in standing_notices(vault)}
    if unheard is not None:
        told = [each for each in newest_notices(vault, _MOST) if each.told_at is not None and each.told_at >= unheard]
        stand |= {each.key: each for each in told if happens_once(each.key)}
    standing = [each for each in stand.values() if each.key.partition(" ")[0] in _ABOUT]
    return Losses(sum(fresh, NONE), len(fresh), tuple(standing))


def _length(vault: Vault, stream: str) -> timedelta:
    windows = joined([each.window for each in intervals_covered(vault.catalogue, stream, Cover.LOST)])
    return sum((window.length for window in windows), NONE)
