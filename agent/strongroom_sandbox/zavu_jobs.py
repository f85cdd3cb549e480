"""What the simulated Zavu does. Defaults follow the vendor's documents; "not documented" marks what they leave open.

Zavu's words for exports: four statuses, none for an expired one, and orders of data types between two bounds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field

from strongroom.model.times import Chance, Clock
from strongroom_sandbox.jobs import JobBook as AnyJobBook
from strongroom_sandbox.jobs import JobRules, Phase
from strongroom_sandbox.jobs import SandboxJob as AnyJob
from strongroom_sandbox.shared_options import Unwanted as Unwanted
from strongroom_sandbox.transfer import TransferFaults
from strongroom_sandbox.zip_files import ZipHabits


class ExpiredLook(StrEnum):
    """How the API shows an export after its expiry; the documented statuses have no word for it."""

    UNCHANGED = "unchanged"  # completed, with a link that is dead
    NO_URL = "no-url"  # completed, without a link
    GONE = "gone"  # 404, and no longer listed


class ZavuOptions(Struct, frozen=True):
    """Every behaviour that a test may want otherwise. Durations are on the sandbox's clock."""

    life: timedelta = timedelta(hours=24)
    """From creation to expiry."""
    max_concurrent: int = 3
    """Exports pending or processing at a time, other people's included."""
    max_per_hour: int = 10
    """Exports created in any sixty minutes, other people's included."""
    requests_per_minute: int = 600
    """In a fixed window of one minute."""
    retention: timedelta = timedelta(days=90)
    """Records older than this, counted from the export's creation, are not exported."""

    pending_for: timedelta = timedelta(seconds=1)
    """How long an export waits before it is processed."""
    processing_for: timedelta = timedelta(seconds=2)
    """How long it is processed."""
    pace: float = 1.0
    """Multiplies both durations; 0 completes at once."""
    spread: float = 0.0
    """Each export's durations vary by up to this share, 0 to 1, repeatably."""

    null_fields: bool = False
    """Optional fields of an export are null instead of absent. The schema allows both."""
    newest_first: bool = True
    """Order of the list. Not documented."""
    page_default: int = 50
    """Page length without `limit`. Not documented for exports; the guide's example uses 50."""
    page_max: int = 100
    """Longest page; a larger `limit` is cut to it. Not documented for exports."""
    listed_for: timedelta | None = None
    """How long after its creation an export stays listed and known; None: for ever. Not documented."""
    expired_look: ExpiredLook = ExpiredLook.UNCHANGED
    """Not documented."""
    upper_case_status: bool = False
    """Statuses in capitals; documented in lower case."""

    quota_status: int = 429
    """Status of a refusal for too many exports. Not documented."""
    quota_code: str = "rate_limited"
    """Error code of the same. Not documented."""
    quota_hints: bool = True
    """The same says when to come back (Retry-After, details.retryAfter). Not documented."""
    refusals_count: bool = False
    """A refused creation uses up the hourly quota too. Not documented."""
    reversed_window: Unwanted = Unwanted.REFUSE
    """dateFrom after dateTo; when accepted the export is empty. Not documented."""
    repeated_types: Unwanted = Unwanted.ACCEPT
    """The same data type twice; when accepted it is kept once. Not documented."""

    fresh_links: bool = False
    """Each answer carries a new token, older ones keep working. Not documented."""
    link_life: timedelta | None = None
    """Life of one token, where shorter than the export's; None: as long as the export. Not documented."""
    dead_link_status: int = 403
    """The storage host's answer to an expired token. Not documented."""
    manners: TransferFaults = field(default_factory=TransferFaults)
    """Ranges, ETags and speed of the storage host. Not documented."""
    zip_habits: ZipHabits = field(default_factory=ZipHabits)
    """How export files are written. Not documented."""


class ZavuStatus(StrEnum):
    """The four documented statuses."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class ZavuOrder(Struct, frozen=True):
    """What a creation asks for; None for a bound that was left out."""

    data_types: tuple[str, ...]
    date_from: datetime | None  # included
    date_to: datetime | None  # included


Job = AnyJob[ZavuOrder]
JobBook = AnyJobBook[ZavuOrder]


class JobView(Struct, frozen=True):
    """A copy of one export for a test to look at."""

    id: str
    status: ZavuStatus
    data_types: tuple[str, ...]
    date_from: datetime | None
    date_to: datetime | None
    created_at: datetime
    expires_at: datetime
    foreign: bool
    gone: bool


def open_book(options: ZavuOptions, clock: Clock, random_bytes: Chance) -> JobBook:
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
    return JobBook(rules, clock, lambda _number: f"exp_{random_bytes(6).hex()}")


def status_of(job: Job, now: datetime) -> ZavuStatus:
    """Return where the export stands, as Zavu says it."""
    phase = job.phase(now)
    return ZavuStatus.COMPLETED if phase is Phase.EXPIRED else ZavuStatus(phase.value)


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
