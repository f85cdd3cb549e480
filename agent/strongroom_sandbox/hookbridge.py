"""The simulated HookBridge API: exports and the billing plan, as far as documented, the rest by `HookBridgeOptions`."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from strongroom.model.times import Chance, Clock, parse_instant, require_utc
from strongroom_sandbox.fault_injection import FaultStage, Handler
from strongroom_sandbox.faults import FILES, TRANSFERS, FaultBook, FaultKind, InjectedFault, first, only
from strongroom_sandbox.hookbridge_answers import Envelope, HookBridgeBadRequest, read_order, write_job, write_plan
from strongroom_sandbox.hookbridge_files import REDIRECTED, HookBridgeFiles
from strongroom_sandbox.hookbridge_jobs import (
    Download,
    HookBridgeJobView,
    HookBridgeOptions,
    HookBridgeOrder,
    Job,
    open_book,
    view_job,
)
from strongroom_sandbox.hookbridge_shapes import DIRECTIONS, INBOUND, OUTBOUND, endpoints_of
from strongroom_sandbox.jobs import Phase, QuotaRefused, shuffled
from strongroom_sandbox.quota import FixedWindow, seconds_until
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.rows import RowOptions
from strongroom_sandbox.storage import Storage
from strongroom_sandbox.transfer import serve_file


class HookBridgeApi:
    """One HookBridge project with one API key. Its public methods may be called from any thread."""

    def __init__(
        self,
        options: HookBridgeOptions,
        data: RowOptions,
        api_key: str,
        *,
        clock: Clock,
        random_bytes: Chance,
        faults: FaultBook,
        storage: Storage,
        folder: Path,
    ) -> None:
        self._options = options
        self._data = data
        self._expected = f"Bearer {api_key}".encode()
        self._clock = clock
        self._storage = storage
        self._envelope = Envelope(random_bytes)
        self._jobs = open_book(options, clock, random_bytes)
        self._failures = FixedWindow(options.failed_authentications, timedelta(minutes=1))
        self._stage = FaultStage(faults, clock, self._envelope.error)
        self._files = HookBridgeFiles(options, data, storage, clock, folder)

    @property
    def jobs(self) -> tuple[HookBridgeJobView, ...]:
        """Every export ever created here, oldest first."""
        now = self._clock()
        return tuple(view_job(job, now) for job in self._jobs.everything())

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
        status: str = "",
        endpoint_id: str = "",
        inbound_endpoint_id: str = "",
        created_at: datetime | None = None,
        faults: Iterable[InjectedFault] = (),
    ) -> str:
        """Create an export as another client of the same project would, and return its id.

        It counts against the quotas but is never refused; `faults` are of the kinds that bend jobs and files.
        Raises ValueError for an unknown direction or a time without a zone.
        """
        if direction not in DIRECTIONS:
            raise ValueError(f"directions are {', '.join(DIRECTIONS)}, got {direction}")
        order = HookBridgeOrder(
            require_utc(start), require_utc(end), direction, status, endpoint_id, inbound_endpoint_id
        )
        return self._jobs.create_foreign(order, created_at, tuple(faults)).id

    def add_described(self, body: dict[str, Any], faults: Iterable[InjectedFault]) -> str:
        """Do the same for a body as the API takes it, with an optional createdAt; raise ValueError and KeyError."""
        try:
            order = read_order(body, self._options, self._data.seed)
        except HookBridgeBadRequest as problem:
            raise ValueError(str(problem)) from problem
        created_at = parse_instant(body["createdAt"]) if "createdAt" in body else None
        return self._jobs.create_foreign(order, created_at, tuple(faults)).id

    def stop(self) -> None:
        """Give up what is being built."""
        self._files.stop()

    def refuse(self, status: int) -> Response:
        """Return the error of this status, for what no route serves."""
        return self._envelope.error(status)

    def routes(self) -> list[Route]:
        """Return what the API serves."""
        return [
            Route("/v1/exports", self._create, methods=["POST"]),
            Route("/v1/exports", self._list, methods=["GET"]),
            Route("/v1/exports/{job_id}", self._get, methods=["GET"]),
            Route("/v1/exports/{job_id}", self._delete, methods=["DELETE"]),
            Route("/v1/exports/{job_id}/download", self._download, methods=["GET"]),
            Route(REDIRECTED + "/{path:path}", self._redirected, methods=["GET"]),
            Route("/v1/billing/subscription", self._plan, methods=["GET"]),
        ]

    async def _create(self, request: Request) -> Response:
        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            job = self._jobs.create(read_order(request.state.entry.json, self._options, self._data.seed), faults)
            phase = await self._phase(job)
            shown = write_job(job, phase, self._options, at_creation=True)
            return self._envelope.data(shown, self._options.create_status)

        return await self._play(request, Operation.CREATE, work)

    async def _get(self, request: Request) -> Response:
        async def work(_faults: tuple[InjectedFault, ...]) -> Response:
            return self._envelope.data(await self._show(self._find(request)))

        return await self._play(request, Operation.GET, work)

    async def _delete(self, request: Request) -> Response:
        async def work(_faults: tuple[InjectedFault, ...]) -> Response:
            job = self._find(request)
            self._jobs.remove(job)
            status = self._options.delete_status
            return Response(status_code=204) if status == 204 else self._envelope.data({"id": job.id}, status)

        return await self._play(request, Operation.DELETE, work)

    async def _list(self, request: Request) -> Response:
        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            jobs = shuffled(self._jobs.listed()[: self._options.list_length], faults, request.state.entry.number)
            cursor = request.query_params.get("cursor")
            page, meta = self._page(jobs, cursor)
            if first(faults, FaultKind.EMPTY_PAGE) and cursor is None:
                page, meta = [], {"has_more": True, "next_cursor": "begin"}
            if first(faults, FaultKind.ENDLESS_LIST) and not meta.get("has_more"):
                page = [] if (cursor or "").startswith("more-") else page
                meta = {"has_more": True, "next_cursor": f"more-{request.state.entry.number}"}
            shown = [await self._show(job) for job in page]
            self._grow(faults)
            return self._envelope.data(shown, **meta)

        return await self._play(request, Operation.LIST, work)

    async def _plan(self, request: Request) -> Response:
        async def work(_faults: tuple[InjectedFault, ...]) -> Response:
            return self._envelope.data(write_plan(self._options, len(self.jobs)))

        return await self._play(request, Operation.PLAN, work)

    async def _download(self, request: Request) -> Response:
        direct = self._options.download is Download.DIRECT

        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            job = self._find(request)
            phase = await self._phase(job)
            if phase is Phase.EXPIRED:
                raise _Refused(410)
            if phase is not Phase.COMPLETED:
                raise _Refused(self._options.not_ready_status, self._options.not_ready_code)
            return await self._serve(request, job, faults) if direct else self._redirect(job, faults)

        return await self._play(request, Operation.DOWNLOAD if direct else Operation.LINK, work)

    async def _redirected(self, request: Request) -> Response:
        """Lead on from the API's own origin to the storage host; what a relative Location points to."""
        request.state.entry.operation = Operation.LINK
        target = f"{self._storage.url}/{request.path_params['path']}?{request.url.query}"
        return RedirectResponse(target, self._options.redirect_status)

    async def _serve(self, request: Request, job: Job, faults: tuple[InjectedFault, ...]) -> Response:
        if first(faults, FaultKind.REDIRECT) is not None:
            return self._redirect(job, faults)
        file = await self._files.copy(job, only(faults, FILES))
        if file is None:
            raise _Refused(404)
        return serve_file(request, file, only(faults, TRANSFERS), self._options.manners)

    def _redirect(self, job: Job, faults: tuple[InjectedFault, ...]) -> Response:
        where = self._files.locate(job, first(faults, FaultKind.REDIRECT))
        return Response(status_code=self._options.redirect_status, headers={"Location": where})

    async def _play(self, request: Request, operation: Operation, work: Handler) -> Response:
        async def handle(faults: tuple[InjectedFault, ...]) -> Response:
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._expected):
                return self._envelope.error(401 if self._failures.count(self._clock()).allowed else 429)
            return await self._guard(work, faults)

        return await self._stage.play(request, operation, request.path_params.get("job_id", ""), handle)

    async def _guard(self, work: Handler, faults: tuple[InjectedFault, ...]) -> Response:
        try:
            return await work(faults)
        except HookBridgeBadRequest as problem:
            return self._envelope.error(400, problem.code, str(problem))
        except _Refused as refusal:
            return self._envelope.error(refusal.status, refusal.code)
        except QuotaRefused as refusal:
            return self._refuse_export(refusal)

    def _refuse_export(self, refusal: QuotaRefused) -> Response:
        message = "An export is already in progress. Please wait for it to complete."
        if self._options.max_concurrent != 1 or "hour" in str(refusal):
            message = str(refusal)
        response = self._envelope.error(429, "EXPORT_LIMIT_EXCEEDED", message)
        if self._options.limit_hint and refusal.free_at is not None:
            response.headers["Retry-After"] = str(seconds_until(refusal.free_at, self._clock()))
        return response

    def _find(self, request: Request) -> Job:
        job = self._jobs.find(request.path_params["job_id"])
        if job is None:
            raise _Refused(404)
        return job

    async def _show(self, job: Job) -> dict[str, Any]:
        return write_job(job, await self._phase(job), self._options)

    async def _phase(self, job: Job) -> Phase:
        """Return where the export stands; one whose file takes too long to build is shown as still processing."""
        phase = job.phase(self._clock())
        if phase in (Phase.COMPLETED, Phase.EXPIRED) and await self._files.of(job) is None:
            return Phase.PROCESSING
        return phase

    def _page(self, jobs: list[Job], cursor: str | None) -> tuple[list[Job], dict[str, Any]]:
        length = self._options.page_length
        if length is None:
            return jobs, {}
        places = [job.id for job in jobs]
        start = places.index(cursor) + 1 if cursor in places else 0
        page = jobs[start : start + length]
        more = start + length < len(jobs)
        return page, {"has_more": more, "next_cursor": page[-1].id if more else None}

    def _grow(self, faults: tuple[InjectedFault, ...]) -> None:
        grows = first(faults, FaultKind.LIST_GROWS)
        now = self._clock()
        for _ in range(grows.count if grows else 0):
            self.add_foreign_job(now - timedelta(days=2), now - timedelta(days=1))


class _Refused(Exception):
    """A request that finds nothing, or finds it in the wrong state."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
