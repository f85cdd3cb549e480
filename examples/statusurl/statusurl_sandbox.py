"""A simulated provider for the adapter's tests, made of the parts that Strongroom's own sandbox is made of.

Two origins on loopback: the API, and a storage host (with a mirror of it) where the files lie behind links.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.model.times import format_instant, parse_instant
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.fault_injection import FaultInjector
from strongroom_sandbox.faults import FaultBook, InjectedFault
from strongroom_sandbox.hosts import HostThread, listen, url_of
from strongroom_sandbox.recorder import LeakedCredentials, Operation, Recorder, Recording, Requests, SandboxOrigin
from strongroom_sandbox.storage import Storage, StoredLink
from strongroom_sandbox.transfer import StoredFile

TIMES = {"AuditEvent": "recorded", "Communication": "sent"}
TAKES = timedelta(seconds=30)
LIFE = timedelta(days=1)
RECORDS = 60  # in each file


@dataclass
class Job:
    """One export."""

    number: int
    kinds: list[str]
    since: datetime
    until: datetime
    ready_at: datetime
    discarded: bool = False
    broken: bool = False  # its manifest names errors


class StatusUrlSandbox:
    """One server; use it as a context manager."""

    def __init__(self, clock: SandboxClock, key: str, token_prefix: str = "") -> None:
        self.clock = clock
        self.faults = FaultBook()
        self.jobs: dict[str, Job] = {}
        self.files_per_kind = 2
        self.status_base = ""  # where Content-Location leads; set to the API itself at the start
        self._key = key
        self._recorder = Recorder(clock, LeakedCredentials({key: frozenset({SandboxOrigin.API})}))
        self._storage = Storage(self.faults, clock, secrets.token_bytes, prefix=token_prefix)
        self._stage = FaultInjector(self.faults, clock, refusal)
        self._folder = tempfile.TemporaryDirectory(prefix="statusurl-sandbox-")

    @property
    def requests(self) -> Requests:
        """Everything that has arrived."""
        return self._recorder.snapshot()

    def __enter__(self) -> StatusUrlSandbox:
        routes = [
            Route("/fhir/metadata", self._metadata, methods=["GET"]),
            Route("/fhir/$export", self._kick_off, methods=["POST"]),
            Route("/fhir/bulkstatus/{name}", self._status, methods=["GET", "DELETE"]),
        ]
        storage = Starlette(routes=self._storage.routes())
        apps = {
            SandboxOrigin.API: Starlette(routes=routes),
            SandboxOrigin.STORAGE: storage,
            SandboxOrigin.MIRROR: storage,
        }
        plugs = listen("127.0.0.1", [0, 0, 0])
        api, self._storage.url, self._storage.mirror_url = (url_of("127.0.0.1", plug) for plug in plugs)
        self.url = self.status_base = f"{api}/fhir"
        recorded = [Recording(app, origin, self._recorder, self.clock) for origin, app in apps.items()]
        self._thread = HostThread(list(zip(recorded, plugs, strict=True)))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.stop()
        self._folder.cleanup()

    async def _metadata(self, request: Request) -> Response:
        return self._refuse_key(request) or JSONResponse({"resourceType": "CapabilityStatement"})

    async def _kick_off(self, request: Request) -> Response:
        async def work(_faults: tuple[InjectedFault, ...]) -> Response:
            wanted = {each["name"]: each for each in request.state.entry.json["parameter"]}
            since, until = (parse_instant(wanted[name]["valueInstant"]) for name in ("_since", "_until"))
            kinds = wanted["_type"]["valueString"].split(",")
            name = f"exp{len(self.jobs) + 1:04}{secrets.token_hex(4)}"
            self.jobs[name] = Job(len(self.jobs) + 1, kinds, since, until, self.clock() + TAKES)
            return Response(status_code=202, headers={"Content-Location": f"{self.status_base}/bulkstatus/{name}"})

        return self._refuse_key(request) or await self._stage.play(request, Operation.CREATE, "", work)

    async def _status(self, request: Request) -> Response:
        name = request.path_params["name"]

        async def work(_faults: tuple[InjectedFault, ...]) -> Response:
            job = self.jobs.get(name)
            if job is None or job.discarded:
                return refusal(404)
            if request.method == "DELETE":
                job.discarded = True
                return Response(status_code=202)
            return self._manifest(name, job)

        operation = Operation.DELETE if request.method == "DELETE" else Operation.GET
        return self._refuse_key(request) or await self._stage.play(request, operation, name, work)

    def _manifest(self, name: str, job: Job) -> Response:
        now, ends = self.clock(), job.ready_at + LIFE
        if now < job.ready_at:
            return Response(status_code=202, headers={"X-Progress": "half of it", "Retry-After": "10"})
        if now >= ends:
            return refusal(404)
        output = [
            {"type": kind, "url": self._file(name, job, kind, part), "count": RECORDS}
            for kind in job.kinds
            for part in range(self.files_per_kind)
        ]
        errors = [{"type": "OperationOutcome", "url": f"{self.url}/errors"}] if job.broken else []
        manifest = {"requiresAccessToken": False, "output": output, "error": errors}
        return JSONResponse(manifest, headers={"Expires": format_datetime(ends, usegmt=True)})

    def _file(self, name: str, job: Job, kind: str, part: int) -> str:
        path = Path(self._folder.name) / f"{name}-{kind}-{part}.ndjson"
        path.write_bytes(b"".join(self._line(job, kind, part * RECORDS + each) for each in range(RECORDS)))
        stored = StoredFile(path, path.stat().st_size, path.name, path.name, "application/fhir+ndjson", job.ready_at)

        async def opened(_faults: tuple[InjectedFault, ...]) -> StoredFile | None:
            return None if job.discarded else stored

        return self._storage.issue(StoredLink(f"/{path.name}", name, job.ready_at + LIFE, opened))

    def _line(self, job: Job, kind: str, number: int) -> bytes:
        at = job.since + (job.until - job.since) * (number + 1) / (self.files_per_kind * RECORDS + 1)
        record = {"resourceType": kind, "id": f"{kind}-{job.number}-{number}", TIMES[kind]: format_instant(at)}
        return json.dumps(record | {"text": f"what happened as number {number}"}).encode() + b"\n"

    def _refuse_key(self, request: Request) -> Response | None:
        return None if request.headers.get("authorization") == f"Bearer {self._key}" else refusal(401)


def refusal(status: int, code: str = "", message: str = "", details: Any = None) -> Response:
    """Return an error as FHIR servers write it."""
    issue = {"severity": "error", "code": code or "processing", "diagnostics": message or "It cannot be done."}
    return JSONResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status)
