"""What a provider can say, in one vocabulary. Adapters translate into it and decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType

from msgspec import Struct

PROVIDER_GROUP = "strongroom.providers"
"""The group of entry points by which another distribution brings an adapter."""

KEPT: Mapping[str, timedelta] = MappingProxyType({"zavu": timedelta(days=90)})
"""How long a provider keeps records by its documents; one that documents nothing is not here."""

PAGEABLE: Mapping[str, str] = MappingProxyType({"zavu": "messages", "qlara": "message-history"})
"""The datasets of built-in providers that can be collected by paging where the account's API makes no exports."""

WALK = "walk-"
"""How the name of a walk over a list begins; no export is called so."""


def shown_ref(ref: str) -> str:
    """Return the name of an export as a person reads it: that of a walk with its pages so far and a digest of the rest.

    The whole name of a walk holds its place on the list and is some hundred characters long.
    """
    if not ref.startswith(WALK):
        return ref
    pages = ref.removeprefix(WALK).partition("-")[0]
    return f"{WALK}{pages[:9]}-{sha256(ref.encode()).hexdigest()[:8]}"


COLLECTED = (
    "collected by paging, not exported: that no record is missing rests on the provider's list, and a record that was"
    " changed or deleted before its page was read is archived as the list showed it, or not at all"
)
"""What collecting by paging cannot prove."""

SNAPSHOTS: Mapping[str, frozenset[str]] = MappingProxyType({"qlara": frozenset({"contacts"})})
"""The datasets of a provider that have no time window: an export copies all there is now."""


class ExportStatus(StrEnum):
    """Where an export stands at the provider, whatever the provider calls it."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"  # can be downloaded now
    FAILED = "failed"
    EXPIRED = "expired"
    GONE = "gone"  # the provider no longer knows it
    UNKNOWN = "unknown"  # a status we have no word for: treated as still running, and told


class Match(StrEnum):
    """How surely an export on the provider's list can be recognised as the one we asked for."""

    EXACT = "exact"  # the list repeats every filter of the request
    HEURISTIC = "heuristic"  # by comparing lists before and after
    NONE = "none"


class Renewal(StrEnum):
    """How a dead export is had again."""

    NEW_EXPORT = "new-export"
    SAME_EXPORT = "same-export"


class ExpiryBasis(StrEnum):
    """From when an export's life is counted."""

    CREATED = "created"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


class Limits(Struct, frozen=True):
    """What the provider allows; None means that nothing is documented."""

    concurrent: int | None  # exports under way at once, over all clients of the account
    per_hour: int | None  # exports created in any rolling hour, over all clients of the account
    poll_first: timedelta = timedelta(seconds=5)
    poll_longest: timedelta = timedelta(minutes=2)
    retention: timedelta | None = None  # how long the provider keeps the records themselves


class BlindSpot(Struct, frozen=True):
    """A dataset whose export leaves out something that the provider has, and where the rest is available."""

    dataset: str
    lacks: str  # what is missing from it, in words for a person: "messages sent by campaigns"
    closed_by: str  # the dataset of the same provider that holds it


class Capabilities(Struct, frozen=True):
    """What the engine may ask of an adapter, so that it never asks for what a provider lacks.

    `match`, `renewal` and `expiry` describe the provider, not the adapter: choose what its documents promise, and where
    they promise nothing, the weaker word.
    """

    datasets: tuple[str, ...]
    match: Match
    renewal: Renewal
    expiry: ExpiryBasis
    deletes: bool = False  # `delete` may be called
    by_list: bool = False  # observing any number of exports costs what observing one does
    snapshots: frozenset[str] = frozenset()  # datasets without a time window: an export copies all there is now
    blind_spots: tuple[BlindSpot, ...] = ()
    paged: bool = False  # nothing is exported: records are collected by walking a list


class Ask(Struct, frozen=True):
    """One export request in the provider's terms, times as instants: equal asks are the same request.

    `lower` and `upper` are what is sent; whether `upper` is inclusive is the provider's rule.
    """

    datasets: frozenset[str]
    lower: datetime | None
    upper: datetime | None
    filters: frozenset[tuple[str, str]] = frozenset()


class Observation(Struct, frozen=True):
    """What the provider says of one export at one moment. Never holds the link."""

    ref: str
    status: ExportStatus
    raw_status: str  # the provider's own word, kept as it came
    created_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    size: int | None = None  # bytes announced
    rows: int | None = None  # records announced
    detail: str = ""  # the provider's own words about a failure, made printable and short
    request_id: str = ""
    retry_at: datetime | None = None  # not to be looked at again before, by the provider's word and our clock


class Listed(Struct, frozen=True):
    """One entry of the provider's list. `ask` is None where the list does not repeat the request."""

    ask: Ask | None
    observation: Observation
    datasets: frozenset[str] | None = None  # what it holds, where the list tells that and no more
    perhaps: frozenset[Ask] = frozenset()  # requests that it may repeat, where it leaves open which of them


class Accepted(Struct, frozen=True):
    """The provider took the request. `observation` is None where the answer names no export."""

    observation: Observation | None
    request_id: str = ""


class Container(StrEnum):
    """How a delivered file is built.

    A BUNDLE is never delivered: several parts of one export are put into it as they came, a ZIP of stored files.
    """

    ZIP_OF_JSON = "zip-of-json"
    CSV = "csv"
    NDJSON = "ndjson"  # one JSON object a line
    JSON_ARRAY = "json-array"  # one bare array of objects
    JSON_PAGE = "json-page"  # one page of a list, as the API answered: an array of objects, somewhere in it
    BUNDLE = "bundle"


class Part(Struct, frozen=True):
    """One file to download. The locator is a secret that dies soon: fetched just before use, never stored."""

    locator: str
    name: str  # a safe file name for people
    container: Container
    authenticated: bool = False  # send the API credential, and only to the configured origin
    size: int | None = None  # bytes announced
    rows: int | None = None  # records announced
    dataset: str = ""  # whose records it holds; needed where an export has several parts, empty where one holds all
    accept: str = ""  # the Accept header that its host wants; any by default
    records: str = ""  # of a page of a list: where its records are, empty for any other file

    def __repr__(self) -> str:
        return f"Part(name={self.name!r}, container={self.container!r})"  # never the locator


class Exchange(Struct, frozen=True):
    """One request and its answer, for a person who tries a provider. It holds no credential, and of a link the host."""

    method: str
    place: str  # a path of the API, or the host that holds a file
    sent: object | None  # the body as JSON, None where there is none
    status: int
    headers: Mapping[str, str]  # those of the answer that a manifest may name
    answer: str  # the body, redacted and cut; empty for a file


class Probe(Struct, frozen=True):
    """What a read-only look at a source found."""

    offered: bool | None  # whether exports are offered; None where it could not be found out
    clock_skew: timedelta | None  # provider's Date minus our clock
    listed: int  # exports seen on the list
    requests_left: int | None = None
    notes: tuple[str, ...] = ()
    retention: timedelta | None = None  # how long the account's plan keeps records; None where it could not be read
