"""What the simulated APIs share: how a request is admitted, answered or refused, and how files and links are made."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Generic

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.model.times import Chance, Clock, parse_instant
from strongroom_sandbox.fault_injection import ErrorWriter, FaultInjector, Handler
from strongroom_sandbox.faults import FaultBook, FaultKind, InjectedFault, first
from strongroom_sandbox.jobs import (
    FixedWindow,
    JobBook,
    JobView,
    OrderT,
    Phase,
    QuotaReading,
    QuotaRefused,
    SandboxJob,
    seconds_until,
)
from strongroom_sandbox.options import JobOptions
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.storage import FileBuilder, Storage, StoredLink

Faults = tuple[InjectedFault, ...]
Work = Callable[[Request, Faults], Awaitable[Response]]
"""Does the work of one admitted request; gets the faults that are no answers themselves."""

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")


class Services(Struct, frozen=True):
    """What the sandbox gives to each API."""

    clock: Clock
    random_bytes: Chance
    faults: FaultBook
    storage: Storage
    folder: Path  # for its files


class Refused(ValueError):
    """A request that is refused, in the words of the provider; empty for the usual code and message of the status."""

    def __init__(
        self, status: int, message: str = "", code: str = "", *, details: Any = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.retry_after = retry_after  # seconds, for the header


class ProviderApi(ABC, Generic[OrderT]):
    """One account of one provider. Its public methods may be called from any thread."""

    provider: ProviderName
    file_path: str  # of a file at the storage host, with the export's id for {}
    builder: FileBuilder[OrderT, Any]

    def __init__(
        self,
        options: JobOptions,
        services: Services,
        error: ErrorWriter,
        new_id: Callable[[int], str],
        windows: tuple[FixedWindow, ...] = (),
    ) -> None:
        self._shared = options
        self._clock = services.clock
        self._storage = services.storage
        self._error = error
        self._windows = windows
        self._jobs: JobBook[OrderT] = JobBook(options, services.clock, new_id)
        self._injector = FaultInjector(services.faults, services.clock, error)

    @property
    def jobs(self) -> tuple[JobView[OrderT], ...]:
        """Every export ever created here, oldest first."""
        return self._jobs.views(self.shown_phase)

    @abstractmethod
    def routes(self) -> list[Route]:
        """Return what the API serves."""

    @abstractmethod
    def read_order(self, body: Any) -> OrderT:
        """Read the body of a creation. Raises Refused, and KeyError for what the control endpoint needs in addition."""

    @abstractmethod
    def admit(self, request: Request, operation: Operation, readings: list[QuotaReading]) -> None:
        """Check the credential and the rates; raises Refused."""

    @abstractmethod
    def refuse_quota(self, refusal: QuotaRefused, wait: int | None) -> Refused:
        """Return the refusal of a creation; `wait` is the seconds until there is room, if that is known."""

    def shown_phase(self, phase: Phase) -> Phase:
        """Return what this provider calls the phase."""
        return phase

    def rate_headers(self, readings: list[QuotaReading]) -> dict[str, str]:
        """Return what every answer says about the rates."""
        if not readings:
            return {}
        return {"X-RateLimit-Limit": str(readings[0].limit), "X-RateLimit-Remaining": str(readings[0].remaining)}

    def add_described(self, body: dict[str, Any], faults: Iterable[InjectedFault]) -> str:
        """Create another client's export from a body as the API takes it, with an optional createdAt.

        Returns its id. Raises ValueError and KeyError.
        """
        order = self.read_order(body)
        created_at = parse_instant(body["createdAt"]) if "createdAt" in body else None
        return self._jobs.create_foreign(order, created_at, faults).id

    def stop(self) -> None:
        """Give up files that are being built."""
        self.builder.stop()

    def refuse(self, status: int) -> Response:
        """Return the error of this status, for what no route serves."""
        return self._error(status)

    def _route(self, method: str, path: str, operation: Operation, work: Work) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._play(request, operation, partial(work, request))

        return Route(path, endpoint, methods=[method])

    async def _play(self, request: Request, operation: Operation, work: Handler) -> Response:
        now = self._clock()
        readings = [window.count(now) for window in self._windows]

        async def handle(faults: Faults) -> Response:
            try:
                self.admit(request, operation, readings)
                return await work(faults)
            except Refused as refusal:
                return self._write_refusal(refusal)
            except QuotaRefused as refusal:
                wait = None if refusal.free_at is None else seconds_until(refusal.free_at, self._clock())
                return self._write_refusal(self.refuse_quota(refusal, wait))

        response = await self._injector.play(request, operation, request.path_params.get("job_id", ""), handle)
        for name, value in self.rate_headers(readings).items():
            response.headers.setdefault(name, value)
        return response

    def _write_refusal(self, refusal: Refused) -> Response:
        response = self._error(refusal.status, refusal.code, str(refusal), refusal.details)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        return response

    def _find(self, request: Request, message: str = "") -> SandboxJob[OrderT]:
        job = self._jobs.find(request.path_params["job_id"])
        if job is None:
            raise Refused(404, message)
        return job

    async def _built_phase(self, job: SandboxJob[OrderT]) -> Phase:
        """Return the phase as it is shown; an export whose file takes too long to build is still processing."""
        phase = job.phase(self._clock())
        if phase in (Phase.COMPLETED, Phase.EXPIRED) and await self.builder.file_of(job) is None:
            return Phase.PROCESSING
        return self.shown_phase(phase)

    def _grow(self, faults: Faults, order: OrderT) -> None:
        """Create as many exports of other clients as LIST_GROWS says."""
        grows = first(faults, FaultKind.LIST_GROWS)
        for _ in range(grows.count if grows else 0):
            self._jobs.create_foreign(order)

    def _link(self, job: SandboxJob[OrderT], redirect: InjectedFault | None = None) -> str:
        """Return a link to the file: the present one, a new one where the options say so, or where a fault leads."""
        if redirect is not None and redirect.to:
            return redirect.to
        options, now, storage = self._shared, self._clock(), self._storage
        over = job.link_until is not None and job.link_until <= now < job.expires_at
        if not job.link or options.fresh_links or over:
            life_ends = job.expires_at if options.link_life is None else now + options.link_life
            job.link_until = min(job.expires_at, life_ends)
            link = StoredLink(
                path=self.file_path.format(job.id),
                job=job.id,
                expires_at=job.link_until,
                open=self.builder.opener(job),
                dead_status=options.dead_link_status,
                transfer=options.transfer,
                provider=self.provider,
            )
            job.link = storage.issue(link)
        across = redirect is not None and redirect.across
        return job.link.replace(storage.url, storage.mirror_url, 1) if across else job.link


def minute_window(limit: int) -> FixedWindow:
    """Return a window of one minute."""
    return FixedWindow(limit, timedelta(minutes=1))


def read_instant(value: object, name: str, form: str, *, seconds: bool = True, details: Any = None) -> datetime:
    """Read an instant with a zone, and with seconds unless they may be left out; `form` says what it must look like.

    Raises Refused.
    """
    match = _DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or (seconds and match[1] is None):
        raise Refused(400, f"{name} must be {form}", details=details)
    try:
        return parse_instant(match[0].upper())
    except (ValueError, OverflowError):
        raise Refused(400, f"{name} is not a date that exists", details=details) from None
