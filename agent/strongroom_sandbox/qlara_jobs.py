"""Qlara's exports: three kinds of orders, and ids that are UUIDs or numbers."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from strongroom.model.times import Chance, Clock
from strongroom_sandbox.jobs import JobBook as AnyJobBook
from strongroom_sandbox.jobs import JobRules, Phase
from strongroom_sandbox.jobs import SandboxJob as AnyJob
from strongroom_sandbox.qlara_options import ExpiredShown, ListOrder, QlaraOptions

_FIRST_NUMBER = 48_210


class QlaraJobKind(StrEnum):
    """What can be exported."""

    CONTACTS = "CONTACTS"
    DELIVERY_REPORTS = "DELIVERY_REPORTS"
    MESSAGE_HISTORY = "MESSAGE_HISTORY"


class QlaraOrder(Struct, frozen=True):
    """What a creation asks for; None or empty for what was left out."""

    kind: QlaraJobKind
    start: datetime | None = None
    end: datetime | None = None
    campaign: str = ""
    list_ids: tuple[str, ...] = ()
    contact_ids: tuple[str, ...] = ()
    sender: str = ""
    recipient: str = ""
    channel: str = ""
    status: str = ""


Job = AnyJob[QlaraOrder]
JobBook = AnyJobBook[QlaraOrder]


class QlaraJobView(Struct, frozen=True):
    """A copy of one export for a test to look at."""

    id: str
    status: Phase
    order: QlaraOrder
    created_at: datetime
    expires_at: datetime
    generation: int  # from 1, one more each time it was regenerated in place
    foreign: bool
    gone: bool


def open_book(options: QlaraOptions, clock: Clock, random_bytes: Chance) -> JobBook:
    """Return an empty account under these options."""

    def new_id(number: int) -> str:
        return str(_FIRST_NUMBER + number) if options.numeric_ids else str(uuid.UUID(bytes=random_bytes(16), version=4))

    rules = JobRules(
        pending_for=options.pending_for,
        processing_for=options.processing_for,
        life=options.life,
        pace=options.pace,
        spread=options.spread,
        max_concurrent=options.max_concurrent,
        max_per_hour=options.max_per_hour,
        newest_first=options.order is ListOrder.NEWEST_FIRST,
        listed_for=options.listed_for,
        forgotten_after=timedelta(0) if options.expired_shown is ExpiredShown.GONE else None,
    )
    return JobBook(rules, clock, new_id)


def view_job(job: Job, now: datetime) -> QlaraJobView:
    """Return a copy for a test."""
    return QlaraJobView(
        id=job.id,
        status=job.phase(now),
        order=job.order,
        created_at=job.created_at,
        expires_at=job.expires_at,
        generation=job.generation,
        foreign=job.foreign,
        gone=job.is_gone(now),
    )
