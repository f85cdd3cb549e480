"""The simulated Qlara API: exports and the message history, as far as documented, the rest by `QlaraOptions`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.model.times import Chance, Clock, parse_instant, require_utc
from strongroom_sandbox.fault_injection import FaultStage, Handler
from strongroom_sandbox.faults import FaultBook, FaultKind, InjectedFault, first
from strongroom_sandbox.jobs import Phase, QuotaRefused, shuffled
from strongroom_sandbox.qlara_answers import (
    is_available,
    qlara_error,
    write_acceptance,
    write_entry,
    write_link,
    write_list,
    write_message,
)
from strongroom_sandbox.qlara_files import QlaraFiles
from strongroom_sandbox.qlara_jobs import Job, QlaraJobKind, QlaraJobView, QlaraOrder, open_book, view_job
from strongroom_sandbox.qlara_options import QLARA_PATH, LinkRenewal, QlaraOptions
from strongroom_sandbox.qlara_requests import QlaraBadRequest, QlaraGate, read_order, read_page, read_search
from strongroom_sandbox.qlara_shapes import LISTS, campaigns_of
from strongroom_sandbox.quota import seconds_until
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.rows import RowOptions
from strongroom_sandbox.storage import Storage

_EXPORTS = f"{QLARA_PATH}/exports"


class QlaraApi:
    """One Qlara account. Its public methods may be called from any thread."""

    def __init__(
        self,
        options: QlaraOptions,
        data: RowOptions,
        gate: QlaraGate,
        *,
        clock: Clock,
        random_bytes: Chance,
        faults: FaultBook,
        storage: Storage,
        folder: Path,
    ) -> None:
        self._options = options
        self._data = data
        self._gate = gate
        self._clock = clock
        self._jobs = open_book(options, clock, random_bytes)
        self._stage = FaultStage(faults, clock, qlara_error)
        self._files = QlaraFiles(options, data, storage, clock, folder)

    @property
    def jobs(self) -> tuple[QlaraJobView, ...]:
        """Every export ever created here, oldest first."""
        now = self._clock()
        return tuple(view_job(job, now) for job in self._jobs.everything())

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

        `faults` are of the kinds that bend jobs and files. Raises ValueError for an unknown kind or a time without
        a zone.
        """
        bounds = [bound if bound is None else require_utc(bound) for bound in (start, end)]
        order = QlaraOrder(QlaraJobKind(kind), bounds[0], bounds[1], campaign=campaign, list_ids=tuple(list_ids))
        return self._jobs.create_foreign(order, created_at, tuple(faults)).id

    def add_described(self, body: dict[str, Any], faults: Iterable[InjectedFault]) -> str:
        """Do the same for a body as the API takes it, with a kind and an optional createdAt; raise ValueError."""
        try:
            order = read_order(QlaraJobKind(body["kind"]), body, self._options, self._data.seed)
        except QlaraBadRequest as problem:
            raise ValueError(str(problem)) from problem
        created_at = parse_instant(body["createdAt"]) if "createdAt" in body else None
        return self._jobs.create_foreign(order, created_at, tuple(faults)).id

    def stop(self) -> None:
        """Give up what is being built."""
        self._files.stop()

    def refuse(self, status: int) -> Response:
        """Return the error of this status, for what no route serves."""
        return qlara_error(status, message="No such resource" if status == 404 else "")

    def routes(self) -> list[Route]:
        """Return what the API serves."""
        return [
            Route(f"{_EXPORTS}/contacts", self._creator(QlaraJobKind.CONTACTS), methods=["POST"]),
            Route(f"{_EXPORTS}/delivery-reports", self._creator(QlaraJobKind.DELIVERY_REPORTS), methods=["POST"]),
            Route(
                f"{QLARA_PATH}/messages/history/export", self._creator(QlaraJobKind.MESSAGE_HISTORY), methods=["POST"]
            ),
            Route(f"{QLARA_PATH}/messages/history", self._browse, methods=["GET"]),
            Route(_EXPORTS, self._list, methods=["GET"]),
            Route(_EXPORTS + "/{job_id}", self._link, methods=["GET"]),
            Route(_EXPORTS + "/{job_id}", self._renew, methods=["POST"]),
        ]

    def _creator(self, kind: QlaraJobKind) -> Any:
        async def create(request: Request) -> Response:
            async def work(faults: tuple[InjectedFault, ...]) -> Response:
                order = read_order(kind, request.state.entry.json, self._options, self._data.seed)
                return write_acceptance(self._jobs.create(order, faults), self._options, _EXPORTS)

            return await self._play(request, Operation.CREATE, work)

        return create

    async def _list(self, request: Request) -> Response:
        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            page, limit = read_page(request.query_params, default=10, most=self._options.page_max)
            seen_at = self._clock() - self._options.list_lag
            known = [job for job in self._jobs.listed() if job.created_at <= seen_at]
            jobs = shuffled(known, faults, request.state.entry.number)
            late = limit if first(faults, FaultKind.EMPTY_PAGE) else 0  # how far entries are moved back
            shown = jobs[max(0, page * limit - late) : max(0, (page + 1) * limit - late)]
            entries = [await self._entry(job, seen_at) for job in shown]
            self._grow(faults)
            more = limit * (page + 2) if first(faults, FaultKind.ENDLESS_LIST) else 0
            return write_list(entries, page, limit, max(len(jobs) + late, more), self._options)

        return await self._play(request, Operation.LIST, work)

    async def _link(self, request: Request) -> Response:
        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            job = self._find(request)
            if job.phase(self._clock()) is Phase.EXPIRED:
                raise QlaraBadRequest("The export has expired and is no longer available for download")
            if not is_available(job, self._clock(), self._options) or await self._files.of(job) is None:
                raise _Refused(self._options.early_status, "The export is not ready")
            return write_link(self._files.link(job, first(faults, FaultKind.REDIRECT)), self._options)

        return await self._play(request, Operation.LINK, work)

    async def _renew(self, request: Request) -> Response:
        async def work(faults: tuple[InjectedFault, ...]) -> Response:
            job = self._find(request)
            phase = job.phase(self._clock())
            if phase is Phase.COMPLETED:
                raise QlaraBadRequest("The export is still available and has not expired yet")
            if phase is not Phase.EXPIRED:
                raise _Refused(self._options.early_renewal_status, "The export has not expired")
            if self._options.renewal is LinkRenewal.NEW_ENTRY:
                job = self._jobs.create(job.order, faults)
            else:
                self._jobs.renew(job, faults)
            return write_acceptance(job, self._options, _EXPORTS)

        return await self._play(request, Operation.RENEW, work)

    async def _browse(self, request: Request) -> Response:
        async def work(_faults: tuple[InjectedFault, ...]) -> Response:
            search = read_search(request.query_params, self._options.page_max)
            now, names = self._clock(), {"channel": search.channel, "status": search.status}
            wanted = tuple((name, frozenset({value})) for name, value in names.items() if value)
            rows = self._files.messages(SlotSpan.between(search.start, min(search.end, now)), now, wanted)
            page = islice(rows, search.page * search.limit, (search.page + 1) * search.limit)
            messages = [write_message(row, self._options.csv.zone) for row in page]
            return JSONResponse({"messages": messages} if self._options.history_object else messages)

        return await self._play(request, Operation.BROWSE, work)

    async def _play(self, request: Request, operation: Operation, work: Handler) -> Response:
        pass_ = self._gate.count(self._clock())

        async def handle(faults: tuple[InjectedFault, ...]) -> Response:
            refusal = self._gate.refusal(request, operation, pass_)
            return refusal if refusal is not None else await self._guard(work, faults)

        response = await self._stage.play(request, operation, request.path_params.get("job_id", ""), handle)
        for name, value in pass_.headers().items():
            response.headers.setdefault(name, value)
        return response

    async def _guard(self, work: Handler, faults: tuple[InjectedFault, ...]) -> Response:
        try:
            return await work(faults)
        except QlaraBadRequest as problem:
            return qlara_error(400, message=str(problem))
        except _Refused as refusal:
            return qlara_error(refusal.status, message=str(refusal))
        except QuotaRefused as refusal:
            wait = None if refusal.free_at is None else seconds_until(refusal.free_at, self._clock())
            return self._gate.too_many(wait, str(refusal))

    def _find(self, request: Request) -> Job:
        job = self._jobs.find(request.path_params["job_id"])
        if job is None:
            raise _Refused(404, "Export not found")
        return job

    async def _entry(self, job: Job, seen_at: datetime) -> dict[str, Any]:
        """Return the entry; an export whose file takes too long to build is shown as it was before it was ready."""
        due = job.phase(seen_at) is Phase.COMPLETED
        if due and job.ready_at is not None and await self._files.of(job) is None:
            seen_at = job.ready_at - timedelta(microseconds=1)
        return write_entry(job, seen_at, self._options)

    def _grow(self, faults: tuple[InjectedFault, ...]) -> None:
        grows = first(faults, FaultKind.LIST_GROWS)
        for _ in range(grows.count if grows else 0):
            self.add_foreign_job(QlaraJobKind.CONTACTS)


class _Refused(Exception):
    """A request that finds nothing, or finds it in the wrong state."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
