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
    """[provider]: who it is."""

    label: Annotated[str, _text(TextForm.LINE, "the provider's name in messages")]
    base_url: Annotated[str, _text(TextForm.ADDRESS, "the address of its API; a source may name another")]
    documents: Annotated[tuple[str, ...], _text(TextForm.LINE, "the pages that the manifest was written from")] = ()
    tried: Annotated[bool, Meta(description="whether it was tried on a live account")] = False


class Auth(Struct, frozen=True):
    """[auth]: how a request proves who sends it. The secret itself is the source's `api_key`."""

    kind: Annotated[AuthKind, Meta(description="how the secret is sent")] = AuthKind.BEARER
    header: Annotated[str, _text(TextForm.HEADER, "the header that carries the key, with kind = header")] = ""
    token_path: Annotated[str, _text(TextForm.PATH, "where a token is requested, with kind = client-credentials")] = ""
    scope: Annotated[str, _text(TextForm.LINE, "the scope of that token")] = ""


class RequestedWindow(Struct, frozen=True):
    """[window]: how a request writes a range of time."""

    ends: Annotated[WindowEnds, Meta(description="which ends belong to the range")] = WindowEnds.UNKNOWN
    time_format: Annotated[TimeFormat, Meta(description="how an instant is written")] = TimeFormat.RFC3339
    time_zone: Annotated[str, _text(TextForm.ZONE, "the zone of dates and offsets")] = "UTC"
    precision: Annotated[Precision | None, Meta(description="the smallest step that the provider reads; a second")] = (
        None
    )

    @property
    def step(self) -> Precision:
        """The smallest step of time: a day where requests have dates, otherwise a second unless another is given."""
        return Precision.DAY if self.time_format is TimeFormat.DATE else self.precision or Precision.SECOND


class Creation(Struct, frozen=True):
    """[create]: the request that makes an export."""

    path: Annotated[str, _text(TextForm.PATH, "where it is sent; a dataset may have a path of its own")]
    method: Annotated[RequestMethod, Meta(description="how it is sent")] = RequestMethod.POST
    body: Annotated[Mapping[str, Any], Meta(description="the JSON body, with placeholders")] = _NOTHING
    query: Annotated[Mapping[str, Any], Meta(description="the query, with placeholders")] = _NOTHING
    headers: Annotated[Mapping[str, str], Meta(description="fixed headers")] = _NOTHING
    accepted: Annotated[Statuses, Meta(description="the statuses of success")] = (200, 201, 202)
    id: Annotated[Expression, _expression("the export's id in the answer")] = ""
    id_header: Annotated[str, _text(TextForm.HEADER, "the header whose last part is the id")] = ""
    id_may_lack: Annotated[bool, Meta(description="whether an answer without an id is a good one")] = False
    export: Annotated[Expression, _expression("the whole export in the answer, if it is there")] = ""
    idempotency_header: Annotated[str, _text(TextForm.HEADER, "the header that takes an idempotency key")] = ""
    original: Annotated[
        Expression, _expression("the first export in the answer to a key that was used before, a 409")
    ] = ""
    together: Annotated[bool, Meta(description="whether one export can have several datasets")] = False


class StatusWords(Struct, frozen=True):
    """[export.statuses]: the provider's words for each state, compared without case. Any other word is unknown."""

    queued: Annotated[tuple[str, ...], _text(TextForm.WORD, "it waits")] = ()
    running: Annotated[tuple[str, ...], _text(TextForm.WORD, "it is being made")] = ()
    ready: Annotated[tuple[str, ...], _text(TextForm.WORD, "it can be downloaded")] = ()
    empty: Annotated[tuple[str, ...], _text(TextForm.WORD, "it is done and has no file, as there is no record")] = ()
    unclear: Annotated[
        tuple[str, ...], _text(TextForm.WORD, "it is not available yet, or no longer: the link shows")
    ] = ()
    failed: Annotated[tuple[str, ...], _text(TextForm.WORD, "it failed")] = ()
    expired: Annotated[tuple[str, ...], _text(TextForm.WORD, "it can no longer be downloaded")] = ()


class RepeatedRequest(Struct, frozen=True):
    """[export.request]: where an export repeats what was requested, by which one's own is recognized."""

    dataset: Annotated[Expression, _expression("its dataset, or the list of them")] = ""
    missing_dataset: Annotated[str, _text(TextForm.WORD, "the dataset of an export that names none")] = ""
    lower: Annotated[Expression, _expression("the start of its range")] = ""
    upper: Annotated[Expression, _expression("the end of its range")] = ""
    filters: Annotated[Mapping[str, str], _expression("each filter")] = _NOTHING


class ExportObject(Struct, frozen=True):
    """[export]: how the provider describes an export, in its own answer and on the list."""

    id: Annotated[Expression, _expression("its id")] = "id"
    status: Annotated[Expression, _expression("its status")] = ""
    statuses: Annotated[StatusWords, Meta(description="the words for its states")] = StatusWords()
    request: Annotated[RepeatedRequest, Meta(description="what it repeats of the request")] = RepeatedRequest()
    created: Annotated[Expression, _expression("when it was requested")] = ""
    completed: Annotated[Expression, _expression("when it was done")] = ""
    expires: Annotated[Expression, _expression("when it ends")] = ""
    size: Annotated[Expression, _expression("the bytes of its file")] = ""
    rows: Annotated[Expression, _expression("the records of its file")] = ""
    detail: Annotated[Expression, _expression("why it failed")] = ""
    life: Annotated[timedelta | None, Meta(description="how long it can be downloaded, if no time is given")] = None
    life_from: Annotated[ExpiryBasis, Meta(description="from when its life counts")] = ExpiryBasis.UNKNOWN


class ObserveRequest(Struct, frozen=True):
    """[observe]: how the state of one export is read."""

    by: Annotated[ObserveBy, Meta(description="what shows the state")] = ObserveBy.GET
    path: Annotated[str, _text(TextForm.PATH, "the path of one export")] = ""
    export: Annotated[Expression, _expression("the export in the answer")] = "@"
    gone: Annotated[Statuses, Meta(description="statuses that say that it is not known")] = (404,)
    expired: Annotated[Statuses, Meta(description="statuses that say that it has expired")] = (410,)
    not_ready: Annotated[Statuses, Meta(description="with by = file: statuses before there is a file")] = (404,)


class ListRequest(Struct, frozen=True):
    """[list]: how all exports are listed."""

    path: Annotated[str, _text(TextForm.PATH, "the path of the list")]
    entries: Annotated[Expression, _expression("the entries in an answer")]
    query: Annotated[Mapping[str, Any], Meta(description="fixed parts of the query")] = _NOTHING
    paging: Annotated[Paging, Meta(description="how it leads on")] = Paging.NONE
    next: Annotated[Expression, _expression("the next cursor, or the next address")] = ""
    more: Annotated[Expression, _expression("whether there is more")] = ""
    last: Annotated[Expression, _expression("whether it is the last page")] = ""
    page_key: Annotated[str, _text(TextForm.WORD, "the query key of the cursor, page or offset")] = ""
    first_page: Annotated[int, Meta(ge=0, le=1, description="the number of the first page")] = 0
    size_key: Annotated[str, _text(TextForm.WORD, "the query key of the page size")] = ""
    size: Annotated[int, Meta(ge=1, le=10_000, description="entries on a page")] = 100
    complete: Annotated[bool, Meta(description="whether it shows every export from the first moment on")] = False


class FileRequest(Struct, frozen=True):
    """[download]: where the file is, and what it is."""

    container: Annotated[Container, Meta(description="how the file is built")]
    by: Annotated[DownloadBy, Meta(description="where the file is")] = DownloadBy.LINK
    path: Annotated[str, _text(TextForm.PATH, "the path to ask, with by = ask or file")] = ""
    link: Annotated[Expression, _expression("the link, in the export or in the answer")] = ""
    parts: Annotated[Expression, _expression("the list of files; link, size, rows and dataset are of each")] = ""
    size: Annotated[Expression, _expression("the bytes of a part")] = ""
    rows: Annotated[Expression, _expression("the records of a part")] = ""
    dataset: Annotated[Expression, _expression("the dataset of a part")] = ""
    authenticated: Annotated[bool, Meta(description="whether the link takes the key, on the API's own host alone")] = (
        False
    )
    accept: Annotated[str, _text(TextForm.LINE, "the Accept header of a download")] = ""
    companions: Annotated[tuple[str, ...], _text(TextForm.MEMBER, "other files that a ZIP always has")] = ()
    gone: Annotated[Statuses, Meta(description="with by = ask: statuses of an export that is not known")] = (404,)
    expired: Annotated[Statuses, Meta(description="with by = ask: statuses of no file, not yet or no longer")] = (410,)


class CollectRequest(Struct, frozen=True):
    """[collect]: records are collected by walking a list of them, where a provider makes no exports.

    It takes the place of [create], [export], [observe] and [download].
    """

    path: Annotated[str, _text(TextForm.PATH, "the path of the list; a dataset may have a path of its own")]
    records: Annotated[str, _expression("where the records are in an answer: names between points, @, or choices")]
    query: Annotated[
        Mapping[str, Any], Meta(description="the query; with {lower} and {upper} the list is of a range")
    ] = _NOTHING
    paging: Annotated[Paging, Meta(description="how it leads on")] = Paging.CURSOR
    next: Annotated[Expression, _expression("the next cursor, or the next address")] = ""
    more: Annotated[Expression, _expression("whether there is more")] = ""
    last: Annotated[Expression, _expression("whether it is the last page")] = ""
    page_key: Annotated[str, _text(TextForm.WORD, "the query key of the cursor, page or offset")] = ""
    first_page: Annotated[int, Meta(ge=0, le=1, description="the number of the first page")] = 0
    size_key: Annotated[str, _text(TextForm.WORD, "the query key of the page size")] = ""
    size: Annotated[int, Meta(ge=2, le=10_000, description="records on a page")] = 100
    per_minute: Annotated[int, Meta(ge=1, le=100_000, description="pages to request within a minute, at most")] = 300


class RenewRequest(Struct, frozen=True):
    """[renew]: how an expired export is made again under its own id."""

    path: Annotated[str, _text(TextForm.PATH, "the path of one export")]
    method: Annotated[RequestMethod, Meta(description="how it is sent")] = RequestMethod.POST
    accepted: Annotated[Statuses, Meta(description="the statuses of success")] = (200, 201, 202)
    still_there: Annotated[Statuses, Meta(description="statuses that say that it has not expired")] = (409,)
    gone: Annotated[Statuses, Meta(description="statuses that say that it is not known")] = (404,)
    id: Annotated[Expression, _expression("the new id, if there is one")] = ""


class DeleteRequest(Struct, frozen=True):
    """[delete]: how an export is deleted."""

    path: Annotated[str, _text(TextForm.PATH, "the path of one export")]
    method: Annotated[RequestMethod, Meta(description="how it is sent")] = RequestMethod.DELETE


class AccountLimits(Struct, frozen=True):
    """[limits]: what the provider allows."""

    concurrent: Annotated[int | None, Meta(ge=1, le=100, description="exports in progress at once")] = None
    per_hour: Annotated[int | None, Meta(ge=1, le=100_000, description="exports created within an hour")] = None
    poll_first: Annotated[timedelta, Meta(description="how soon a new export is looked at")] = timedelta(seconds=5)
    poll_longest: Annotated[timedelta, Meta(description="how rarely a slow one is looked at")] = timedelta(minutes=2)
    retention_days: Annotated[int | None, Meta(ge=1, le=36_525, description="how long records are kept")] = None


class ErrorWords(Struct, frozen=True):
    """[errors]: how a refusal is read."""

    code: Annotated[Expression, _expression("the provider's code")] = "code || error.code"
    message: Annotated[Expression, _expression("its words")] = "message || error.message"
    quota: Annotated[tuple[str, ...], _text(TextForm.WORD, "codes of a limit that is used up")] = ()
    key_refused: Annotated[tuple[str, ...], _text(TextForm.WORD, "codes of a key that is refused")] = ()
    retry_after: Annotated[Expression, _expression("the seconds to wait, in the body")] = ""
    retry_after_header: Annotated[str, _text(TextForm.HEADER, "another header with the seconds to wait")] = ""


class AccountFacts(Struct, frozen=True):
    """[account]: what the account itself tells."""

    path: Annotated[str, _text(TextForm.PATH, "where its plan can be read")]
    retention_days: Annotated[Expression, _expression("how many days records are kept")]


class FilterKey(Struct, frozen=True):
    """[filters.NAME]: one filter of a request."""

    key: Annotated[str, _text(TextForm.WORD, "its key in the body, or in the query of a GET; its name by default")] = ""
    datasets: Annotated[tuple[str, ...], _text(TextForm.WORD, "the datasets that take it; all by default")] = ()
    values: Annotated[tuple[str, ...], _text(TextForm.WORD, "the values that it takes; any by default")] = ()
    form: Annotated[FilterForm, Meta(description="how its value is written")] = FilterForm.TEXT
    prefix: Annotated[str, _text(TextForm.WORD, "with form = uuid: what stands before it in a request")] = ""
    replaces_window: Annotated[bool, Meta(description="whether it takes the place of the range")] = False


class ManifestDataset(Struct, frozen=True):
    """[datasets.NAME]: one dataset, and what is known of its records."""

    word: Annotated[str, _text(TextForm.WORD, "the provider's word for it; its name by default")] = ""
    listed_as: Annotated[tuple[str, ...], _text(TextForm.WORD, "other words for it on the list")] = ()
    path: Annotated[str, _text(TextForm.PATH, "where it is requested; [create] says so otherwise")] = ""
    member: Annotated[str, _text(TextForm.MEMBER, "its file in a ZIP")] = ""
    id: Annotated[str, _text(TextForm.FIELD, "the field that names a record")] = ""
    time: Annotated[str, _text(TextForm.FIELD, "the field that the window is compared with")] = ""
    known: Annotated[tuple[str, ...], _text(TextForm.FIELD, "all fields that are documented")] = ()
    always: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields that are always there")] = ()
    snapshot: Annotated[bool, Meta(description="whether an export copies all there is, without a range")] = False
    senders: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields searched as senders")] = ()
    recipients: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields searched as recipients")] = ()
    parties: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields searched as other parties")] = ()
    channel: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields searched as the channel")] = ()
    status: Annotated[tuple[str, ...], _text(TextForm.FIELD, "fields searched as the status")] = ()
    lacks: Annotated[str, _text(TextForm.LINE, "what it leaves out")] = ""
    closed_by: Annotated[str, _text(TextForm.WORD, "the dataset that has what it leaves out")] = ""


NO_CREATION, NO_FILE = Creation(""), FileRequest(Container.CSV)
"""What stands for [create] and [download] in a manifest without them: one with [collect]."""


class Manifest(Struct, frozen=True):
    """A whole manifest that has passed every check."""

    provider: Annotated[About, Meta(description="who it is")]
    datasets: Annotated[Mapping[str, ManifestDataset], Meta(description="what can be exported")]
    create: Annotated[Creation, Meta(description="the request that makes an export")] = NO_CREATION
    download: Annotated[FileRequest, Meta(description="where the file is, and what it is")] = NO_FILE
    collect: Annotated[
        CollectRequest | None, Meta(description="how records are collected where there are no exports")
    ] = None
    auth: Annotated[Auth, Meta(description="how a request proves who sends it")] = Auth()
    window: Annotated[RequestedWindow, Meta(description="how a range of time is written")] = RequestedWindow()
    export: Annotated[ExportObject, Meta(description="how an export is described")] = ExportObject()
    observe: Annotated[ObserveRequest, Meta(description="how its state is read")] = ObserveRequest()
    list: Annotated[ListRequest | None, Meta(description="how all exports are listed")] = None
    renew: Annotated[RenewRequest | None, Meta(description="how an expired export is made again")] = None
    delete: Annotated[DeleteRequest | None, Meta(description="how an export is deleted")] = None
    limits: Annotated[AccountLimits, Meta(description="what the provider allows")] = AccountLimits()
    errors: Annotated[ErrorWords, Meta(description="how a refusal is read")] = ErrorWords()
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
