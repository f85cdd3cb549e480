"""The provider's export quota as a pure question: when may the next create leave?

The count takes in creates that may have reached the provider although no answer came, and exports that other clients
of the same account made. It errs on the side of waiting.

Which job comes first, and how much of a quota it may use. Deadline first, without starving today's window.

Three classes. URGENT: the provider begins to destroy the window soon. FRESH: the window ended lately. BACKLOG: the rest
of a backfill. Urgent and fresh jobs, and those that a person requested, may use the whole quota; the backlog leaves a
part of it free for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.horizon import deadline
from strongroom.model.job import Job, Purpose
from strongroom.model.provider import Limits
from strongroom.model.text import counted

HOUR = timedelta(hours=1)
RECHECK = timedelta(seconds=15)


class Usage(Struct, frozen=True):
    """What is known to count against the quota."""

    created: Sequence[datetime]  # when exports were (perhaps) created within the last hour, ours and others'
    running: int  # exports not finished at the provider, ours and others'
    refused_until: datetime | None = None  # the provider said "not before"


def next_create(limits: Limits, usage: Usage, now: datetime) -> datetime:
    """Return the instant from which one more create fits the quota; `now` when it fits already."""
    allowed = now
    if limits.concurrent is not None and usage.running >= limits.concurrent:
        allowed = now + RECHECK
    recent = sorted(at for at in usage.created if at > now - HOUR)
    if limits.per_hour is not None and len(recent) >= limits.per_hour:
        allowed = max(allowed, recent[-limits.per_hour] + HOUR)
    if usage.refused_until is not None:
        allowed = max(allowed, usage.refused_until)
    return allowed


USED_UP = "the provider's export quota is used up"


def wait_reason(limits: Limits, allowed: Limits, usage: Usage, now: datetime) -> str:
    """Return what a job waits for if its class may use `allowed` of the limits."""
    if usage.refused_until is not None and usage.refused_until > now:
        return USED_UP
    if next_create(replace(limits, concurrent=None), usage, now) > now:
        return USED_UP
    most = limits.concurrent
    if most is not None and usage.running >= most:
        return f"{counted(most, 'export')} in progress, the most that the provider allows at a time"
    if next_create(allowed, usage, now) > now:
        return "the rest of the provider's export quota is reserved for new and urgent windows"
    return USED_UP


class Urgency(IntEnum):
    """The order in which classes are served."""

    ASKED = 0  # a person is waiting for it
    URGENT = 1
    FRESH = 2
    BACKLOG = 3


class QueueRules(Struct, frozen=True):
    """Where the classes begin, and what the backlog leaves free."""

    urgent_within: timedelta = timedelta(days=14)  # before the provider begins to destroy the window
    fresh_for: timedelta = timedelta(days=2)  # after the window's end
    reserve: float = 0.3  # of the hourly and the concurrent quota, at least one of each where there are two


def urgency(job: Job, now: datetime, keeps: timedelta | None, rules: QueueRules) -> Urgency:
    """Classify a job."""
    if job.purpose in (Purpose.MANUAL, Purpose.REGENERATE, Purpose.RETRY):
        return Urgency.ASKED
    lost_from = deadline(job.spec.window, keeps)
    if lost_from is not None and lost_from - now <= rules.urgent_within:
        return Urgency.URGENT
    return Urgency.FRESH if now - job.spec.window.end <= rules.fresh_for else Urgency.BACKLOG


def queue_key(job: Job, now: datetime, keeps: timedelta | None, rules: QueueRules) -> tuple[int, int, datetime, str]:
    """Return what jobs are sorted by: class, a person's priority, the deadline (or age), the id."""
    lost_from = deadline(job.spec.window, keeps) or job.spec.window.start
    return (urgency(job, now, keeps, rules), -job.priority, lost_from, job.id)


def share(limits: Limits, urgent: Urgency, rules: QueueRules) -> Limits:
    """Return the part of the limits that a class may use."""
    if urgent is not Urgency.BACKLOG:
        return limits
    return replace(
        limits, concurrent=_less(limits.concurrent, rules.reserve), per_hour=_less(limits.per_hour, rules.reserve)
    )


def _less(limit: int | None, reserve: float) -> int | None:
    if limit is None or limit < 2:
        return limit
    return limit - max(1, int(limit * reserve))
