"""What the simulated Zavu does. Defaults follow the vendor's documents; "not documented" marks what they leave open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from strongroom.sandbox.archive import ZipHabits
from strongroom.sandbox.transfer import Manners
from strongroom.sandbox.treatment import Unwanted as Unwanted


class ExpiredLook(StrEnum):
    """How the API shows an export after its expiry; the documented statuses have no word for it."""

    UNCHANGED = "unchanged"  # completed, with a link that is dead
    NO_URL = "no-url"  # completed, without a link
    GONE = "gone"  # 404, and no longer listed


@dataclass(frozen=True, slots=True)
class ZavuOptions:
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
    manners: Manners = field(default_factory=Manners)
    """Ranges, ETags and speed of the storage host. Not documented."""
    zip_habits: ZipHabits = field(default_factory=ZipHabits)
    """How export files are written. Not documented."""
