"""The provider's export quota as a pure question: when may the next create leave?

The count takes in creates that may have reached the provider although no answer came, and exports that other clients
of the same account made. It errs on the side of waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.model.provider import Limits

HOUR = timedelta(hours=1)
RECHECK = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Usage:
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
