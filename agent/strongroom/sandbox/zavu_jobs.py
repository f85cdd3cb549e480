"""Zavu's words for exports: four statuses, none for an expired one, and orders of data types between two bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from strongroom.model.instants import Chance, Clock
from strongroom.sandbox.jobs import Job as AnyJob
from strongroom.sandbox.jobs import JobBook as AnyJobBook
from strongroom.sandbox.jobs import JobRules, Phase
from strongroom.sandbox.zavu_options import ExpiredLook, ZavuOptions


class Status(StrEnum):
    """The four documented statuses."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What a creation asks for; None for a bound that was left out."""

    data_types: tuple[str, ...]
    date_from: datetime | None  # included
    date_to: datetime | None  # included


Job = AnyJob[Order]
JobBook = AnyJobBook[Order]


@dataclass(frozen=True, slots=True)
class JobView:
    """A copy of one export for a test to look at."""

    id: str
    status: Status
    data_types: tuple[str, ...]
    date_from: datetime | None
    date_to: datetime | None
    created_at: datetime
    expires_at: datetime
    foreign: bool
    gone: bool


def open_book(options: ZavuOptions, clock: Clock, chance: Chance) -> JobBook:
    """Return an empty project under these options."""
    rules = JobRules(
        pending_for=options.pending_for,
        processing_for=options.processing_for,
        life=options.life,
        life_from_creation=True,
        pace=options.pace,
        spread=options.spread,
        max_concurrent=options.max_concurrent,
        max_per_hour=options.max_per_hour,
        refusals_count=options.refusals_count,
        newest_first=options.newest_first,
        listed_for=options.listed_for,
        forgotten_after=timedelta(0) if options.expired_look is ExpiredLook.GONE else None,
    )
    return JobBook(rules, clock, lambda _number: f"exp_{chance(6).hex()}")


def status_of(job: Job, now: datetime) -> Status:
    """Return where the export stands, as Zavu says it."""
    phase = job.phase(now)
    return Status.COMPLETED if phase is Phase.EXPIRED else Status(phase.value)


def view_job(job: Job, now: datetime) -> JobView:
    """Return a copy for a test."""
    order = job.order
    return JobView(
        id=job.id,
        status=status_of(job, now),
        data_types=order.data_types,
        date_from=order.date_from,
        date_to=order.date_to,
        created_at=job.created_at,
        expires_at=job.expires_at,
        foreign=job.foreign,
        gone=job.is_gone(now),
    )
