"""The simulated HookBridge API: exports and the billing plan as documented, the rest as `HookBridgeOptions` say."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from strongroom.model.times import Chance, format_instant, require_utc
from strongroom_sandbox.api import Faults, ProviderApi, Refused, Services, minute_window, read_instant
from strongroom_sandbox.csv_files import CsvContent, CsvStore
from strongroom_sandbox.faults import FILES, TRANSFERS, FaultKind, InjectedFault, first, only
from strongroom_sandbox.hookbridge_records import (
    DIRECTIONS,
    INBOUND,
    MESSAGE_STATUSES,
    OUTBOUND,
    columns_of,
    endpoints_of,
    pool_of,
)
from strongroom_sandbox.jobs import Phase, QuotaReading, QuotaRefused, SandboxJob, shuffled
from strongroom_sandbox.options import DirectionShown, Download, HookBridgeOptions, LocationStyle, Unwanted
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.records import RowOptions, RowSource, SandboxRow, SlotSpan, keep, micros
from strongroom_sandbox.storage import FileBuilder
from strongroom_sandbox.transfer import serve_file

REDIRECTED = "/v1/downloads"
"""Where relative locations lead on the API's own origin."""

_ERRORS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("INVALID_REQUEST", "The request is not valid"),
        401: ("UNAUTHORIZED", "Invalid or missing API key"),
        403: ("FORBIDDEN", "Your plan or key does not allow this"),
        404: ("NOT_FOUND", "not found"),
        405: ("INVALID_REQUEST", "The method is not allowed here"),
        409: ("CONFLICT", "The resource is in another state"),
        410: ("GONE", "The export has expired"),
        429: ("RATE_LIMITED", "Too many failed authentication attempts"),
    }
)


class HookBridgeOrder(Struct, frozen=True):
    """What a creation asks for; empty for a filter that was left out."""

    start: datetime
    end: datetime
    direction: str = OUTBOUND
    status: str = ""
    endpoint_id: str = ""  # as it was sent: ep_ and hexadecimal digits, or a UUID
    inbound_endpoint_id: str = ""


Job = SandboxJob[HookBridgeOrder]


class Envelope:
    """Wraps answers: data or error, and meta with a request id of its own."""

    def __init__(self, random_bytes: Chance) -> None:
        self._random_bytes = random_bytes

    def data(self, data: Any, status: int = 200, **meta: Any) -> JSONResponse:
        """Return a success."""
        return JSONResponse({"data": data, "meta": {"request_id": self._request_id(), **meta}}, status)

    def error(self, status: int, code: str = "", message: str = "", details: Any = None) -> JSONResponse:
        """Return an error; an empty code or message means the usual one for the status."""
        usual_code, usual_message = _ERRORS.get(status, ("INTERNAL_ERROR", "Something went wrong"))
        error = {"code": code or usual_code, "message": message or usual_message}
        wrapped = error if details is None else {**error, "details": details}
        return JSONResponse({"error": wrapped, "meta": {"request_id": self._request_id()}}, status)

    def _request_id(self) -> str:
        return f"req_{self._random_bytes(8).hex()}"


class HookBridgeApi(ProviderApi[HookBridgeOrder]):
    """One HookBridge project with one API key."""

    provider = ProviderName.HOOKBRIDGE
    file_path = "/hookbridge/{}.csv"

    def __init__(self, options: HookBridgeOptions, data: RowOptions, api_key: str, services: Services) -> None:
        chance = services.random_bytes
        self._envelope = Envelope(chance)
        super().__init__(
            options, services, self._envelope.error, lambda _number: str(uuid.UUID(bytes=chance(16), version=4))
        )
        self._options = options
        self._data = data
        self._expected = f"Bearer {api_key}".encode()
        self._failures = minute_window(options.failed_authentications)
        self._source = RowSource(data, lambda direction: pool_of(data.seed, direction, data.canary))
        layouts = {name: columns_of(name, with_payload=options.with_payload) for name in DIRECTIONS}
        store = CsvStore(services.folder / "hookbridge", options.csv, layouts, self._rows)
        self.builder = FileBuilder(store, self._content)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The ids of the outbound endpoints, as requests spell them."""
        return tuple(f"ep_{endpoint.replace('-', '')}" for endpoint in endpoints_of(self._data.seed, OUTBOUND))

    @property
    def inbound_endpoints(self) -> tuple[str, ...]:
        """The ids of the inbound endpoints."""
        return endpoints_of(self._data.seed, INBOUND)

    def add_foreign_job(
        self,
        start: datetime,
        end: datetime,
        direction: str = OUTBOUND,
        *,
        created_at: datetime | None = None,
        faults: Iterable[InjectedFault] = (),
        **filters: str,
    ) -> str:
        """Create an export as another client of the same project would, and return its id.

        It counts against the quotas but is never refused; `faults` are of the kinds that change jobs and files, and
        `filters` are fields of the order. Raises ValueError for an unknown direction or a time without a zone.
        """
        if direction not in DIRECTIONS:
            raise ValueError(f"directions are {', '.join(DIRECTIONS)}, got {direction}")
        order = HookBridgeOrder(require_utc(start), require_utc(end), direction, **filters)
        return self._jobs.create_foreign(order, created_at, faults).id

    def routes(self) -> list[Route]:
        """Return what the API serves."""
        download = Operation.DOWNLOAD if self._options.download is Download.DIRECT else Operation.LINK
        return [
            self._route("POST", "/v1/exports", Operation.CREATE, self._create),
            self._route("GET", "/v1/exports", Operation.LIST, self._list),
            self._route("GET", "/v1/exports/{job_id}", Operation.GET, self._get),
            self._route("DELETE", "/v1/exports/{job_id}", Operation.DELETE, self._delete),
            self._route("GET", "/v1/exports/{job_id}/download", download, self._download),
            Route(REDIRECTED + "/{path:path}", self._redirected, methods=["GET"]),
            self._route("GET", "/v1/billing/subscription", Operation.PLAN, self._plan),
        ]

    def admit(self, request: Request, operation: Operation, readings: list[QuotaReading]) -> None:  # noqa: ARG002
        """Check the key; raises Refused."""
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._expected):
            raise Refused(401 if self._failures.count(self._clock()).allowed else 429)

    def refuse_quota(self, refusal: QuotaRefused, wait: int | None) -> Refused:
        """Return the refusal of a creation."""
        message = "An export is already in progress. Please wait for it to complete."
        if self._options.max_concurrent != 1 or "hour" in str(refusal):
            message = str(refusal)
        return Refused(429, message, "EXPORT_LIMIT_EXCEEDED", retry_after=wait if self._options.limit_hint else None)

    def read_order(self, body: Any) -> HookBridgeOrder:
        """Read the body of a creation. Raises Refused."""
        if not isinstance(body, dict):
            raise Refused(400, "the body must be a JSON object")
        form = "an RFC 3339 time, as in 2025-12-01T00:00:00Z"
        start, end = (read_instant(body.get(name), name, form) for name in ("start_time", "end_time"))
        if end <= start:
            raise Refused(400, "end_time must be after start_time")
        if self._options.max_window is not None and end - start > self._options.max_window:
            raise Refused(400, "the time range is too long")
        direction = _read_word(body, "direction", DIRECTIONS) or OUTBOUND
        status = _read_word(body, "status", MESSAGE_STATUSES)
        endpoint = self._read_endpoint(body, "endpoint_id", direction, OUTBOUND)
        inbound = self._read_endpoint(body, "inbound_endpoint_id", direction, INBOUND)
        return HookBridgeOrder(start, end, direction, status, endpoint, inbound)

    def _read_endpoint(self, body: dict[str, Any], name: str, direction: str, side: str) -> str:
        value = body.get(name)
        if value is None or value == "":
            return ""
        if side != direction:
            if self._options.misplaced_filter is Unwanted.ACCEPT:
                return ""
            raise Refused(400, f"{name} is only for direction={side}")
        try:
            known = isinstance(value, str) and bare(value) in endpoints_of(self._data.seed, side)
        except ValueError:
            raise Refused(400, f"{name} is not a valid id") from None
        if not known:
            raise Refused(400, "endpoint not found", "ENDPOINT_NOT_FOUND")
        return str(value)

    async def _create(self, request: Request, faults: Faults) -> Response:
        job = self._jobs.create(self.read_order(request.state.entry.json), faults)
        shown = await self._show(job, at_creation=True)
        return self._envelope.data(shown, self._options.create_status)

    async def _get(self, request: Request, _faults: Faults) -> Response:
        return self._envelope.data(await self._show(self._find(request)))

    async def _delete(self, request: Request, _faults: Faults) -> Response:
        job = self._find(request)
        self._jobs.remove(job)
        status = self._options.delete_status
        return Response(status_code=204) if status == 204 else self._envelope.data({"id": job.id}, status)

    async def _list(self, request: Request, faults: Faults) -> Response:
        number = request.state.entry.number
        jobs = shuffled(self._jobs.listed()[: self._options.list_length], faults, number)
        cursor = request.query_params.get("cursor")
        page, meta = self._page(jobs, cursor)
        if first(faults, FaultKind.EMPTY_PAGE) and cursor is None:
            page, meta = [], {"has_more": True, "next_cursor": "begin"}
        if first(faults, FaultKind.ENDLESS_LIST) and not meta.get("has_more"):
            page = [] if (cursor or "").startswith("more-") else page
            meta = {"has_more": True, "next_cursor": f"more-{number}"}
        shown = [await self._show(job) for job in page]
        now = self._clock()
        self._grow(faults, HookBridgeOrder(now - timedelta(days=2), now - timedelta(days=1)))
        return self._envelope.data(shown, **meta)

    def _page(self, jobs: list[Job], cursor: str | None) -> tuple[list[Job], dict[str, Any]]:
        length = self._options.page_length
        if length is None:
            return jobs, {}
        places = [job.id for job in jobs]
        start = places.index(cursor) + 1 if cursor in places else 0
        page = jobs[start : start + length]
        more = start + length < len(jobs)
        return page, {"has_more": more, "next_cursor": page[-1].id if more else None}

    async def _plan(self, _request: Request, _faults: Faults) -> Response:
        return self._envelope.data(
            {
                "plan": self._options.plan,
                "status": "active",
                "limits": {"messages_per_month": 25_000, "retention_days": self._options.retention_days},
                "usage": {"messages": 4_210, "exports": len(self.jobs)},
            }
        )

    async def _download(self, request: Request, faults: Faults) -> Response:
        job = self._find(request)
        phase = await self._built_phase(job)
        if phase is Phase.EXPIRED:
            raise Refused(410)
        if phase is not Phase.COMPLETED:
            raise Refused(self._options.not_ready_status, code=self._options.not_ready_code)
        redirect = first(faults, FaultKind.REDIRECT)
        if redirect is not None or self._options.download is Download.REDIRECT:
            where = self._location(job, redirect)
            return Response(status_code=self._options.redirect_status, headers={"Location": where})
        file = await self.builder.opener(job)(only(faults, FILES))
        if file is None:
            raise Refused(404)
        return serve_file(request, file, only(faults, TRANSFERS), self._options.transfer)

    async def _redirected(self, request: Request) -> Response:
        """Redirect from the API's own origin to the storage host; what a relative Location points to."""
        request.state.entry.operation = Operation.LINK
        target = f"{self._storage.url}/{request.path_params['path']}?{request.url.query}"
        return RedirectResponse(target, self._options.redirect_status)

    def _location(self, job: Job, redirect: InjectedFault | None) -> str:
        url, style = self._link(job, redirect), self._options.location
        if redirect is not None:
            return url
        if style is LocationStyle.SCHEME_RELATIVE:
            return url.partition(":")[2]
        return REDIRECTED + url.removeprefix(self._storage.url) if style is LocationStyle.PATH else url

    async def _show(self, job: Job, *, at_creation: bool = False) -> dict[str, Any]:
        """Return the ExportRecord; what is not there (yet) is absent, or null where the options say so."""
        order, options, phase = job.order, self._options, await self._built_phase(job)
        directed = options.direction_shown is DirectionShown.ALWAYS
        directed |= options.direction_shown is DirectionShown.AFTER_CREATE and not at_creation
        made = phase in (Phase.COMPLETED, Phase.EXPIRED)
        file = job.file if options.sizes_given and made else None
        endpoint = bare(order.endpoint_id) if order.endpoint_id and options.bare_endpoint_ids else order.endpoint_id
        optional = {
            "filter_status": order.status or None,
            "filter_endpoint_id": endpoint or None,
            "filter_inbound_endpoint_id": order.inbound_endpoint_id or None,
            "direction": order.direction if directed else None,
            "row_count": file.records + job.count_error + options.count_header if file else None,
            "file_size_bytes": file.size + job.size_error if file else None,
            "error_message": job.failure if phase is Phase.FAILED else None,
            "started_at": self._instant(job.started_at) if phase is not Phase.PENDING else None,
            "completed_at": self._instant(job.ready_at) if (made or phase is Phase.FAILED) and job.ready_at else None,
            "expires_at": self._instant(job.expires_at) if made else None,
        }
        return {
            "id": job.id,
            "project_id": "proj_sandbox",
            "status": str(phase),
            "filter_start_time": self._instant(order.start),
            "filter_end_time": self._instant(order.end),
            **{name: value for name, value in optional.items() if value is not None or options.null_fields},
            "created_at": self._instant(job.created_at),
        }

    def _instant(self, instant: datetime) -> str:
        """Write an instant as the examples do: in UTC, fractions only where there are any."""
        if self._options.echo_millis:
            return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return format_instant(instant)

    def _content(self, job: Job) -> CsvContent:
        order, options = job.order, self._options
        kept = timedelta(days=options.retention_days) if options.rows_for is None else options.rows_for
        span = SlotSpan.between(order.start, order.end, options.bounds)
        wanted = {
            "status": order.status,
            "endpoint_id": bare(order.endpoint_id) if order.endpoint_id else "",
            "inbound_endpoint_id": bare(order.inbound_endpoint_id) if order.inbound_endpoint_id else "",
        }
        return CsvContent(
            job=job.id,
            layout=order.direction,
            span=span.since(micros(job.created_at - kept)).until(micros(job.created_at)),
            made_at=job.ready_at or job.created_at,
            wanted=tuple((name, frozenset({value})) for name, value in wanted.items() if value),
            faults=job.file_faults,
        )

    def _rows(self, content: CsvContent) -> Iterator[SandboxRow]:
        return keep(self._source.rows(content.layout, content.span, micros(content.made_at)), content.wanted)


def bare(endpoint: str) -> str:
    """Return an endpoint's id as a bare UUID, however it was written; raise ValueError when it is none."""
    return str(uuid.UUID(endpoint.removeprefix("ep_")))


def _read_word(body: dict[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = body.get(name, "")
    if value and (not isinstance(value, str) or value not in words):
        raise Refused(400, f"{name} must be one of {', '.join(words)}")
    return str(value)
