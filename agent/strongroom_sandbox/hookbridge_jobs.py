"""What the simulated HookBridge does. Defaults follow the vendor's documents; "not documented" marks what is open.

HookBridge's words for exports: five statuses, and orders of one direction between two instants.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field

from strongroom.model.times import Chance, Clock
from strongroom_sandbox.csv_style import CsvHabits
from strongroom_sandbox.jobs import JobBook as AnyJobBook
from strongroom_sandbox.jobs import JobRules, Phase
from strongroom_sandbox.jobs import SandboxJob as AnyJob
from strongroom_sandbox.records import SlotBounds
from strongroom_sandbox.shared_options import Unwanted
from strongroom_sandbox.transfer import TransferFaults


class DirectionShown(StrEnum):
    """When an export says its direction."""

    AFTER_CREATE = "after-create"  # all answers but that to create, as its example has it
    ALWAYS = "always"
    NEVER = "never"


class Download(StrEnum):
    """What the download endpoint does."""

    REDIRECT = "redirect"  # to the storage host
    DIRECT = "direct"  # answers with the file itself


class LocationStyle(StrEnum):
    """How the redirect names its target."""

    ABSOLUTE = "absolute"
    SCHEME_RELATIVE = "scheme-relative"  # //host:port/path
    PATH = "path"  # on the API's own origin, which redirects once more


class Forgotten(StrEnum):
    """What the API still knows of an expired export."""

    NOT = "not"  # status `expired`, download 410
    GONE = "gone"  # 404, and no longer listed


class HookBridgeOptions(Struct, frozen=True):
    """Every behaviour that a test may want otherwise. Durations are on the sandbox's clock."""

    life: timedelta = timedelta(days=7)
    """From completion to expiry, as in the documented example."""
    max_concurrent: int | None = 1
    """Exports pending or processing at a time, other people's included."""
    max_per_hour: int | None = None
    """Exports created in any sixty minutes. A rate is documented, its number is not."""
    limit_hint: bool = False
    """A refusal for too many exports carries Retry-After in seconds. Not documented."""
    failed_authentications: int = 20
    """Wrong keys in a minute before the answer is 429 RATE_LIMITED. The code is documented, the number is not."""
    retention_days: int = 30
    """What the billing endpoint says; a plan's payloads are kept so long."""
    rows_for: timedelta | None = None
    """How long rows can be exported; None: as long as `retention_days`. Documented only as longer than payloads."""
    plan: str = "starter"

    pending_for: timedelta = timedelta(seconds=1)
    """How long an export waits before it is processed."""
    processing_for: timedelta = timedelta(seconds=2)
    """How long it is processed."""
    pace: float = 1.0
    """Multiplies both durations; 0 completes at once."""
    spread: float = 0.0
    """Each export's durations vary by up to this share, 0 to 1, repeatably."""

    create_status: int = 201
    """Success code of a creation: 200, 201 or 202. Not documented."""
    bounds: SlotBounds = SlotBounds.CLOSED
    """Which ends of the window belong to it. Not documented; the examples end in 23:59:59Z."""
    max_window: timedelta | None = None
    """Longest window; a longer one is a 400. Not documented."""
    misplaced_filter: Unwanted = Unwanted.REFUSE
    """An endpoint filter of the other direction; when accepted it is ignored. Not documented."""
    bare_endpoint_ids: bool = True
    """`filter_endpoint_id` comes back as a bare UUID, as documented, and not as it was sent."""
    direction_shown: DirectionShown = DirectionShown.ALWAYS
    """As the schema has it; the example of the create answer leaves it out."""
    null_fields: bool = False
    """Optional fields of an export are null instead of absent."""
    echo_millis: bool = False
    """Times are written with milliseconds even where there are none."""
    sizes_given: bool = True
    """`row_count` and `file_size_bytes` are there after completion, as documented."""
    count_header: bool = False
    """`row_count` counts the header too. Not documented."""

    newest_first: bool = True
    """Order of the list. Not documented."""
    page_length: int | None = None
    """Entries in a page; meta then has `has_more` and `next_cursor`, read with ?cursor=. None: no paging, as known."""
    list_length: int | None = None
    """How many entries the list reaches back; older exports are known but not listed. Not documented."""
    listed_for: timedelta | None = None
    """How long after its creation an export stays listed and known. Not documented."""
    forgotten: Forgotten = Forgotten.NOT
    """Expired exports are documented to be shown as such."""

    download: Download = Download.REDIRECT
    """The SDKs expect a redirect; a direct answer is not ruled out."""
    redirect_status: int = 302
    """301, 302, 303, 307 or 308: the SDKs accept all of them."""
    location: LocationStyle = LocationStyle.ABSOLUTE
    """Not documented."""
    link_life: timedelta = timedelta(minutes=15)
    """Life of the storage link that one answer of the download endpoint carries. Not documented."""
    dead_link_status: int = 403
    """The storage host's answer to an expired link. Not documented."""
    not_ready_status: int = 409
    """Download of an export that is not completed. Not documented."""
    not_ready_code: str = "EXPORT_NOT_READY"
    """Error code of the same. Not documented."""
    delete_status: int = 204
    """Success code of a deletion; any but 204 has a body. Documented by the SDKs alone, which take both."""
    manners: TransferFaults = field(default_factory=TransferFaults)
    """Ranges, ETags and speed of whoever serves the file. Not documented."""
    csv: CsvHabits = field(default_factory=CsvHabits)
    """How files are written. Not documented."""
    with_payload: bool = False
    """Files have a column with the payload. Not documented."""


class HookBridgeOrder(Struct, frozen=True):
    """What a creation asks for; empty for a filter that was left out."""

    start: datetime
    end: datetime
    direction: str = "outbound"
    status: str = ""
    endpoint_id: str = ""  # as it was sent: ep_ and hexadecimal digits, or a UUID
    inbound_endpoint_id: str = ""


Job = AnyJob[HookBridgeOrder]
JobBook = AnyJobBook[HookBridgeOrder]


class HookBridgeJobView(Struct, frozen=True):
    """A copy of one export for a test to look at."""

    id: str
    status: Phase
    order: HookBridgeOrder
    created_at: datetime
    expires_at: datetime
    foreign: bool
    gone: bool


def open_book(options: HookBridgeOptions, clock: Clock, random_bytes: Chance) -> JobBook:
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
    return JobBook(rules, clock, lambda _number: str(uuid.UUID(bytes=random_bytes(16), version=4)))


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
