"""The simulated Zavu API: exports and the list of messages as documented, the rest as `ZavuOptions` say."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.model.times import require_utc
from strongroom_sandbox.api import Faults, ProviderApi, Refused, Services, minute_window, read_instant
from strongroom_sandbox.faults import FaultKind, InjectedFault, first
from strongroom_sandbox.jobs import Phase, QuotaReading, QuotaRefused, SandboxJob, list_key, shuffled
from strongroom_sandbox.options import ExpiredLook, Unwanted, ZavuOptions
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.storage import FileBuilder
from strongroom_sandbox.zavu_messages import MessageList
from strongroom_sandbox.zavu_records import DATASETS, DataOptions, RecordSource
from strongroom_sandbox.zip_files import ZipContent, ZipStore

STATUSES = (Phase.PENDING, Phase.PROCESSING, Phase.COMPLETED, Phase.FAILED)
"""The documented ones: there is none for an expired export, which stays completed."""

_FAR = 10**18  # a time before or after every export
_ERRORS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("invalid_request", "The request is not valid"),
        401: ("unauthorized", "The API key is missing or not valid"),
        402: ("payment_required", "The account has an open balance"),
        403: ("forbidden", "This API key may not do that"),
        404: ("not_found", "There is nothing here"),
        405: ("invalid_request", "The method is not allowed here"),
        409: ("conflict", "The resource is in another state"),
        410: ("not_found", "This is no longer offered"),
        429: ("rate_limited", "Too many requests"),
        501: ("internal_error", "This is not implemented"),
    }
)


class ZavuOrder(Struct, frozen=True):
    """What a creation asks for; None for a bound that was left out."""

    data_types: tuple[str, ...]
    date_from: datetime | None = None  # included
    date_to: datetime | None = None  # included


Job = SandboxJob[ZavuOrder]


class ZavuApi(ProviderApi[ZavuOrder]):
    """One Zavu project with one API key."""

    provider = ProviderName.ZAVU
    file_path = "/exports/{}.zip"

    def __init__(self, options: ZavuOptions, data: DataOptions, api_key: str, services: Services) -> None:
        super().__init__(
            options,
            services,
            zavu_error,
            lambda _number: f"exp_{services.random_bytes(6).hex()}",
            (minute_window(options.requests_per_minute),),
        )
        self._options = options
        self._expected = f"Bearer {api_key}".encode()
        self._keys: dict[str, str] = {}  # the export of each idempotency key
        source = RecordSource(data)
        self._messages = MessageList(source, options.retention)
        store = ZipStore(services.folder / "zavu", source, options.zip_style)
        self.builder = FileBuilder(store, self._content)

    def add_foreign_job(
        self,
        data_types: Iterable[str],
        date_from: datetime | None = None,
        date_to: datetime | None = None,
        *,
        created_at: datetime | None = None,
        faults: Iterable[InjectedFault] = (),
    ) -> str:
        """Create an export as another client of the same project would, and return its id.

        It counts against the quotas but is never refused; `faults` are of the kinds that change jobs and files.
        Raises ValueError for an unknown data type or a time without a zone.
        """
        wanted = tuple(data_types)
        if not wanted or not set(wanted) <= set(DATASETS):
            raise ValueError(f"data types are {', '.join(DATASETS)}, got {wanted}")
        bounds = [bound if bound is None else require_utc(bound) for bound in (date_from, date_to)]
        return self._jobs.create_foreign(ZavuOrder(wanted, *bounds), created_at, faults).id

    def routes(self) -> list[Route]:
        """Return what the API serves."""
        return [
            self._route("POST", "/v1/exports", Operation.CREATE, self._create),
            self._route("GET", "/v1/exports", Operation.LIST, self._list),
            self._route("GET", "/v1/exports/{job_id}", Operation.GET, self._get),
            self._route("GET", "/v1/messages", Operation.BROWSE, self._browse),
        ]

    def shown_phase(self, phase: Phase) -> Phase:
        """Return the documented status of a phase."""
        return Phase.COMPLETED if phase is Phase.EXPIRED else phase

    def admit(self, request: Request, operation: Operation, readings: list[QuotaReading]) -> None:  # noqa: ARG002
        """Check the key, then the rate; raises Refused."""
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._expected):
            raise Refused(401)
        if not readings[0].allowed:
            raise _too_many(429, readings[0].wait(self._clock()))

    def refuse_quota(self, refusal: QuotaRefused, wait: int | None) -> Refused:
        """Return the refusal of a creation."""
        options = self._options
        hint = wait if options.quota_hints else None
        return _too_many(options.quota_status, hint, str(refusal), options.quota_code)

    def rate_headers(self, readings: list[QuotaReading]) -> dict[str, str]:
        """Return what every answer says about the rate."""
        reset = str(int(readings[0].reset_at.timestamp() * 1000))
        return super().rate_headers(readings) | {"X-RateLimit-Reset": reset}

    def read_order(self, body: Any) -> ZavuOrder:
        """Read a CreateExportRequest. Raises Refused."""
        if not isinstance(body, dict):
            raise _invalid("The body must be a JSON object", "body")
        data_types = _read_types(body.get("dataTypes"), self._options)
        start, end = (_read_bound(body, name) for name in ("dateFrom", "dateTo"))
        if start and end and start > end and self._options.reversed_window is Unwanted.REFUSE:
            raise _invalid("dateFrom must not be after dateTo", "dateFrom")
        return ZavuOrder(data_types, start, end)

    async def _create(self, request: Request, faults: Faults) -> Response:
        order, key = self.read_order(request.state.entry.json), request.headers.get("idempotency-key", "")
        original = self._jobs.find(self._keys.get(key, "")) if self._options.takes_keys else None
        if original is not None:
            error = {"code": "conflict", "message": "This idempotency key was used before"}
            return JSONResponse(error | {"export": await self._show(original)}, 409)
        job = self._jobs.create(order, faults)
        if key:
            self._keys[key] = job.id
        return JSONResponse({"export": await self._show(job)}, 202)

    async def _get(self, request: Request, _faults: Faults) -> Response:
        return JSONResponse({"export": await self._show(self._find(request, "Export not found"))})

    async def _list(self, request: Request, faults: Faults) -> Response:
        status, limit, after = read_page(request.query_params, self._options)
        number = request.state.entry.number
        if leads_on := self._leads_on(faults, after, number):
            return JSONResponse({"items": [], "nextCursor": leads_on})
        now = self._clock()
        jobs = [job for job in self._jobs.listed() if status in (None, self.shown_phase(job.phase(now)))]
        if after is not None:
            jobs = [job for job in jobs if self._follows(position_of(job), after)]
        page = jobs[:limit]
        cursor = encode_cursor(*position_of(page[-1])) if len(jobs) > limit else None
        if first(faults, FaultKind.ENDLESS_LIST) and cursor is None:
            cursor = self._behind_all(number)
        shown = [await self._show(job) for job in shuffled(page, faults, number)]
        self._grow(faults, ZavuOrder(("activities",)))
        return JSONResponse({"items": shown, "nextCursor": cursor})

    async def _browse(self, request: Request, _faults: Faults) -> Response:
        _status, limit, _after = read_page({"limit": request.query_params.get("limit", "50")}, self._options)
        try:
            body = self._messages.page(request.query_params, limit, self._clock())
        except ValueError:
            raise _invalid("cursor is not one that this API gave out", "cursor") from None
        return Response(body, media_type="application/json")

    def _leads_on(self, faults: Faults, after: tuple[int, int] | None, number: int) -> str:
        """Return the cursor of an empty page, or nothing where the page is as it should be."""
        if first(faults, FaultKind.EMPTY_PAGE) and after is None:
            return encode_cursor(_FAR if self._options.newest_first else 0, 0)
        endless = first(faults, FaultKind.ENDLESS_LIST) and after is not None
        behind = after is not None and not any(self._follows(position_of(job), after) for job in self._jobs.listed())
        return self._behind_all(number) if endless and behind else ""

    def _behind_all(self, number: int) -> str:
        return encode_cursor(0 if self._options.newest_first else _FAR, number)

    def _follows(self, position: tuple[int, int], after: tuple[int, int]) -> bool:
        return position < after if self._options.newest_first else position > after

    async def _show(self, job: Job) -> dict[str, Any]:
        """Return the DataExport object; what is not there (yet) is absent, or null where the options say so."""
        status, options = await self._built_phase(job), self._options
        completed, failed = status is Phase.COMPLETED, status is Phase.FAILED
        linked = completed and not (self._clock() >= job.expires_at and options.expired is ExpiredLook.NO_URL)
        optional = {
            "dateFrom": job.order.date_from and write_instant(job.order.date_from),
            "dateTo": job.order.date_to and write_instant(job.order.date_to),
            "downloadUrl": self._link(job) if linked else None,
            "fileSize": job.file.size + job.size_error if job.file and completed else None,
            "errorMessage": job.failure if failed else None,
            "completedAt": write_instant(job.ready_at) if (completed or failed) and job.ready_at else None,
        }
        return {
            "id": job.id,
            "status": status.upper() if options.upper_case_status else str(status),
            "dataTypes": list(job.order.data_types),
            **{name: value for name, value in optional.items() if value is not None or options.null_fields},
            "expiresAt": write_instant(job.expires_at),
            "createdAt": write_instant(job.created_at),
        }

    def _content(self, job: Job) -> ZipContent:
        order = job.order
        oldest = job.created_at - self._options.retention
        return ZipContent(
            job=job.id,
            datasets=order.data_types,
            span=SlotSpan.between(
                max(order.date_from or oldest, oldest), min(order.date_to or job.created_at, job.created_at)
            ),
            made_at=job.ready_at or job.created_at,
            faults=job.file_faults,
        )


def zavu_error(status: int, code: str = "", message: str = "", details: Any = None) -> JSONResponse:
    """Return an error as Zavu writes it: code, message and, where there are any, details."""
    usual_code, usual_message = _ERRORS.get(status, ("internal_error", "Something went wrong"))
    body = {"code": code or usual_code, "message": message or usual_message}
    return JSONResponse(body if details is None else {**body, "details": details}, status)


def read_page(query: Mapping[str, str], options: ZavuOptions) -> tuple[str | None, int, tuple[int, int] | None]:
    """Read the list's query: a status, a limit, and the position after which to resume. Raises Refused."""
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise _invalid(f"status must be one of {', '.join(STATUSES)}", "status")
    limit = query.get("limit", str(options.page_default))
    if not limit.isascii() or not limit.isdecimal() or int(limit) < 1:
        raise _invalid("limit must be a positive integer", "limit")
    cursor = query.get("cursor")
    return status, min(int(limit), options.page_max), None if cursor is None else _read_cursor(cursor)


def position_of(job: Job) -> tuple[int, int]:
    """Return an export's position in the list, as cursors carry it."""
    created_at, number = list_key(job)
    return int(created_at.timestamp() * 1_000_000), number


def encode_cursor(micros: int, number: int) -> str:
    """Return an opaque cursor for what follows this position."""
    return base64.urlsafe_b64encode(f"{micros}:{number}".encode()).decode().rstrip("=")


def write_instant(instant: datetime) -> str:
    """Write an instant as Zavu repeats it: UTC, always with milliseconds."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _invalid(message: str, field: str) -> Refused:
    return Refused(400, message, details={"field": field})


def _too_many(status: int, wait: int | None, message: str = "", code: str = "") -> Refused:
    details = None if wait is None else {"retryAfter": wait}
    return Refused(status, message, code, details=details, retry_after=wait)


def _read_types(value: object, options: ZavuOptions) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise _invalid("dataTypes must be a list with at least one data type", "dataTypes")
    if any(not isinstance(item, str) or item not in DATASETS for item in value):
        raise _invalid(f"dataTypes may hold {', '.join(DATASETS)}", "dataTypes")
    kept = tuple(dict.fromkeys(value))
    if len(kept) < len(value) and options.repeated_types is Unwanted.REFUSE:
        raise _invalid("dataTypes must not repeat", "dataTypes")
    return kept


def _read_bound(body: dict[str, Any], name: str) -> datetime | None:
    if name not in body:
        return None
    form = "a date-time with a zone, as in 2024-01-01T00:00:00Z"
    instant = read_instant(body[name], name, form, details={"field": name})
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _read_cursor(text: str) -> tuple[int, int]:
    try:
        micros, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split(":")
        return int(micros), int(number)
    except (ValueError, binascii.Error):
        raise _invalid("cursor is not one that this API gave out", "cursor") from None
