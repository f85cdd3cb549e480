"""A provider in a file: what a manifest says of an export API, as data. It has no code, and no place for a secret.

Annotations are not postponed here: the keys of a manifest are read from them. `TextForm` says what a text must be, and
the description of a field what it is for. Paths of requests are below the provider's address, and "{id}" in one
stands for the export's id. Expressions are JMESPath (`strongroom.model.expression`).
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from strongroom.model.manifest_words import (
    AuthKind,
    DownloadBy,
    FilterForm,
    ObserveBy,
    Paging,
    Precision,
    RequestMethod,
    TextForm,
    TimeFormat,
    WindowEnds,
)
from strongroom.model.provider import Container, ExpiryBasis


def _text(form: TextForm, words: str) -> Meta:
    return Meta(description=words, extra={"form": form})


def _expression(words: str) -> Meta:
    return _text(TextForm.EXPRESSION, words)


_NOTHING: Mapping[str, Any] = MappingProxyType({})
Expression = str
Statuses = tuple[Annotated[int, Meta(ge=100, le=599)], ...]


class About(Struct, frozen=True):
    """[provider]: the provider and its API."""

    label: Annotated[str, _text(TextForm.LINE, "the provider's name in messages")]
    base_url: Annotated[str, _text(TextForm.ADDRESS, "the address of its API; a source may name another")]
    documents: Annotated[tuple[str, ...], _text(TextForm.LINE, "the pages that the manifest was written from")] = ()
    tried: Annotated[bool, Meta(description="whether the manifest was tried with a live account")] = False


class Auth(Struct, frozen=True):
    """[auth]: how requests authenticate. The secret itself is the source's `api_key`."""

    kind: Annotated[AuthKind, Meta(description="how the secret is sent")] = AuthKind.BEARER
    header: Annotated[str, _text(TextForm.HEADER, "with kind = header: the header that carries the key")] = ""
    token_path: Annotated[str, _text(TextForm.PATH, "with kind = client-credentials: where to request a token")] = ""
    scope: Annotated[str, _text(TextForm.LINE, "the scope to request for that token")] = ""


class RequestedWindow(Struct, frozen=True):
    """[window]: how requests write a time range."""

    ends: Annotated[
        WindowEnds, Meta(description="whether the range includes its end: inclusive if it does, half-open if not")
    ] = WindowEnds.UNKNOWN
    time_format: Annotated[TimeFormat, Meta(description="how a time is written")] = TimeFormat.RFC3339
    time_zone: Annotated[str, _text(TextForm.ZONE, "the time zone of dates and offsets")] = "UTC"
    precision: Annotated[Precision | None, Meta(description="the precision of times; a second by default")] = None

    @property
    def step(self) -> Precision:
        """The smallest step of time: a day where requests have dates, otherwise a second unless another is given."""
        return Precision.DAY if self.time_format is TimeFormat.DATE else self.precision or Precision.SECOND


class Creation(Struct, frozen=True):
    """[create]: the request that creates an export."""

    path: Annotated[str, _text(TextForm.PATH, "where it is sent; a dataset can have its own path")]
    method: Annotated[RequestMethod, Meta(description="the HTTP method")] = RequestMethod.POST
    body: Annotated[Mapping[str, Any], Meta(description="the JSON body, which may have placeholders")] = _NOTHING
    query: Annotated[Mapping[str, Any], Meta(description="the query string, which may have placeholders")] = _NOTHING
    headers: Annotated[Mapping[str, str], Meta(description="headers that never change")] = _NOTHING
    accepted: Annotated[Statuses, Meta(description="the statuses that mean success")] = (200, 201, 202)
    id: Annotated[Expression, _expression("where the response has the id of the export")] = ""
    id_header: Annotated[str, _text(TextForm.HEADER, "the header whose last path segment is the id")] = ""
    id_may_lack: Annotated[bool, Meta(description="whether a response without an id can be a success")] = False
    export: Annotated[Expression, _expression("where the response has the whole export, if it has it")] = ""
    idempotency_header: Annotated[str, _text(TextForm.HEADER, "the header for an idempotency key")] = ""
    original: Annotated[
        Expression, _expression("where a 409 response to a repeated idempotency key has the first export")
    ] = ""
    together: Annotated[bool, Meta(description="whether one export can include several datasets")] = False


class StatusWords(Struct, frozen=True):
    """[export.statuses]: the provider's words for each state. Case does not matter. Any other word is unknown."""

    queued: Annotated[tuple[str, ...], _text(TextForm.WORD, "words for: accepted, but not started")] = ()
    running: Annotated[tuple[str, ...], _text(TextForm.WORD, "words for: in progress")] = ()
    ready: Annotated[tuple[str, ...], _text(TextForm.WORD, "words for: ready to download")] = ()
    empty: Annotated[
        tuple[str, ...], _text(TextForm.WORD, "words for: finished without a file, because there are no records")
    ] = ()
    unclear: Annotated[
        tuple[str, ...], _text(TextForm.WORD, "words for: not available yet, or no longer; the link shows which")
    ] = ()
    failed: Annotated[tuple[str, ...], _text(TextForm.WORD, "words for: failed")] = ()
    expired: Annotated[tuple[str, ...], _text(TextForm.WORD, "words for: no longer available")] = ()


class RepeatedRequest(Struct, frozen=True):
    """[export.request]: where an export repeats its request. By this, Strongroom recognizes its own exports."""

    dataset: Annotated[Expression, _expression("its dataset, or the list of its datasets")] = ""
    missing_dataset: Annotated[str, _text(TextForm.WORD, "the dataset of an export that does not name one")] = ""
    lower: Annotated[Expression, _expression("the start of its time range")] = ""
    upper: Annotated[Expression, _expression("the end of its time range")] = ""
    filters: Annotated[Mapping[str, str], _expression("the value of each filter")] = _NOTHING


class ExportObject(Struct, frozen=True):
    """[export]: how the provider describes an export, in the response about it and on the list."""

    id: Annotated[Expression, _expression("its id")] = "id"
    status: Annotated[Expression, _expression("its status")] = ""
    statuses: Annotated[StatusWords, Meta(description="the words for each state")] = StatusWords()
    request: Annotated[RepeatedRequest, Meta(description="what an export repeats of its request")] = RepeatedRequest()
    created: Annotated[Expression, _expression("when it was requested")] = ""
    completed: Annotated[Expression, _expression("when it was finished")] = ""
    expires: Annotated[Expression, _expression("when it expires")] = ""
    size: Annotated[Expression, _expression("the size of its file in bytes")] = ""
    rows: Annotated[Expression, _expression("how many records its file has")] = ""
    detail: Annotated[Expression, _expression("why it failed")] = ""
    life: Annotated[timedelta | None, Meta(description="how long it can be downloaded, if no time is given")] = None
    life_from: Annotated[ExpiryBasis, Meta(description="when that time starts")] = ExpiryBasis.UNKNOWN


class ObserveRequest(Struct, frozen=True):
    """[observe]: how to check the state of one export."""

    by: Annotated[ObserveBy, Meta(description="where the state is shown")] = ObserveBy.GET
    path: Annotated[str, _text(TextForm.PATH, "the path for one export")] = ""
    export: Annotated[Expression, _expression("where the response has the export")] = "@"
    gone: Annotated[Statuses, Meta(description="the statuses that mean: no such export")] = (404,)
    expired: Annotated[Statuses, Meta(description="the statuses that mean: expired")] = (410,)
    not_ready: Annotated[Statuses, Meta(description="with by = file: the statuses that mean: no file yet")] = (404,)


class ListRequest(Struct, frozen=True):
    """[list]: how all exports are listed."""

    path: Annotated[str, _text(TextForm.PATH, "the path of the list")]
    entries: Annotated[Expression, _expression("where a response has the entries")]
    query: Annotated[Mapping[str, Any], Meta(description="parts of the query string that never change")] = _NOTHING
    paging: Annotated[Paging, Meta(description="how to get the next page")] = Paging.NONE
    next: Annotated[Expression, _expression("where a response has the next cursor or address")] = ""
    more: Annotated[Expression, _expression("what is true while there are more pages")] = ""
    last: Annotated[Expression, _expression("what is true on the last page")] = ""
    page_key: Annotated[str, _text(TextForm.WORD, "the query parameter for the cursor, page or offset")] = ""
    first_page: Annotated[int, Meta(ge=0, le=1, description="the number of the first page")] = 0
    size_key: Annotated[str, _text(TextForm.WORD, "the query parameter for the page size")] = ""
    size: Annotated[int, Meta(ge=1, le=10_000, description="how many entries to request per page")] = 100
    complete: Annotated[bool, Meta(description="whether the list shows each export from its creation on")] = False


class FileRequest(Struct, frozen=True):
    """[download]: where the file is, and what format it has."""

    container: Annotated[Container, Meta(description="the format of the file")]
    by: Annotated[DownloadBy, Meta(description="how to get the file")] = DownloadBy.LINK
    path: Annotated[str, _text(TextForm.PATH, "with by = ask or file: the path to request")] = ""
    link: Annotated[Expression, _expression("where the export, or the response, has the link")] = ""
    parts: Annotated[
        Expression, _expression("where the list of files is; link, size, rows and dataset then apply to each file")
    ] = ""
    size: Annotated[Expression, _expression("the size of a file in bytes")] = ""
    rows: Annotated[Expression, _expression("how many records a file has")] = ""
    dataset: Annotated[Expression, _expression("the dataset of a file")] = ""
    authenticated: Annotated[
        bool, Meta(description="whether the link requires the key; it is sent only to the API's own host")
    ] = False
    accept: Annotated[str, _text(TextForm.LINE, "the Accept header to send")] = ""
    companions: Annotated[tuple[str, ...], _text(TextForm.MEMBER, "other files that every ZIP has")] = ()
    gone: Annotated[Statuses, Meta(description="with by = ask: the statuses that mean: no such export")] = (404,)
    expired: Annotated[Statuses, Meta(description="with by = ask: the statuses that mean: no file now")] = (410,)


class CollectRequest(Struct, frozen=True):
    """[collect]: how to read records from a paged list, where a provider offers no exports.

    It takes the place of [create], [export], [observe] and [download].
    """

    path: Annotated[str, _text(TextForm.PATH, "the path of the list; a dataset can have its own path")]
    records: Annotated[
        str, _expression("where a response has the records: names with dots, @, or alternatives with ||")
    ]
    query: Annotated[
        Mapping[str, Any], Meta(description="the query string; with {lower} and {upper}, the list covers a time range")
    ] = _NOTHING
    paging: Annotated[Paging, Meta(description="how to get the next page")] = Paging.CURSOR
    next: Annotated[Expression, _expression("where a response has the next cursor or address")] = ""
    more: Annotated[Expression, _expression("what is true while there are more pages")] = ""
    last: Annotated[Expression, _expression("what is true on the last page")] = ""
    page_key: Annotated[str, _text(TextForm.WORD, "the query parameter for the cursor, page or offset")] = ""
    first_page: Annotated[int, Meta(ge=0, le=1, description="the number of the first page")] = 0
    size_key: Annotated[str, _text(TextForm.WORD, "the query parameter for the page size")] = ""
    size: Annotated[int, Meta(ge=2, le=10_000, description="how many records to request per page")] = 100
    per_minute: Annotated[int, Meta(ge=1, le=100_000, description="how many pages to request per minute")] = 300


class RenewRequest(Struct, frozen=True):
    """[renew]: how to have an expired export made again under the same id."""

    path: Annotated[str, _text(TextForm.PATH, "the path for one export")]
    method: Annotated[RequestMethod, Meta(description="the HTTP method")] = RequestMethod.POST
    accepted: Annotated[Statuses, Meta(description="the statuses that mean success")] = (200, 201, 202)
    still_there: Annotated[Statuses, Meta(description="the statuses that mean: not expired yet")] = (409,)
    gone: Annotated[Statuses, Meta(description="the statuses that mean: no such export")] = (404,)
    id: Annotated[Expression, _expression("the new id, if there is one")] = ""


class DeleteRequest(Struct, frozen=True):
    """[delete]: how to delete an export."""

    path: Annotated[str, _text(TextForm.PATH, "the path for one export")]
    method: Annotated[RequestMethod, Meta(description="the HTTP method")] = RequestMethod.DELETE


class AccountLimits(Struct, frozen=True):
    """[limits]: what the provider allows."""

    concurrent: Annotated[int | None, Meta(ge=1, le=100, description="exports in progress at once")] = None
    per_hour: Annotated[int | None, Meta(ge=1, le=100_000, description="exports created per hour")] = None
    poll_first: Annotated[timedelta, Meta(description="how soon to check a new export")] = timedelta(seconds=5)
    poll_longest: Annotated[timedelta, Meta(description="the longest time between two checks")] = timedelta(minutes=2)
    retention_days: Annotated[int | None, Meta(ge=1, le=36_525, description="how long the provider keeps records")] = (
        None
    )


class ErrorWords(Struct, frozen=True):
    """[errors]: how to read an error response."""

    code: Annotated[Expression, _expression("where the response has the provider's error code")] = "code || error.code"
    message: Annotated[Expression, _expression("where the response has the message")] = "message || error.message"
    quota: Annotated[tuple[str, ...], _text(TextForm.WORD, "codes that mean that a quota is used up")] = ()
    key_refused: Annotated[tuple[str, ...], _text(TextForm.WORD, "codes that mean that the key was refused")] = ()
    retry_after: Annotated[Expression, _expression("where the body says how many seconds to wait")] = ""
    retry_after_header: Annotated[str, _text(TextForm.HEADER, "another header with the seconds to wait")] = ""


class AccountFacts(Struct, frozen=True):
    """[account]: where the account's plan can be read."""

    path: Annotated[str, _text(TextForm.PATH, "the path of the plan")]
    retention_days: Annotated[Expression, _expression("where the response says for how many days records are kept")]


class FilterKey(Struct, frozen=True):
    """[filters.NAME]: one filter that requests can use."""

    key: Annotated[str, _text(TextForm.WORD, "its key in the body, or in the query of a GET; NAME by default")] = ""
    datasets: Annotated[tuple[str, ...], _text(TextForm.WORD, "the datasets that it works for; all by default")] = ()
    values: Annotated[tuple[str, ...], _text(TextForm.WORD, "the values that are allowed; any by default")] = ()
    form: Annotated[FilterForm, Meta(description="the form of its value")] = FilterForm.TEXT
    prefix: Annotated[str, _text(TextForm.WORD, "with form = uuid: the prefix of the value in a request")] = ""
    replaces_window: Annotated[bool, Meta(description="whether a request with this filter has no time range")] = False


class ManifestDataset(Struct, frozen=True):
    """[datasets.NAME]: one dataset, and what is known about its records."""

    word: Annotated[str, _text(TextForm.WORD, "the provider's name for it; NAME by default")] = ""
    listed_as: Annotated[tuple[str, ...], _text(TextForm.WORD, "other names for it on the list")] = ()
    path: Annotated[str, _text(TextForm.PATH, "the path to request it, if it is not that of [create]")] = ""
    member: Annotated[str, _text(TextForm.MEMBER, "the name of its file in a ZIP")] = ""
    id: Annotated[str, _text(TextForm.FIELD, "the field that identifies a record")] = ""
    time: Annotated[str, _text(TextForm.FIELD, "the field with the time, which is compared with the window")] = ""
    known: Annotated[tuple[str, ...], _text(TextForm.FIELD, "all fields that are documented")] = ()
    always: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields that every record has")] = ()
    snapshot: Annotated[
        bool, Meta(description="whether an export is a copy of everything at that time, without a time range")
    ] = False
    senders: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields that from: searches")] = ()
    recipients: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields that to: searches")] = ()
    parties: Annotated[tuple[str, ...], _text(TextForm.FIELD, "other fields that party: searches")] = ()
    channel: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields that channel: searches")] = ()
    status: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields that status: searches")] = ()
    lacks: Annotated[str, _text(TextForm.LINE, "which records it leaves out by design")] = ""
    closed_by: Annotated[str, _text(TextForm.WORD, "the dataset that has these records")] = ""


NO_CREATION, NO_FILE = Creation(""), FileRequest(Container.CSV)
"""What stands for [create] and [download] in a manifest without them: one with [collect]."""


class Manifest(Struct, frozen=True):
    """A whole manifest that has passed every check."""

    provider: Annotated[About, Meta(description="the provider and its API")]
    datasets: Annotated[Mapping[str, ManifestDataset], Meta(description="what can be exported")]
    create: Annotated[Creation, Meta(description="the request that creates an export")] = NO_CREATION
    download: Annotated[FileRequest, Meta(description="where the file is, and what format it has")] = NO_FILE
    collect: Annotated[
        CollectRequest | None, Meta(description="how to read records from a list where there are no exports")
    ] = None
    auth: Annotated[Auth, Meta(description="how requests authenticate")] = Auth()
    window: Annotated[RequestedWindow, Meta(description="how requests write a time range")] = RequestedWindow()
    export: Annotated[ExportObject, Meta(description="how the provider describes an export")] = ExportObject()
    observe: Annotated[ObserveRequest, Meta(description="how to check the state of one export")] = ObserveRequest()
    list: Annotated[ListRequest | None, Meta(description="how to list all exports")] = None
    renew: Annotated[RenewRequest | None, Meta(description="how to have an expired export made again")] = None
    delete: Annotated[DeleteRequest | None, Meta(description="how to delete an export")] = None
    limits: Annotated[AccountLimits, Meta(description="what the provider allows")] = AccountLimits()
    errors: Annotated[ErrorWords, Meta(description="how to read an error response")] = ErrorWords()
    account: Annotated[AccountFacts | None, Meta(description="what the account reports about itself")] = None
    filters: Annotated[Mapping[str, FilterKey], Meta(description="what a request can be limited to")] = field(
        default_factory=dict
    )

    @property
    def repeats_requests(self) -> bool:
        """Whether an export repeats its whole request, so that one's own is recognized for certain."""
        request = self.export.request
        whole = bool(request.dataset and request.lower and request.upper)
        return whole and self.filters.keys() <= request.filters.keys()

    def word(self, name: str) -> str:
        """Return the provider's word for a dataset."""
        return self.datasets[name].word or name

    def named(self, word: str) -> str:
        """Return the dataset of the provider's word for it, compared without case; empty for an unknown word."""
        folded = word.casefold()
        for name, each in self.datasets.items():
            if folded in {own.casefold() for own in (each.word or name, *each.listed_as)}:
                return name
        return ""
