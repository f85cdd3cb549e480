"""The provider's horizon: the instant before which it has destroyed its records. Deadlines are measured from it.

A window begins to be lost when its start passes the horizon and is wholly lost when its end does. An export asked for
after that moment proves nothing about the part that was gone: what comes back empty is lost, not empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from strongroom.model.coverage import Cover, Interval
from strongroom.model.plan import Plan, boundary, newest_ended
from strongroom.model.window import Window, subtract

BEYOND = "older than the provider keeps"
NO_COPY = "no copy was taken then"


@dataclass(frozen=True, slots=True)
class AtRisk:
    """What of a stream is not yet held and will be destroyed."""

    stream: str
    amount: timedelta  # time not held, between the horizon and now
    first_loss: datetime  # when the provider begins to destroy it
    gaps: tuple[Window, ...]


def deadline(window: Window, keeps: timedelta | None) -> datetime | None:
    """Return when the provider begins to destroy the window's records, or None where nobody knows."""
    return None if keeps is None else window.start + keeps


def lost_windows(plan: Plan, ledger: Iterable[Interval], now: datetime, keeps: timedelta | None) -> list[Window]:
    """Return the parts of a plan that nothing holds or works on and that the provider has destroyed by now.

    Of a snapshot it is all before the newest window: how things stood then can be had no more, whatever is kept.
    """
    if plan.snapshot:
        newest = newest_ended(plan, now)
        if plan.since is None or newest is None or plan.since >= newest.start:
            return []
        return subtract(Window(plan.since, newest.start), [interval.window for interval in ledger])
    if keeps is None or plan.since is None or plan.since >= now - keeps:
        return []
    return subtract(Window(plan.since, now - keeps), [interval.window for interval in ledger])


def lapsed_copies(plan: Plan, ledger: Iterable[Interval], now: datetime) -> list[Interval]:
    """Return the windows of a snapshot that failed for good and that a newer one has overtaken: no try can help."""
    newest = newest_ended(plan, now)
    if not plan.snapshot or newest is None:
        return []
    failed = [each for each in ledger if each.cover is Cover.MISSING and each.window.end <= newest.start]
    return [replace(each, cover=Cover.LOST, cause=NO_COPY) for each in failed]


def settle(
    interval: Interval, asked_at: datetime, keeps: timedelta | None, earliest: datetime | None = None
) -> list[Interval]:
    """Return what an export proves about its window: the part before the horizon of the day it was asked is lost.

    A record from before the horizon (`earliest`) shows that the provider keeps more than is known: nothing is lost.
    """
    window = interval.window
    horizon = window.start if keeps is None else asked_at - keeps
    if horizon <= window.start or (earliest is not None and earliest < horizon):
        return [interval]
    lost = Interval(interval.stream, window, Cover.LOST, job=interval.job, cause=BEYOND)
    if horizon >= window.end:
        return [lost]
    kept = Interval(
        interval.stream, Window(horizon, window.end), interval.cover, interval.archive, interval.job, interval.cause
    )
    return [Interval(lost.stream, Window(window.start, horizon), lost.cover, job=lost.job, cause=lost.cause), kept]


def at_risk(plan: Plan, ledger: Iterable[Interval], now: datetime, keeps: timedelta | None) -> AtRisk | None:
    """Say what of a plan is neither held nor lost yet, and when its destruction begins; None when nothing is.

    Only windows that have ended and settled count: the one that is under way cannot be held yet. Of a snapshot nothing
    is at risk: the provider destroys no copies, it never has any but the present one.
    """
    if keeps is None or plan.snapshot:
        return None
    start = now - keeps if plan.since is None else max(plan.since, now - keeps)
    end = boundary(plan.span, plan.zone, now - plan.settle)
    if start >= end:
        return None
    sure = (Cover.PROVEN, Cover.EMPTY, Cover.LOST, Cover.DESTROYED)
    gaps = subtract(Window(start, end), [interval.window for interval in ledger if interval.cover in sure])
    if not gaps:
        return None
    amount = sum((gap.length for gap in gaps), timedelta(0))
    return AtRisk(plan.stream.name, amount, gaps[0].start + keeps, tuple(gaps))
