"""What the simulated providers do. Defaults follow the vendors' documents.

"Not documented" marks what the documents leave open: a careful client must cope with every choice there. Durations
are on the sandbox's clock.
"""

from __future__ import annotations

import codecs
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from strongroom_sandbox.recorder import Operation


class Unwanted(StrEnum):
    """How the API treats a request that the documents neither allow nor forbid."""

    REFUSE = "refuse"  # 400
    ACCEPT = "accept"


class SlotBounds(StrEnum):
    """Which ends of a window belong to it."""

    CLOSED = "closed"  # both
    HALF_OPEN = "half-open"  # only the first
    OPEN_CLOSED = "open-closed"  # only the last
    OPEN = "open"  # neither


class TimeStyle(StrEnum):
    """How times are written."""

    MILLIS = "millis"  # 2026-11-10T12:00:00.000Z
    SECONDS = "seconds"  # 2026-11-10T12:00:00Z
    SPACED = "spaced"  # 2026-11-10 12:00:00, without a zone


class CsvStyle(Struct, frozen=True):
    """How CSV files are written: RFC 4180 by default, since no vendor documents any of it."""

    delimiter: str = ","
    quote_all: bool = False  # every cell in quotes, not only those that need it
    newline: str = "\r\n"
    bom: bool = False  # a byte order mark before UTF-8; UTF-16 has one anyway
    encoding: str = "utf-8"  # any that Python knows; what it cannot write becomes a question mark
    decimal_comma: bool = False
    header: bool = True
    times: TimeStyle = TimeStyle.MILLIS
    zone: str = "UTC"  # an IANA zone; times carry its offset

    def __post_init__(self) -> None:
        codecs.lookup(self.encoding)
        ZoneInfo(self.zone)


class ZipStyle(Struct, frozen=True):
    """How ZIP files are written; the vendor documents none of it."""

    empty_absent: bool = False  # a dataset without records has no member, rather than one with []
    descriptors: bool = False  # sizes and CRC after the data, as streaming writers do
    zip64: bool = False  # 64-bit fields even where they are not needed


class TransferOptions(Struct, frozen=True):
    """How a storage host serves files; no vendor documents any of it."""

    ranges: bool = True  # Accept-Ranges, 206
    etags: bool = True
    rate: int | None = None  # bytes a second of real time for one transfer; None: no limit


class ExpiredLook(StrEnum):
    """How the API shows an export after its expiry; each provider has some of these."""

    STATUS = "status"  # as expired
    AS_BEFORE = "as-before"  # as completed, though it cannot be downloaded any more
    NO_URL = "no-url"  # as completed, without a link
    GONE = "gone"  # 404, and no longer listed


class JobOptions(Struct, frozen=True, kw_only=True):
    """What every provider has: quotas, the life of an export, the list, and links. Every default can be changed."""

    life: timedelta  # of an export, until it expires
    max_concurrent: int | None = None  # exports pending or processing at once, including other clients'
    max_per_hour: int | None = None  # exports created in any sixty minutes
    refusals_count: bool = False  # a refused creation uses up the hourly quota too; not documented

    pending_for: timedelta = timedelta(seconds=1)  # before an export is processed
    processing_for: timedelta = timedelta(seconds=2)
    pace: float = 1.0  # multiplies both durations; 0 completes at once
    spread: float = 0.0  # each export's durations vary by up to this share, 0 to 1, repeatably

    newest_first: bool = True  # order of the list; not documented
    listed_for: timedelta | None = None  # how long after its creation an export is listed and known; not documented

    expired: ExpiredLook = ExpiredLook.STATUS
    expired_looks: ClassVar[tuple[ExpiredLook, ...]] = (ExpiredLook.STATUS, ExpiredLook.GONE)

    fresh_links: bool = True  # each answer has a new link, older ones keep working; not documented
    link_life: timedelta | None = None  # of one link, at most its export's; None: its export's; not documented
    dead_link_status: int = 403  # the storage host's answer to an expired link; not documented
    transfer: TransferOptions = field(default_factory=TransferOptions)

    def __post_init__(self) -> None:
        if self.expired not in self.expired_looks:
            raise ValueError(f"an expired export cannot look like {self.expired} here")

    def life_begins(self, asked_at: datetime, ready_at: datetime | None) -> datetime | None:  # noqa: ARG002
        """Return from when an export's life counts: its completion; None for one that is never ready."""
        return ready_at


class ZavuOptions(JobOptions, frozen=True, kw_only=True):
    """What the simulated Zavu does."""

    life: timedelta = timedelta(hours=24)
    max_concurrent: int | None = 3
    max_per_hour: int | None = 10
    requests_per_minute: int = 600  # in a fixed window
    retention: timedelta = timedelta(days=90)  # older records are not exported, counted from the export's creation
    fresh_links: bool = False

    null_fields: bool = False  # optional fields of an export are null instead of absent; the schema allows both
    page_default: int = 50  # page length without `limit`; the guide's example uses 50
    page_max: int = 100  # a larger `limit` is cut to it; not documented for exports
    expired: ExpiredLook = ExpiredLook.AS_BEFORE  # the documented statuses have no word for it
    expired_looks: ClassVar[tuple[ExpiredLook, ...]] = (ExpiredLook.AS_BEFORE, ExpiredLook.NO_URL, ExpiredLook.GONE)
    upper_case_status: bool = False  # statuses in capitals; documented in lower case

    quota_status: int = 429  # of a refusal for too many exports; not documented, nor are the next two
    quota_code: str = "rate_limited"
    quota_hints: bool = True  # the refusal says when to come back (Retry-After, details.retryAfter)
    reversed_window: Unwanted = Unwanted.REFUSE  # dateFrom after dateTo; if accepted, the export is empty
    repeated_types: Unwanted = Unwanted.ACCEPT  # the same data type twice; if accepted, it is kept once
    zip_style: ZipStyle = field(default_factory=ZipStyle)
    takes_keys: bool = (
        False  # an Idempotency-Key that was used before: 409 with the original; for exports not documented
    )

    def life_begins(self, asked_at: datetime, ready_at: datetime | None) -> datetime | None:  # noqa: ARG002
        """Return from when an export's life counts: its creation."""
        return asked_at


class DirectionShown(StrEnum):
    """When a HookBridge export says its direction."""

    AFTER_CREATE = "after-create"  # in all answers but that to create, as its example has it
    ALWAYS = "always"
    NEVER = "never"


class Download(StrEnum):
    """What HookBridge's download endpoint does."""

    REDIRECT = "redirect"  # to the storage host
    DIRECT = "direct"  # answers with the file itself


class LocationStyle(StrEnum):
    """How the redirect names its target."""

    ABSOLUTE = "absolute"
    SCHEME_RELATIVE = "scheme-relative"  # //host:port/path
    PATH = "path"  # on the API's own origin, which redirects once more


class HookBridgeOptions(JobOptions, frozen=True, kw_only=True):
    """What the simulated HookBridge does."""

    life: timedelta = timedelta(days=7)  # as in the documented example
    max_concurrent: int | None = 1
    limit_hint: bool = False  # a refusal for too many exports carries Retry-After; not documented
    failed_authentications: int = 20  # wrong keys a minute before 429 RATE_LIMITED; the number is not documented
    retention_days: int = 30  # what the billing endpoint says; payloads are kept that long
    rows_for: timedelta | None = None  # how long rows can be exported; None: as long as `retention_days`
    plan: str = "starter"

    create_status: int = 201  # success code of a creation: 200, 201 or 202; not documented
    bounds: SlotBounds = SlotBounds.CLOSED  # not documented; the examples end in 23:59:59Z
    max_window: timedelta | None = None  # a longer one is a 400; not documented
    misplaced_filter: Unwanted = Unwanted.REFUSE  # an endpoint of the other direction; if accepted, it is ignored
    bare_endpoint_ids: bool = True  # `filter_endpoint_id` comes back as a bare UUID, not as it was sent
    direction_shown: DirectionShown = DirectionShown.ALWAYS  # the schema's way; an example leaves it out
    null_fields: bool = False  # optional fields of an export are null instead of absent
    echo_millis: bool = False  # times have milliseconds even where there are none
    sizes_given: bool = True  # `row_count` and `file_size_bytes` are there after completion
    count_header: bool = False  # `row_count` counts the header too; not documented

    page_length: int | None = None  # entries in a page with `has_more` and `next_cursor`; None: no paging, as known
    list_length: int | None = None  # how many entries the list reaches back; older ones are known but not listed

    download: Download = Download.REDIRECT  # the SDKs expect a redirect; a direct answer is not ruled out
    redirect_status: int = 302  # 301, 302, 303, 307 or 308: the SDKs accept all of them
    location: LocationStyle = LocationStyle.ABSOLUTE  # not documented
    link_life: timedelta | None = timedelta(minutes=15)
    not_ready_status: int = 409  # download of an export that is not completed; not documented
    not_ready_code: str = "EXPORT_NOT_READY"
    delete_status: int = 204  # any other has a body; documented only by the SDKs, which take both
    csv: CsvStyle = field(default_factory=CsvStyle)
    with_payload: bool = False  # files have a column with the payload; not documented


class CreateAnswer(StrEnum):
    """What Qlara's 202 to a creation carries. One document promises an id, the other says nothing about it."""

    OBJECT = "object"  # {id_name: id}
    NESTED = "nested"  # {"data": {id_name: id}}
    TEXT = "text"  # the id as a JSON string
    NUMBER = "number"  # the id as a JSON number; needs numeric_ids
    LOCATION = "location"  # a Location header and no body
    NOTE = "note"  # a sentence, no id
    NOTHING = "nothing"  # no body at all


class ListEnvelope(StrEnum):
    """Where the entries of Qlara's list are."""

    ARRAY = "array"  # the body itself
    CONTENT = "content"  # with totalElements, totalPages, number, size, last
    ITEMS = "items"
    DATA = "data"
    EXPORTS = "exports"
    RESULTS = "results"


class EntryField(StrEnum):
    """What an entry may say beyond its id, status and availability."""

    TYPE = "type"
    CREATED_AT = "createdAt"
    COMPLETED_AT = "completedAt"
    EXPIRES_AT = "expiresAt"
    FILE_NAME = "fileName"
    FILTERS = "filters"  # the filters of the request, under the request's names
    NESTED = "nested"  # with FILTERS: they are under `filters`


class EntryIds(StrEnum):
    """Which entries of the list have an id. Not documented."""

    ALL = "all"
    FINISHED = "finished"  # not while the export is pending
    NONE = "none"


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


class QlaraOptions(JobOptions, frozen=True, kw_only=True):
    """What the simulated Qlara does. Quotas on exports are not documented; a refusal is a 429."""

    life: timedelta = timedelta(days=2)  # documented as "a period of time"
    retention: timedelta = timedelta(days=365)  # older messages are not exported, counted from the request
    requests_per_minute: int = 1000  # documented, per key, as is the next
    requests_per_second: int = 50
    retry_after_header: bool = False  # a 429 carries Retry-After in addition to the documented `retryAfter`
    allowed_ips: tuple[str, ...] | None = None  # all others get a 403; None: all are allowed
    forbidden: frozenset[Operation] = frozenset()  # operations that the key has no permission for: 403

    create_answer: CreateAnswer = CreateAnswer.OBJECT  # the answer to a regeneration looks the same
    numeric_ids: bool = False  # ids are numbers rather than UUIDs; not documented
    id_name: str = "id"  # in the answer to a creation; not documented
    bounds: SlotBounds = SlotBounds.CLOSED  # documented only for browsing, closed there
    both_scopes: Unwanted = Unwanted.REFUSE  # two ways to scope an export; if accepted, both must hold
    unknown_campaign: Unwanted = Unwanted.ACCEPT  # if accepted, the export is empty
    empty_ids: Unwanted = Unwanted.ACCEPT  # an empty list of ids; if accepted, it counts as left out
    sender_name: str = "sender"  # of the optional filter of a message history export; not documented
    recipient_name: str = "recipient"
    guide_filters: bool = False  # `channel` and `status` filter the message history: only the guide says so

    envelope: ListEnvelope = ListEnvelope.CONTENT  # not documented, nor is any other detail of the list
    entry_id_name: str = "id"
    entry_ids: EntryIds = EntryIds.ALL
    entry_fields: frozenset[EntryField] = frozenset({EntryField.TYPE, EntryField.CREATED_AT})
    page_max: int = 100  # a larger `limit` is cut to it
    list_lag: timedelta = timedelta(0)  # the list shows the state of that long ago
    flag_lag: timedelta = timedelta(0)  # a completed export becomes available that much later
    processing_word: str = "PENDING"  # status while an export is processed
    failed_word: str = "FAILED"  # said to exist, not named
    expired_looks: ClassVar[tuple[ExpiredLook, ...]] = (ExpiredLook.STATUS, ExpiredLook.AS_BEFORE, ExpiredLook.GONE)
    expiry_lead: timedelta = timedelta(0)  # the list says "expired" that much earlier than link and renewal do

    link_shape: LinkShape = LinkShape.OBJECT  # not documented
    link_name: str = "url"  # not documented
    link_life: timedelta | None = timedelta(hours=1)  # documented as "a certain period"
    early_status: int = 400  # asking for the link of an export that is not ready, or failed; not documented
    early_renewal_status: int = 400  # renewing such an export; while it is available, 400 is documented
    renewal: LinkRenewal = LinkRenewal.IN_PLACE  # one document says "the new job", the other a new link
    renews_link_alone: bool = False  # a renewed export has the same bytes as before, not the data of its renewal
    history_object: bool = False  # browsing answers {"messages": [...]}; the reference documents a bare array
    csv: CsvStyle = field(default_factory=CsvStyle)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.create_answer is CreateAnswer.NUMBER and not self.numeric_ids:
            raise ValueError("an id can only be answered as a number when ids are numeric")
