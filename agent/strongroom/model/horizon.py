"""The provider's horizon: the instant before which it has destroyed its records. Deadlines are measured from it.

A window begins to be lost when its start passes the horizon and is wholly lost when its end does. An export requested
after that moment proves nothing about the part that was gone: what comes back empty is lost, not empty. Nor does it
prove anything about records that had not settled when it was requested: that part stays pending.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.coverage import Cover, Interval
from strongroom.model.plan import Plan, Span, boundary, cut, following, newest_ended
from strongroom.model.window import Window, subtract

BEYOND = "older than the provider keeps"
NO_COPY = "no copy was taken then"

SLACK = timedelta(minutes=10)
"""How much of a settle delay may be lost to a provider's clock behind ours. The window's own end never may."""

WORTH = timedelta(hours=1)
"""The part of a loss closer than this to the horizon is deleted before it can be requested, and stays lost."""

_LENGTHS = {Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(1), Span.WEEK: timedelta(7), Span.MONTH: timedelta(31)}

LONGEST_LAG = timedelta(hours=1)
"""The most that planning waits for a provider's clock that is behind ours."""


class AtRisk(Struct, frozen=True):
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


def settled_until(asked_at: datetime, settle: timedelta, made_at: datetime | None = None) -> datetime:
    """Return the end of what an export can prove: what had settled before it was requested.

    `made_at` is when the provider says that it was made. Where its clock is behind ours the export was requested
    earlier than we believe: a delay of hours absorbs that up to SLACK, the end of a window without one does not.
    """
    ours = asked_at - settle
    return ours if made_at is None else min(ours, made_at - max(timedelta(0), settle - SLACK))


def is_moment(made_at: datetime, asked_at: datetime) -> bool:
    """Return whether a provider's time is an instant: midnight, long before the request, is a bare date."""
    return made_at.time() != time(0) or asked_at - made_at <= SLACK


def delay_then(window: Window, delay: timedelta, planned_at: datetime) -> timedelta:
    """Return the settle delay in force when the window was requested: a later, longer one changes nothing."""
    return delay if planned_at < window.end else min(delay, planned_at - window.end)


def split_settled(window: Window, until: datetime) -> tuple[Window | None, Window | None]:
    """Return the part of a window that had settled, and the part that had not; None for nothing."""
    if until >= window.end:
        return window, None
    if until <= window.start:
        return None, window
    return Window(window.start, until), Window(until, window.end)


def lag_after(before: timedelta, asked_at: datetime, made_at: datetime) -> timedelta:
    """Return by how much a provider's clock is to be taken as behind ours, after one more export.

    In whole minutes, so that the next window is requested late enough. An export that shows nothing of it halves what
    was known: its answer may have taken longer than the clocks are apart.
    """
    seen = asked_at - made_at
    if seen > timedelta(0):
        return min(LONGEST_LAG, -(-seen // timedelta(minutes=1)) * timedelta(minutes=1))
    return before / 2 if before > timedelta(seconds=2) else timedelta(0)


def reconsidered(
    ledger: Iterable[Interval], now: datetime, keeps: timedelta | None, since: datetime | None = None
) -> list[Window]:
    """Return what was entered as lost by our own reckoning and that the provider still has by what is known now.

    The reason is a retention that was configured or reported too short. Nothing where the retention is unknown.
    """
    if keeps is None:
        return []
    first = now - keeps if since is None else max(since, now - keeps)
    beyond = (each.window for each in ledger if each.cover is Cover.LOST and each.cause == BEYOND)
    return [Window(max(each.start, first), each.end) for each in beyond if each.end > max(first, now - keeps + WORTH)]


def at_risk(plan: Plan, ledger: Iterable[Interval], now: datetime, keeps: timedelta | None) -> AtRisk | None:
    """Say what of a plan is neither held nor lost yet, and when its destruction begins; None when nothing is.

    Only windows that have ended and settled count: the one that is under way cannot be held yet. But what will be
    destroyed before it has settled is at risk from the beginning. Of a snapshot nothing is at risk: the provider
    destroys no copies, it never has any but the present one.
    """
    if keeps is None or plan.snapshot:
        return None
    start = now - keeps if plan.since is None else max(plan.since, now - keeps)
    end = boundary(plan.span, plan.zone, now - plan.settle)
    late = _too_late(plan, max(start, end), now, keeps)
    if late and start < end == late[0].start:
        end = late.pop(0).end
    wanted = [*([Window(start, end)] if start < end else []), *late]
    sure = (Cover.PROVEN, Cover.EMPTY, Cover.LOST, Cover.DESTROYED)
    held = [interval.window for interval in ledger if interval.cover in sure]
    gaps = [gap for each in wanted for gap in subtract(each, held)]
    if not gaps:
        return None
    amount = sum((gap.length for gap in gaps), timedelta(0))
    return AtRisk(plan.stream.name, amount, gaps[0].start + keeps, tuple(gaps))


def asked_after(span: Span, settle: timedelta) -> timedelta:
    """Return the maximum age of a window's first record when the window may be requested."""
    return _LENGTHS[span] + settle


def _too_late(plan: Plan, start: datetime, now: datetime, keeps: timedelta) -> list[Window]:
    """Return what, from `start` on, has not settled and will be destroyed before it does, joined where it touches."""
    if start >= now or asked_after(plan.span, plan.settle) < keeps:
        return []
    found: list[Window] = []
    for piece in cut(Window(start, now), plan.span, plan.zone):
        whole_end = following(plan.span, plan.zone, boundary(plan.span, plan.zone, piece.start))
        end = min(piece.end, whole_end + plan.settle - keeps)
        if end > piece.start and found and found[-1].end == piece.start:
            found[-1] = Window(found[-1].start, end)
        elif end > piece.start:
            found.append(Window(piece.start, end))
    return found
