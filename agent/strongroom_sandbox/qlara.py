"""The simulated Qlara API: exports and the message history as documented, the rest as `QlaraOptions` say."""

from __future__ import annotations

import base64
import heapq
import hmac
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.model.times import require_utc
from strongroom_sandbox.api import Faults, ProviderApi, Refused, Services, minute_window
from strongroom_sandbox.csv_files import CsvContent, CsvStore
from strongroom_sandbox.faults import FaultKind, InjectedFault, first
from strongroom_sandbox.jobs import FixedWindow, Phase, QuotaReading, QuotaRefused, shuffled
from strongroom_sandbox.options import LinkRenewal, QlaraOptions
from strongroom_sandbox.qlara_answers import (
    Job,
    QlaraOrder,
    is_available,
    qlara_error,
    read_order,
    read_page,
    read_search,
    write_acceptance,
    write_entry,
    write_link,
    write_list,
    write_message,
)
from strongroom_sandbox.qlara_records import (
    API,
    CAMPAIGN,
    LAYOUTS,
    LISTS,
    PREFIX,
    SOURCES,
    QlaraJobKind,
    campaigns_of,
    contacts_at,
    in_lists,
    pool_of,
)
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.records import RowOptions, RowSource, SandboxRow, SlotSpan, Wanted, keep, micros
from strongroom_sandbox.settings import QLARA_PATH
from strongroom_sandbox.storage import FileBuilder

_EXPORTS = f"{QLARA_PATH}/exports"
_FIRST_NUMBER = 48_210


class QlaraApi(ProviderApi[QlaraOrder]):
    """One Qlara account with a key, and a user whose password opens it as well."""

    provider = ProviderName.QLARA
    file_path = "/qlara/{}.csv"

    def __init__(
        self, options: QlaraOptions, data: RowOptions, api_key: str, login: tuple[str, str], services: Services
    ) -> None:
        def new_id(number: int) -> str:
            if options.numeric_ids:
                return str(_FIRST_NUMBER + number)
            return str(uuid.UUID(bytes=services.random_bytes(16), version=4))

        rates = (
            minute_window(options.requests_per_minute),
            FixedWindow(options.requests_per_second, timedelta(seconds=1)),
        )
        super().__init__(options, services, qlara_error, new_id, rates)
        self._options = options
        self._data = data
        self._key = api_key.encode()
        self._basic = b"Basic " + base64.b64encode(":".join(login).encode())
        self._source = RowSource(data, lambda source: pool_of(data.seed, source, data.canary))
        self.builder = FileBuilder(CsvStore(services.folder / "qlara", options.csv, LAYOUTS, self._rows), self._content)

    @property
    def campaigns(self) -> tuple[str, ...]:
        """The ids of the account's campaigns."""
        return campaigns_of(self._data.seed)

    @property
    def lists(self) -> tuple[str, ...]:
        """The ids of the account's contact lists."""
        return LISTS

    def add_foreign_job(
        self,
        kind: QlaraJobKind | str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        campaign: str = "",
        list_ids: Iterable[str] = (),
        created_at: datetime | None = None,
        faults: Iterable[InjectedFault] = (),
    ) -> str:
        """Create an export as another client of the same account would, and return its id.

        `faults` are of the kinds that change jobs and files. Raises ValueError for an unknown kind or a time without
        a zone.
        """
        start, end = (bound if bound is None else require_utc(bound) for bound in (start, end))
        order = QlaraOrder(QlaraJobKind(kind), start, end, campaign=campaign, list_ids=tuple(list_ids))
        return self._jobs.create_foreign(order, created_at, faults).id

    def routes(self) -> list[Route]:
        """Return what the API serves."""
        creates = (
            (f"{_EXPORTS}/contacts", QlaraJobKind.CONTACTS),
            (f"{_EXPORTS}/delivery-reports", QlaraJobKind.DELIVERY_REPORTS),
            (f"{QLARA_PATH}/messages/history/export", QlaraJobKind.MESSAGE_HISTORY),
        )
        return [
            *(self._route("POST", path, Operation.CREATE, partial(self._create, kind)) for path, kind in creates),
            self._route("GET", f"{QLARA_PATH}/messages/history", Operation.BROWSE, self._browse),
            self._route("GET", _EXPORTS, Operation.LIST, self._list),
            self._route("GET", _EXPORTS + "/{job_id}", Operation.LINK, self._show_link),
            self._route("POST", _EXPORTS + "/{job_id}", Operation.RENEW, self._renew),
        ]

    def read_order(self, body: Any) -> QlaraOrder:
        """Read the body of a creation that also names its kind. Raises Refused and KeyError."""
        return read_order(QlaraJobKind(body["kind"]), body, self._options, self.campaigns)

    def admit(self, request: Request, operation: Operation, readings: list[QuotaReading]) -> None:
        """Check address, credential, permission and rates; raises Refused."""
        address = request.client.host if request.client else ""
        allowed = self._options.allowed_ips
        if allowed is not None and address not in allowed:
            raise Refused(403, "Address not allowed")
        key = request.headers.get("x-api-key", "").encode()
        basic = request.headers.get("authorization", "").encode()
        if not (hmac.compare_digest(key, self._key) or hmac.compare_digest(basic, self._basic)):
            raise Refused(401)
        if operation in self._options.forbidden:
            raise Refused(403, "The API key has no permission for this")
        if full := [reading for reading in readings if not reading.allowed]:
            now = self._clock()
            raise self._too_many(max(reading.wait(now) for reading in full))

    def refuse_quota(self, refusal: QuotaRefused, wait: int | None) -> Refused:
        """Return the refusal of a creation."""
        return self._too_many(wait, str(refusal))

    def _too_many(self, wait: int | None, message: str = "") -> Refused:
        details = None if wait is None else {"retryAfter": wait}
        header = wait if self._options.retry_after_header else None
        return Refused(429, message, details=details, retry_after=header)

    async def _create(self, kind: QlaraJobKind, request: Request, faults: Faults) -> Response:
        order = read_order(kind, request.state.entry.json, self._options, self.campaigns)
        return write_acceptance(self._jobs.create(order, faults), self._options, _EXPORTS)

    async def _list(self, request: Request, faults: Faults) -> Response:
        page, limit = read_page(request.query_params, default=10, most=self._options.page_max)
        seen_at = self._clock() - self._options.list_lag
        known = [job for job in self._jobs.listed() if job.created_at <= seen_at]
        jobs = shuffled(known, faults, request.state.entry.number)
        late = limit if first(faults, FaultKind.EMPTY_PAGE) else 0  # how far entries are moved back
        shown = jobs[max(0, page * limit - late) : max(0, (page + 1) * limit - late)]
        entries = [await self._entry(job, seen_at) for job in shown]
        self._grow(faults, QlaraOrder(QlaraJobKind.CONTACTS))
        more = limit * (page + 2) if first(faults, FaultKind.ENDLESS_LIST) else 0
        return write_list(entries, page, limit, max(len(jobs) + late, more), self._options)

    async def _show_link(self, request: Request, faults: Faults) -> Response:
        job = self._find(request, "Export not found")
        if job.phase(self._clock()) is Phase.EXPIRED:
            raise Refused(400, "The export has expired and is no longer available for download")
        if not is_available(job, self._clock(), self._options) or await self.builder.file_of(job) is None:
            raise Refused(self._options.early_status, "The export is not ready")
        return write_link(self._link(job, first(faults, FaultKind.REDIRECT)), self._options)

    async def _renew(self, request: Request, faults: Faults) -> Response:
        job = self._find(request, "Export not found")
        phase = job.phase(self._clock())
        if phase is Phase.COMPLETED:
            raise Refused(400, "The export is still available and has not expired yet")
        if phase is not Phase.EXPIRED:
            raise Refused(self._options.early_renewal_status, "The export has not expired")
        if self._options.renewal is LinkRenewal.NEW_ENTRY:
            job = self._jobs.create(job.order, faults)
        else:
            self._jobs.renew(job, faults)
        return write_acceptance(job, self._options, _EXPORTS)

    async def _browse(self, request: Request, _faults: Faults) -> Response:
        search = read_search(request.query_params, self._options.page_max)
        now, names = self._clock(), {"channel": search.channel, "status": search.status}
        wanted = tuple((name, frozenset({value})) for name, value in names.items() if value)
        # Like the history's file, browsing shows the messages that were sent through the API.
        rows = keep(self._source.rows(API, SlotSpan.between(search.start, min(search.end, now)), micros(now)), wanted)
        page = islice(rows, search.page * search.limit, (search.page + 1) * search.limit)
        messages = [write_message(row, self._options.csv.zone) for row in page]
        return JSONResponse({"messages": messages} if self._options.history_object else messages)

    async def _entry(self, job: Job, seen_at: datetime) -> dict[str, Any]:
        """Return the entry; an export whose file takes too long to build is shown as it was before it was ready."""
        due = job.phase(seen_at) is Phase.COMPLETED
        if due and job.ready_at is not None and await self.builder.file_of(job) is None:
            seen_at = job.ready_at - timedelta(microseconds=1)
        return write_entry(job, seen_at, self._options)

    def _content(self, job: Job) -> CsvContent:
        order, alone = job.order, self._options.renews_link_alone
        asked_at = job.created_at if alone else job.asked_at
        oldest = asked_at - self._options.retention
        span = SlotSpan.between(order.start or oldest, order.end or asked_at, self._options.bounds)
        return CsvContent(
            job=job.id,
            layout=str(order.kind),
            span=span.since(micros(oldest)).until(micros(asked_at)),
            made_at=asked_at + timedelta(seconds=1) if alone else job.ready_at or asked_at,
            wanted=_filters(order),
            faults=job.file_faults,
        )

    def _rows(self, content: CsvContent) -> Iterator[SandboxRow]:
        made_at, kind = micros(content.made_at), QlaraJobKind(content.layout)
        if kind is QlaraJobKind.CONTACTS:
            return _chosen(contacts_at(made_at, self._data), dict(content.wanted))
        sources = SOURCES if kind is QlaraJobKind.DELIVERY_REPORTS else (API,)
        if any(name == "campaignId" for name, _ in content.wanted):
            sources = (CAMPAIGN,)
        rows = [self._source.rows(source, content.span, made_at) for source in sources]
        merged = heapq.merge(*rows, key=lambda row: row.moment, reverse=self._data.newest_first)
        return keep(merged, content.wanted)


def _chosen(rows: Iterator[SandboxRow], wanted: dict[str, frozenset[str]]) -> Iterator[SandboxRow]:
    lists, contacts = wanted.get("listIds"), wanted.get("contactIds")
    for row in rows:
        if (lists is None or in_lists(row, lists)) and (contacts is None or row.serial(PREFIX) in contacts):
            yield row


def _filters(order: QlaraOrder) -> Wanted:
    given = {
        "campaignId": (order.campaign,),
        "listIds": order.list_ids,
        "contactIds": order.contact_ids,
        "sender": (order.sender,),
        "destination": (order.recipient,),
        "channel": (order.channel,),
        "status": (order.status,),
    }
    return tuple((name, frozenset(values)) for name, values in given.items() if any(values))
