"""What the simulated Qlara does. Defaults follow the vendor's documents; "not documented" marks what is open."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct, field

from strongroom_sandbox.csv_style import CsvHabits
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.records import SlotBounds
from strongroom_sandbox.shared_options import Unwanted
from strongroom_sandbox.transfer import TransferFaults

QLARA_PATH = "/api/partner-gateway/v1"
"""What all paths of the API begin with."""


class CreateAnswer(StrEnum):
    """What the 202 to a creation carries. One document promises an id, the other says nothing of it."""

    OBJECT = "object"  # {id_name: id}
    NESTED = "nested"  # {"data": {id_name: id}}
    TEXT = "text"  # the id as a JSON string
    NUMBER = "number"  # the id as a JSON number; needs numeric_ids
    LOCATION = "location"  # a Location header and no body
    NOTE = "note"  # a sentence, no id
    NOTHING = "nothing"  # no body at all


class ListEnvelope(StrEnum):
    """Where the list's entries sit."""

    ARRAY = "array"  # the body itself
    CONTENT = "content"  # with totalElements, totalPages, number, size, last
    ITEMS = "items"
    DATA = "data"
    EXPORTS = "exports"
    RESULTS = "results"


class ListOrder(StrEnum):
    """Which way the list runs; documented as by creation date alone."""

    NEWEST_FIRST = "newest-first"
    OLDEST_FIRST = "oldest-first"


class EntryField(StrEnum):
    """What an entry may say beyond its id, status and availability."""

    TYPE = "type"
    CREATED_AT = "createdAt"
    COMPLETED_AT = "completedAt"
    EXPIRES_AT = "expiresAt"
    FILE_NAME = "fileName"
    FILTERS = "filters"  # the filters of the request, under the request's names
    NESTED = "nested"  # with FILTERS: they stand under `filters`


class EntryIds(StrEnum):
    """Which entries of the list have an id. Not documented."""

    ALL = "all"
    FINISHED = "finished"  # not while the export is pending
    NONE = "none"


class ExpiredShown(StrEnum):
    """How the list shows an expired export; either way its link is a 400."""

    STATUS = "status"  # EXPIRED, not available
    FLAG_ALONE = "flag-alone"  # COMPLETED as before, but not available any more
    GONE = "gone"  # 404, and no longer listed


class LinkShape(StrEnum):
    """What the body of a download link looks like."""

    OBJECT = "object"  # {link_name: url}
    NESTED = "nested"  # {"data": {link_name: url}}
    TEXT = "text"  # a JSON string
    PLAIN = "plain"  # text/plain


class LinkRenewal(StrEnum):
    """What regenerating an expired export makes."""

    IN_PLACE = "in-place"  # the same export is pending again
    NEW_ENTRY = "new-entry"  # another one, with another id


class QlaraOptions(Struct, frozen=True):
    """Every behaviour that a test may want otherwise. Durations are on the sandbox's clock."""

    life: timedelta = timedelta(days=2)
    """From completion to expiry. Documented as "a period of time"."""
    retention: timedelta = timedelta(days=365)
    """Messages older than this, counted from the request, are not exported. Not documented."""
    requests_per_minute: int = 1000
    requests_per_second: int = 50
    """Both documented, per key."""
    retry_after_header: bool = False
    """A 429 carries Retry-After beside the documented `retryAfter` in its body."""
    allowed_ips: tuple[str, ...] | None = None
    """Addresses that are not answered with 403; None: all."""
    forbidden: frozenset[Operation] = frozenset()
    """Operations that the key has no permission for: 403."""
    max_concurrent: int | None = None
    max_per_hour: int | None = None
    """Quotas on exports. None are documented; a refusal is a 429."""

    pending_for: timedelta = timedelta(seconds=1)
    """How long an export waits before it is processed."""
    processing_for: timedelta = timedelta(seconds=2)
    """How long it is processed."""
    pace: float = 1.0
    """Multiplies both durations; 0 completes at once."""
    spread: float = 0.0
    """Each export's durations vary by up to this share, 0 to 1, repeatably."""

    create_answer: CreateAnswer = CreateAnswer.OBJECT
    """The guide promises an id, nothing says where. The answer to a regeneration looks the same."""
    numeric_ids: bool = False
    """Ids are numbers rather than UUIDs. Not documented."""
    id_name: str = "id"
    """Name of the id in the answer to a creation. Not documented."""
    bounds: SlotBounds = SlotBounds.CLOSED
    """Which ends of an export's window belong to it. Documented for browsing alone, closed there."""
    both_scopes: Unwanted = Unwanted.REFUSE
    """Two ways to scope an export given at once; when accepted both must hold. Not documented."""
    unknown_campaign: Unwanted = Unwanted.ACCEPT
    """A campaign that does not exist; when accepted the export is empty. Not documented."""
    empty_ids: Unwanted = Unwanted.ACCEPT
    """An empty list of ids; when accepted it is as if left out. Not documented."""
    sender_name: str = "sender"
    recipient_name: str = "recipient"
    """Names of the optional filters of a message history export. Not documented."""
    guide_filters: bool = False
    """`channel` and `status` filter a message history export: the guide says so, the reference does not."""

    order: ListOrder = ListOrder.NEWEST_FIRST
    """Not documented."""
    envelope: ListEnvelope = ListEnvelope.CONTENT
    """Not documented."""
    entry_id_name: str = "id"
    """Not documented."""
    entry_ids: EntryIds = EntryIds.ALL
    """Not documented."""
    entry_fields: frozenset[EntryField] = frozenset({EntryField.TYPE, EntryField.CREATED_AT})
    """Not documented."""
    page_max: int = 100
    """Longest page; a larger `limit` is cut to it. Not documented."""
    listed_for: timedelta | None = None
    """How long after its creation an export stays listed and known. Not documented."""
    list_lag: timedelta = timedelta(0)
    """The list shows how things stood so long ago. Not documented."""
    flag_lag: timedelta = timedelta(0)
    """A completed export becomes available so much later. Not documented."""
    processing_word: str = "PENDING"
    """Status while an export is processed; another word is one that nothing documents."""
    failed_word: str = "FAILED"
    """Status of an export that failed. Said to exist, not named."""
    expired_shown: ExpiredShown = ExpiredShown.STATUS
    """Documented as a status and as a flag that "may revert"."""

    expiry_lead: timedelta = timedelta(0)
    """The list shows an export as expired so much earlier than its link and its regeneration do: both then contradict
    it, the one by a link, the other by a 400. Not documented."""

    link_shape: LinkShape = LinkShape.OBJECT
    """Not documented."""
    link_name: str = "url"
    """Not documented."""
    link_life: timedelta = timedelta(hours=1)
    """Life of one link, at most that of its export. Documented as "a certain period"."""
    fresh_links: bool = True
    """Each request for a link gives a new one; older ones keep working. Not documented."""
    early_status: int = 400
    """Asking for the link of an export that is not ready, or failed. Not documented."""
    early_renewal_status: int = 400
    """Regenerating an export that is not ready, or failed. Not documented; while it is available, 400 is."""
    renewal: LinkRenewal = LinkRenewal.IN_PLACE
    """One document speaks of "the new job", the other of a new link for the same export."""
    renews_link_alone: bool = False
    """A regenerated export holds the same bytes as before; else it is made of the data that is there by then."""
    dead_link_status: int = 403
    """The storage host's answer to an expired link. Not documented."""
    history_object: bool = False
    """Browsing answers {"messages": [...]}; the reference documents a bare array."""
    manners: TransferFaults = field(default_factory=TransferFaults)
    """Ranges, ETags and speed of the storage host. Not documented."""
    csv: CsvHabits = field(default_factory=CsvHabits)
    """How files are written. Not documented."""

    def __post_init__(self) -> None:
        if self.create_answer is CreateAnswer.NUMBER and not self.numeric_ids:
            raise ValueError("an id can only be answered as a number when ids are numeric")
