"""What of the plans is not archived: as a share of all that is wanted, and as the gaps that a person looks for.

Read from the entries that are lost or failed and from what is at risk, never from all entries of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.engine.monitor.stream_status import LEAST_LOSS, Keeps, joined
from strongroom.model.coverage import Cover
from strongroom.model.coverage_strip import SOON, Heat, wanted_of
from strongroom.model.horizon import AtRisk
from strongroom.model.plan import Plan
from strongroom.model.window import Window, subtract
from strongroom.vault.coverage import covered_from, intervals_covered
from strongroom.vault.vault import Vault


class Gap(Struct, frozen=True):
    """A period of one stream that failed, is lost or is at risk."""

    stream: str
    row: int  # of the stream, among all
    window: Window
    heat: Heat


class CoverageShare(Struct, frozen=True):
    """How much of what the plans want is archived, in time, summed over the streams of which that is known."""

    streams: int
    since: datetime | None  # the start of the oldest plan
    wanted: timedelta
    lacking: timedelta  # pending, in progress, failed or lost

    @property
    def share(self) -> float | None:
        """Return the part that is archived, from 0 to 1; None where nothing is wanted yet."""
        return 1 - self.lacking / self.wanted if self.wanted else None


class Lacking(Struct, frozen=True):
    """What of one stream is not archived; each kind in order of time."""

    stream: str
    period: Window | None  # what is wanted; None where that is not known, or where the stream has no time windows
    keeps: timedelta | None  # how long the provider keeps records
    pending: tuple[Window, ...]  # the provider still has it
    lost: tuple[Window, ...]
    failed: tuple[Window, ...]
    before: Window | None  # wanted, but older than the first entry of the ledger and than what the provider keeps


def read_lacking(
    vault: Vault, plans: Sequence[Plan], keeps: Keeps, risks: Mapping[str, AtRisk], now: datetime
) -> list[Lacking]:
    """Return what is not archived, for each plan in the given order; `risks` is by stream."""
    return [_lacking(vault, plan, keeps[plan.stream.source], risks.get(plan.stream.name), now) for plan in plans]


def _lacking(vault: Vault, plan: Plan, kept: timedelta | None, risk: AtRisk | None, now: datetime) -> Lacking:
    name = plan.stream.name
    wanted = None if kept is None or plan.snapshot else wanted_of(plan, now, kept)
    lost, failed = (
        tuple(joined([each.window for each in intervals_covered(vault.catalogue, name, cover)]))
        for cover in (Cover.LOST, Cover.MISSING)
    )
    return Lacking(name, wanted, kept, risk.gaps if risk else (), lost, failed, _before(vault, name, wanted, kept, now))


def _before(vault: Vault, name: str, wanted: Window | None, kept: timedelta | None, now: datetime) -> Window | None:
    if wanted is None or kept is None:
        return None
    end = min(covered_from(vault.catalogue, name) or now, now - kept)
    return Window(wanted.start, end) if wanted.start < end else None


def share_of(streams: Sequence[Lacking]) -> CoverageShare:
    """Sum what is wanted and what of it is not archived."""
    known = [(each, each.period) for each in streams if each.period is not None]
    missing = [part.length for each, period in known for part in _parts(each, period)]
    return CoverageShare(
        len(streams),
        min((period.start for _each, period in known), default=None),
        sum((period.length for _each, period in known), timedelta(0)),
        sum(missing, timedelta(0)),
    )


def _parts(each: Lacking, period: Window) -> list[Window]:
    gone = [*each.pending, *each.lost, *each.failed, *([each.before] if each.before else [])]
    return joined(sorted(part for window in gone if (part := window.within(period)) is not None))


def gaps_of(row: int, each: Lacking, now: datetime) -> list[Gap]:
    """Return the gaps of one stream, the newest first. What is merely pending is none."""
    soon = [gap for gap in each.pending if each.keeps is not None and gap.start + each.keeps < now + SOON]
    found = [Gap(each.stream, row, window, Heat.LOST) for window in each.lost if window.length >= LEAST_LOSS]
    found += [Gap(each.stream, row, window, Heat.MISSING) for window in each.failed]
    found += [Gap(each.stream, row, part, Heat.RISK) for gap in soon for part in subtract(gap, list(each.failed))]
    return sorted(found, key=lambda gap: gap.window, reverse=True)
