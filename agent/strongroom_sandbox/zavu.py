"""The simulated Zavu API: `/v1/exports` as the vendor documents it, with the rest decided by `ZavuOptions`."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.model.times import Chance, Clock, require_utc
from strongroom_sandbox.fault_injection import FaultStage, Handler
from strongroom_sandbox.faults import FaultBook, FaultKind, InjectedFault, first
from strongroom_sandbox.files import FileBuilder
from strongroom_sandbox.jobs import QuotaRefused, shuffled
from strongroom_sandbox.quota import FixedWindow, QuotaReading, seconds_until
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.storage import Storage, StoredLink
from strongroom_sandbox.zavu_answers import (
    ZavuBadRequest,
    encode_cursor,
    position_of,
    read_order,
    read_page,
    write_job,
    zavu_error,
)
from strongroom_sandbox.zavu_jobs import (
    ExpiredLook,
    Job,
    JobView,
    ZavuOptions,
    ZavuOrder,
    ZavuStatus,
    open_book,
    status_of,
    view_job,
)
from strongroom_sandbox.zavu_shapes import DATASETS
from strongroom_sandbox.zip_files import ZipContent, ZipStore

_FAR = 10**18  # a time behind or before every export


class ZavuApi:
    """One Zavu project with one API key. Its public methods may be called from any thread."""

    def __init__(
        self,
        options: ZavuOptions,
        api_key: str,
        *,
        clock: Clock,
        random_bytes: Chance,
        faults: FaultBook,
        storage: Storage,
        room: ZipStore,
    ) -> None:
        self._options = options
        self._expected = f"Bearer {api_key}".encode()
        self._clock = clock
        self._storage = storage
        self._jobs = open_book(options, clock, random_bytes)
        self._requests = FixedWindow(options.requests_per_minute, timedelta(minutes=1))
        self._stage = FaultStage(faults, clock, zavu_error)
        self._workshop = FileBuilder(room, self._content)

    @property
    def jobs(self) -> tuple[JobView, ...]:
        """Every export ever created here, oldest first."""
        now = self._clock()
        return tuple(view_job(job, now) for job in self._jobs.everything())

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

        It counts against the quotas but is never refused; `faults` are of the kinds that bend jobs and files.
        Raises ValueError for an unknown data type or a time without a zone.
        """
        wanted = tuple(data_types)
        if not wanted or not set(wanted) <= set(DATASETS):
            raise ValueError(f"data types are {', '.join(DATASETS)}, got {wanted}")
        bounds = [bound if bound is None else require_utc(bound) for bound in (date_from, date_to)]
        order = ZavuOrder(wanted, bounds[0], bounds[1])
        return self._jobs.create_foreign(order, created_at, tuple(faults)).id

    def routes(self) -> list[Route]:
        """Return what the API serves."""
        return [
            Route("/v1/exports", self._create, methods=["POST"]),
            Route("/v1/exports", self._list, methods=["GET"]),
            Route("/v1/exports/{job_id}", self._get, methods=["GET"]),
        ]

    async def _create(self, request: Request) -> Response:
        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            job = self._jobs.create(read_order(request.state.entry.json, self._options), faults)
            return JSONResponse({"export": await self._show(job)}, 202)

        return await self._play(request, Operation.CREATE, "", work)

    async def _get(self, request: Request) -> Response:
        job_id = request.path_params["job_id"]

        async def work(_faults: tuple[InjectedFault, ...]) -> Response:
            job = self._jobs.find(job_id)
            if job is None:
                return zavu_error(404, message="Export not found")
            return JSONResponse({"export": await self._show(job)})

        return await self._play(request, Operation.GET, job_id, work)

    async def _list(self, request: Request) -> Response:
        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            status, limit, after = read_page(request.query_params, self._options)
            leads_on = self._leads_on(faults, after, request.state.entry.number)
            if leads_on:
                return JSONResponse({"items": [], "nextCursor": leads_on})
            jobs = [job for job in self._jobs.listed() if status in (None, status_of(job, self._clock()))]
            if after is not None:
                jobs = [job for job in jobs if self._follows(position_of(job), after)]
            page = jobs[:limit]
            cursor = encode_cursor(*position_of(page[-1])) if len(jobs) > limit else None
            if first(faults, FaultKind.ENDLESS_LIST) and cursor is None:
                cursor = self._behind_all(request.state.entry.number)
            shown = [await self._show(job) for job in shuffled(page, faults, request.state.entry.number)]
            self._grow(faults)
            return JSONResponse({"items": shown, "nextCursor": cursor})

        return await self._play(request, Operation.LIST, "", work)

    def _leads_on(self, faults: tuple[InjectedFault, ...], after: tuple[int, int] | None, number: int) -> str:
        """Return the cursor of an empty page, or nothing where the page is as it should be."""
        if first(faults, FaultKind.EMPTY_PAGE) and after is None:
            return encode_cursor(_FAR if self._options.newest_first else 0, 0)
        endless = first(faults, FaultKind.ENDLESS_LIST) and after is not None
        behind = after is not None and not any(self._follows(position_of(job), after) for job in self._jobs.listed())
        return self._behind_all(number) if endless and behind else ""

    def _behind_all(self, number: int) -> str:
        return encode_cursor(0 if self._options.newest_first else _FAR, number)

    def _grow(self, faults: tuple[InjectedFault, ...]) -> None:
        grows = first(faults, FaultKind.LIST_GROWS)
        for _ in range(grows.count if grows else 0):
            self.add_foreign_job(["activities"])

    def _follows(self, position: tuple[int, int], after: tuple[int, int]) -> bool:
        return position < after if self._options.newest_first else position > after

    async def _play(self, request: Request, operation: Operation, job: str, work: Handler) -> Response:
        now = self._clock()
        reading = self._requests.count(now)

        async def handle(faults: tuple[InjectedFault, ...]) -> Response:
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._expected):
                return zavu_error(401)
            if not reading.allowed:
                return _refuse(429, "", "", reading.wait(now))
            return await self._guard(work, faults)

        response = await self._stage.play(request, operation, job, handle)
        for name, value in _rate_headers(reading).items():
            response.headers.setdefault(name, value)
        return response

    async def _guard(
        self, work: Callable[[tuple[InjectedFault, ...]], Awaitable[Response]], faults: tuple[InjectedFault, ...]
    ) -> Response:
        options = self._options
        try:
            return await work(faults)
        except ZavuBadRequest as problem:
            return zavu_error(400, message=str(problem), details={"field": problem.field})
        except QuotaRefused as refusal:
            wait = seconds_until(refusal.free_at, self._clock()) if refusal.free_at and options.quota_hints else None
            return _refuse(options.quota_status, options.quota_code, str(refusal), wait)

    async def _show(self, job: Job) -> dict[str, object]:
        status = status_of(job, self._clock())
        if status is ZavuStatus.COMPLETED and await self._workshop.file_of(job) is None:
            status = ZavuStatus.PROCESSING
        return write_job(job, status, self._options, self._link_of(job) if status is ZavuStatus.COMPLETED else None)

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
            faults=job.spoilt,
        )

    def _link_of(self, job: Job) -> str | None:
        options, now = self._options, self._clock()
        if now >= job.expires_at and options.expired_look is ExpiredLook.NO_URL:
            return None
        worn_out = job.link_until is not None and job.link_until <= now < job.expires_at
        if not job.link or options.fresh_links or worn_out:
            life_ends = job.expires_at if options.link_life is None else now + options.link_life
            job.link_until = min(job.expires_at, life_ends)
            job.link = self._storage.issue(self._new_link(job, job.link_until))
        return job.link

    def _new_link(self, job: Job, until: datetime) -> StoredLink:
        return StoredLink(
            path=f"/exports/{job.id}.zip",
            job=job.id,
            expires_at=until,
            open=self._workshop.opener(job),
            dead_status=self._options.dead_link_status,
            manners=self._options.manners,
        )


def _refuse(status: int, code: str, message: str, wait: int | None) -> Response:
    response = zavu_error(status, code, message, None if wait is None else {"retryAfter": wait})
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return response


def _rate_headers(reading: QuotaReading) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(reading.limit),
        "X-RateLimit-Remaining": str(reading.remaining),
        "X-RateLimit-Reset": str(int(reading.reset_at.timestamp() * 1000)),
    }
