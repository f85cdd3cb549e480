"""A simulated provider made from a manifest: it answers as the manifest says that the provider does.

Two origins on loopback: the API, and a storage host (with a mirror of it) where the files lie behind links. It shows
that a manifest is of one piece and what the program makes of it, with every fault of answers and transfers; whether the
manifest is true, only the provider can show. Expressions are followed backwards: of `a.b || c`, `a.b` is written.
"""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from strongroom.model.manifest import ListRequest, Manifest, RenewRequest
from strongroom.model.manifest_words import AuthKind, DownloadBy, ObserveBy, Paging
from strongroom.model.provider import Container
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.fault_injection import FaultInjector
from strongroom_sandbox.faults import FaultBook, InjectedFault
from strongroom_sandbox.hosts import HostThread, listen, url_of
from strongroom_sandbox.recorder import LeakedCredentials, Operation, Recorder, Recording, Requests, SandboxOrigin
from strongroom_sandbox.storage import Storage, StoredLink
from strongroom_sandbox.transfer import StoredFile

TAKES = timedelta(seconds=30)
LIFE = timedelta(days=1)
RECORDS = 60  # in each file
TOKEN = "canary-access-token"  # noqa: S105  (of a simulation)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*|@")


@dataclass
class DescribedJob:
    """One export."""

    id: str
    datasets: list[str]
    created_at: datetime
    ready_at: datetime
    ends_at: datetime
    deleted: bool = False


def put(holder: dict[str, Any], expression: str, value: object) -> object:
    """Write a value where an expression finds it, and return the whole; of alternatives, at the first plain one.

    Raises ValueError for an expression that no answer can be made from.
    """
    inner = re.fullmatch(r"not_null\((.*)\)", expression)
    options = re.split(r"\|\||,", inner[1] if inner else expression)
    path = next((each.strip() for each in options if _PLAIN.fullmatch(each.strip())), None)
    if path is None:
        raise ValueError(f"an answer cannot be made from {expression}")
    if path == "@":
        return value
    *outer, last = path.split(".")
    inside = holder
    for name in outer:
        inside = inside.setdefault(name, {})
    inside[last] = value
    return holder


class DescribedSandbox:
    """One account at the provider of a manifest; use it as a context manager. Records lie within `window`.

    An export is ready after `takes`.
    """

    def __init__(
        self,
        manifest: Manifest,
        clock: SandboxClock,
        key: str,
        window: Window,
        token_prefix: str = "",
        takes: timedelta = TAKES,
    ) -> None:
        self.manifest, self.clock, self.window, self._takes = manifest, clock, window, takes
        self.faults = FaultBook()
        self.jobs: dict[str, DescribedJob] = {}
        self._key = key
        self._sent = TOKEN if manifest.auth.kind is AuthKind.CLIENT_CREDENTIALS else key
        self._recorder = Recorder(clock, LeakedCredentials({self._sent: frozenset({SandboxOrigin.API})}))
        self._storage = Storage(self.faults, clock, secrets.token_bytes, prefix=token_prefix)
        self._injector = FaultInjector(self.faults, clock, self._refusal)
        self._folder = tempfile.TemporaryDirectory(prefix="described-sandbox-")

    @property
    def requests(self) -> Requests:
        """Everything that has arrived."""
        return self._recorder.snapshot()

    def __enter__(self) -> DescribedSandbox:
        storage = Starlette(routes=self._storage.routes())
        apps = {
            SandboxOrigin.API: Starlette(routes=list(self._routes())),
            SandboxOrigin.STORAGE: storage,
            SandboxOrigin.MIRROR: storage,
        }
        plugs = listen("127.0.0.1", [0, 0, 0])
        self.url, self._storage.url, self._storage.mirror_url = (url_of("127.0.0.1", plug) for plug in plugs)
        recorded = [Recording(app, origin, self._recorder, self.clock) for origin, app in apps.items()]
        self._thread = HostThread(list(zip(recorded, plugs, strict=True)))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.stop()
        self._folder.cleanup()

    def _routes(self) -> Iterator[Route]:
        own = self.manifest
        if own.auth.token_path:
            yield Route(own.auth.token_path, self._token, methods=["POST"])
        if own.account is not None:
            yield self._route("GET", own.account.path, Operation.PLAN, self._account)
        for name, dataset in own.datasets.items():
            path = (dataset.path or own.create.path).replace("{dataset}", own.word(name))
            yield self._route(own.create.method, path, Operation.CREATE, partial(self._create, name))
        if own.list is not None:
            yield self._route("GET", own.list.path, Operation.LIST, self._list)
        if own.renew is not None:
            yield self._route(own.renew.method, own.renew.path, Operation.RENEW, self._renew)
        if own.delete is not None:
            yield self._route(own.delete.method, own.delete.path, Operation.DELETE, self._delete)
        if own.observe.path:
            yield self._route("GET", own.observe.path, Operation.GET, self._get)
        if own.download.path:
            yield self._route("GET", own.download.path, Operation.LINK, self._download)

    def _route(self, method: str, path: str, operation: Operation, work: Any) -> Route:
        async def endpoint(request: Request) -> Response:
            async def handle(_faults: tuple[InjectedFault, ...]) -> Response:
                found: Response = await work(request)
                return found

            refused = self._refuse_key(request)
            return refused or await self._injector.play(request, operation, request.path_params.get("id", ""), handle)

        return Route(path, endpoint, methods=[method])

    def _refuse_key(self, request: Request) -> Response | None:
        """Return a 401 where the credential is not the one that the manifest sends."""
        auth = self.manifest.auth
        header = auth.header if auth.kind is AuthKind.HEADER else "Authorization"
        value = request.headers.get(header, "")
        return None if value.split(" ")[-1:] == [self._sent] or auth.kind is AuthKind.BASIC else self._refusal(401)

    def _refusal(self, status: int, code: str = "", message: str = "", details: Any = None) -> Response:  # noqa: ARG002
        own, body = self.manifest.errors, dict[str, Any]()
        for expression, value in ((own.code, code or "refused"), (own.message, message or "It cannot be done.")):
            if any(_PLAIN.fullmatch(each.strip()) for each in expression.split("||")):
                put(body, expression, value)
        return JSONResponse(body, status)

    async def _token(self, _request: Request) -> Response:
        return JSONResponse({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})

    async def _account(self, _request: Request) -> Response:
        own = self.manifest.account
        return JSONResponse(put({}, own.retention_days, 90) if own else {})

    async def _create(self, name: str, _request: Request) -> Response:
        own, now = self.manifest.create, self.clock()
        datasets = list(self.manifest.datasets) if own.together else [name]
        ready = now + self._takes
        job = DescribedJob(f"exp{len(self.jobs) + 1:04}{secrets.token_hex(4)}", datasets, now, ready, ready + LIFE)
        self.jobs[job.id] = job
        body: dict[str, Any] = {}
        if own.export:
            put(body, own.export, self._shown(job))
        if own.id:
            put(body, own.id, job.id)
        headers = {own.id_header: f"/exports/{job.id}"} if own.id_header and not own.id else {}
        return JSONResponse(body, own.accepted[-1], headers=headers)

    def _find(self, request: Request) -> DescribedJob | None:
        """Return the export that a path names, None where the API does not know it any more."""
        job = self.jobs.get(request.path_params["id"])
        return None if job is None or self._is_gone(job) else job

    def _is_gone(self, job: DescribedJob) -> bool:
        """Say whether an export is no longer known: it was deleted, or nothing else can show that it has ended."""
        words = self.manifest.export
        shows = words.expires or words.statuses.expired or words.life
        return job.deleted or (self.clock() >= job.ends_at and not shows)

    async def _get(self, request: Request) -> Response:
        job = self._find(request)
        return (
            self._refusal(self.manifest.observe.gone[0])
            if job is None
            else JSONResponse(put({}, self.manifest.observe.export, self._shown(job)))
        )

    async def _list(self, request: Request) -> Response:
        own = self.manifest.list or ListRequest("/", "@")
        listed = [self._shown(job) for job in self.jobs.values() if not self._is_gone(job)]
        query = request.query_params
        if own.paging in (Paging.PAGE, Paging.OFFSET) and int(query.get(own.page_key, own.first_page)) > own.first_page:
            listed = []
        return JSONResponse(put({}, own.entries, listed))

    async def _renew(self, request: Request) -> Response:
        job, own = self._find(request), self.manifest.renew or RenewRequest("/")
        if job is None or self.clock() < job.ends_at:
            return self._refusal(own.gone[0] if job is None else own.still_there[0])
        job.ready_at = self.clock() + self._takes
        job.ends_at = job.ready_at + LIFE
        return JSONResponse({}, own.accepted[-1])

    async def _delete(self, request: Request) -> Response:
        job = self._find(request)
        if job is None:
            return self._refusal(404)
        job.deleted = True
        return Response(status_code=204)

    async def _download(self, request: Request) -> Response:
        job, own = self._find(request), self.manifest.download
        if job is None:
            return self._refusal(own.gone[0])
        if not job.ready_at <= self.clock() < job.ends_at:
            early = self.manifest.observe.not_ready if self.manifest.observe.by is ObserveBy.FILE else own.expired
            return self._refusal(early[0])
        if own.by is DownloadBy.FILE:
            return RedirectResponse(self._link(job, job.datasets[0]), 302)
        return JSONResponse(self._with_links({}, job))

    def _shown(self, job: DescribedJob) -> dict[str, Any]:
        """Return an export as its own answer and the list show it."""
        own, now = self.manifest.export, self.clock()
        ready, over = now >= job.ready_at, now >= job.ends_at
        words = own.statuses
        finished = words.ready or words.unclear
        word = (words.expired or finished if over else finished if ready else words.queued or words.running)[:1]
        facts: dict[str, object] = {own.id: job.id, own.created: format_instant(job.created_at)}
        facts |= {own.status: word[0]} if word else {}
        facts |= {own.request.dataset: self.manifest.word(job.datasets[0])}
        if ready:
            facts |= {own.completed: format_instant(job.ready_at), own.expires: format_instant(job.ends_at)}
            facts |= {own.size: self._file(job, job.datasets[0]).size, own.rows: RECORDS}
        holder: dict[str, Any] = {}
        for expression, value in facts.items():
            if expression:
                put(holder, expression, value)
        if ready and not over and self.manifest.download.by is DownloadBy.LINK:
            self._with_links(holder, job)
        return holder

    def _with_links(self, holder: dict[str, Any], job: DescribedJob) -> object:
        own = self.manifest.download
        if not own.parts:
            return put(holder, own.link, self._link(job, job.datasets[0]))
        return put(holder, own.parts, [self._part(job, name) for name in job.datasets])

    def _part(self, job: DescribedJob, name: str) -> object:
        own, part = self.manifest.download, dict[str, Any]()
        facts: Mapping[str, object] = {
            own.size: self._file(job, name).size,
            own.rows: RECORDS,
            own.dataset: self.manifest.word(name),
        }
        for expression, value in facts.items():
            if expression:
                put(part, expression, value)
        return put(part, own.link, self._link(job, name))

    def _link(self, job: DescribedJob, name: str) -> str:
        stored = self._file(job, name)

        async def opened(_faults: tuple[InjectedFault, ...]) -> StoredFile | None:
            return None if job.deleted else stored

        return self._storage.issue(StoredLink(f"/{stored.path.name}", job.id, job.ends_at, opened))

    def _file(self, job: DescribedJob, name: str) -> StoredFile:
        path = Path(self._folder.name) / f"{job.id}-{name}"
        if not path.exists():
            path.write_bytes(write_records(self.manifest, job.datasets, name, self.window))
        return StoredFile(path, path.stat().st_size, path.name, path.name, "application/octet-stream", job.ready_at)


def write_records(manifest: Manifest, datasets: list[str], name: str, window: Window) -> bytes:
    """Return a file of a dataset, or of several in a ZIP, in the manifest's container; the same each time."""
    records = [_record(manifest, name, window, number) for number in range(RECORDS)]
    match manifest.download.container:
        case Container.CSV:
            text = io.StringIO(newline="")
            rows = csv.DictWriter(text, list(records[0]))
            rows.writeheader()
            rows.writerows(records)
            return text.getvalue().encode()
        case Container.NDJSON:
            return b"".join(json.dumps(record).encode() + b"\n" for record in records)
        case Container.JSON_ARRAY:
            return json.dumps(records).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for each in datasets:
            inner = json.dumps([_record(manifest, each, window, number) for number in range(RECORDS)])
            archive.writestr(zipfile.ZipInfo(manifest.datasets[each].member), inner)
        for companion in manifest.download.companions:
            archive.writestr(zipfile.ZipInfo(companion), "{}")
    return packed.getvalue()


def _record(manifest: Manifest, name: str, window: Window, number: int) -> dict[str, str]:
    own = manifest.datasets[name]
    at = window.start + window.length * (number + 1) / (RECORDS + 1)
    known = {field: f"{field} {number}" for field in (*own.known, *own.senders, *own.recipients, *own.always)}
    text = {
        "text": f"what happened as number {number}, in as many words as a message of some length has, and a few more"
    }
    facts = {own.id or "id": f"{name}-{number}", own.time or "at": format_instant(at.replace(microsecond=0))}
    return {**known, **facts, **text}
