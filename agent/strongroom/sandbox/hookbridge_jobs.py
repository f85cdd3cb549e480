"""HookBridge's words for exports: five statuses, and orders of one direction between two instants."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.model.instants import Chance, Clock
from strongroom.sandbox.hookbridge_options import Forgotten, HookBridgeOptions
from strongroom.sandbox.jobs import Job as AnyJob
from strongroom.sandbox.jobs import JobBook as AnyJobBook
from strongroom.sandbox.jobs import JobRules, Phase


@dataclass(frozen=True, slots=True)
class HookBridgeOrder:
    """What a creation asks for; empty for a filter that was left out."""

    start: datetime
    end: datetime
    direction: str = "outbound"
    status: str = ""
    endpoint_id: str = ""  # as it was sent: ep_ and hexadecimal digits, or a UUID
    inbound_endpoint_id: str = ""


Job = AnyJob[HookBridgeOrder]
JobBook = AnyJobBook[HookBridgeOrder]


@dataclass(frozen=True, slots=True)
class HookBridgeJobView:
    """A copy of one export for a test to look at."""

    id: str
    status: Phase
    order: HookBridgeOrder
    created_at: datetime
    expires_at: datetime
    foreign: bool
    gone: bool


def open_book(options: HookBridgeOptions, clock: Clock, chance: Chance) -> JobBook:
    """Return an empty project under these options."""
    rules = JobRules(
        pending_for=options.pending_for,
        processing_for=options.processing_for,
        life=options.life,
        pace=options.pace,
        spread=options.spread,
        max_concurrent=options.max_concurrent,
        max_per_hour=options.max_per_hour,
        newest_first=options.newest_first,
        listed_for=options.listed_for,
        forgotten_after=timedelta(0) if options.forgotten is Forgotten.GONE else None,
    )
    return JobBook(rules, clock, lambda _number: str(uuid.UUID(bytes=chance(16), version=4)))


def view_job(job: Job, now: datetime) -> HookBridgeJobView:
    """Return a copy for a test."""
    return HookBridgeJobView(
        id=job.id,
        status=job.phase(now),
        order=job.order,
        created_at=job.created_at,
        expires_at=job.expires_at,
        foreign=job.foreign,
        gone=job.is_gone(now),
    )
