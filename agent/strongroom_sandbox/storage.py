"""Export files, and the storage hosts where they are behind links that carry a token and expire.

A link is a path and a `token` query parameter; anyone who has it may fetch the file until it expires. No credential is
asked for, and none is expected. Answers to refused links are XML, as object stores write them.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Generic, Self, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from strongroom.model.times import Chance, Clock
from strongroom_sandbox.fault_injection import FaultInjector, xml_error
from strongroom_sandbox.faults import FILES, TRANSFERS, FaultBook, FaultKind, InjectedFault, first, only
from strongroom_sandbox.jobs import OrderT, SandboxJob
from strongroom_sandbox.options import TransferOptions
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.transfer import StoredFile, serve_file

Opener = Callable[[tuple[InjectedFault, ...]], Awaitable[StoredFile | None]]
"""Gives the file behind a link, with these file faults; None when it is gone."""


class StoredLink(Struct, frozen=True):
    """What one token opens."""

    path: str  # absolute, as in /exports/exp_1.zip
    job: str
    expires_at: datetime
    open: Opener
    dead_status: int = 403  # how the host answers once it has expired
    transfer: TransferOptions = field(default_factory=TransferOptions)
    provider: ProviderName = ProviderName.ZAVU


class Storage:
    """The files of all providers, and the links to them. Tokens are 32 hexadecimal digits after `prefix`."""

    def __init__(self, faults: FaultBook, clock: Clock, random_bytes: Chance, *, prefix: str = "") -> None:
        self.url = ""  # set once the port is known
        self.mirror_url = ""
        self._clock = clock
        self._chance = random_bytes
        self._prefix = prefix
        self._links: dict[str, StoredLink] = {}
        self._lock = threading.Lock()
        self._injector = FaultInjector(faults, clock, xml_error)

    def issue(self, link: StoredLink) -> str:
        """Return a fresh absolute URL for the link."""
        token = self._prefix + self._chance(16).hex()
        with self._lock:
            self._links[token] = link
        return f"{self.url}{link.path}?token={token}"

    def routes(self) -> list[Route]:
        """Return what a storage host serves."""
        return [Route("/{path:path}", self._download, methods=["GET"])]

    async def _download(self, request: Request) -> Response:
        hops, path = _split_hops(request.url.path)
        link = self._links.get(request.query_params.get("token", ""))
        job = link.job if link else ""
        request.state.entry.provider = link.provider if link else None

        async def handle(faults: tuple[InjectedFault, ...]) -> Response:
            return await self._serve(request, path, link, faults)

        if hops is None:
            return await self._injector.play(request, Operation.DOWNLOAD, job, handle)
        request.state.entry.operation, request.state.entry.job = Operation.DOWNLOAD, job
        if hops:
            return self._redirect(request, hops - 1, path, across=False)
        return await handle(())

    async def _serve(
        self, request: Request, path: str, link: StoredLink | None, faults: tuple[InjectedFault, ...]
    ) -> Response:
        if link is None or link.path != path:
            return xml_error(403, message="The token is not valid for this file.")
        if self._clock() >= link.expires_at:
            return xml_error(link.dead_status, message="The link has expired.")
        redirect = first(faults, FaultKind.REDIRECT)
        if redirect is not None:
            if redirect.to:
                return RedirectResponse(redirect.to, 302)
            return self._redirect(request, redirect.hops - 1, path, across=redirect.across)
        file = await link.open(only(faults, FILES))
        if file is None:
            return xml_error(404, message="The file does not exist.")
        return serve_file(request, file, only(faults, TRANSFERS), link.transfer)

    def _redirect(self, request: Request, left: int, path: str, *, across: bool) -> Response:
        here = f"{request.url.scheme}://{request.url.netloc}"
        base = here if not across else (self.url if here == self.mirror_url else self.mirror_url)
        return RedirectResponse(f"{base}/hop/{left}{path}?{request.url.query}", 302)


def _split_hops(path: str) -> tuple[int | None, str]:
    parts = path.split("/", 3)
    if len(parts) == 4 and parts[1] == "hop" and parts[2].isdecimal():
        return int(parts[2]), "/" + parts[3]
    return None, path


ItemT = TypeVar("ItemT")


class FileContent(Struct, frozen=True, kw_only=True):
    """What one file holds, as a value that can be compared and hashed."""

    job: str  # the export it belongs to
    span: SlotSpan  # of records, both ends included
    made_at: datetime
    faults: tuple[InjectedFault, ...] = ()  # of the kinds that damage files

    def with_faults(self, faults: tuple[InjectedFault, ...]) -> Self:
        """Return the same with further faults."""
        return replace(self, faults=self.faults + faults)


class Counted(Generic[ItemT]):
    """An iterator that counts what passes."""

    def __init__(self, items: Iterator[ItemT]) -> None:
        self._items = items
        self.count = 0

    def __iter__(self) -> Iterator[ItemT]:
        return self

    def __next__(self) -> ItemT:
        item = next(self._items)
        self.count += 1
        return item


def trailing_bytes(faults: tuple[InjectedFault, ...]) -> bytes:
    """Return what follows the end of the file."""
    trailing = first(faults, FaultKind.TRAILING_BYTES)
    return b"\0" * trailing.by if trailing else b""


ContentT = TypeVar("ContentT", bound=FileContent)


class _Stopped(Exception):
    """The sandbox is closing."""


class FileStore(ABC, Generic[ContentT]):
    """Builds export files in `folder`. May be used from several threads; builds one file at a time."""

    suffix = ""
    media_type = "application/octet-stream"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._built: dict[ContentT, StoredFile] = {}

    def stop(self) -> None:
        """Give up what is being built."""
        self._stopping.set()

    def build(self, content: ContentT) -> StoredFile | None:
        """Return the file, building it on the first call; None after `stop`."""
        with self._lock:
            try:
                if content not in self._built:
                    self._built[content] = self._write(content)
                return self._built[content]
            except _Stopped:
                return None

    @abstractmethod
    def fill(self, file: BinaryIO, content: ContentT) -> int:
        """Write the file and return how many records are in it."""

    def watched(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """Pass items on until `stop` is called: everything that `fill` writes from must pass here."""
        for item in items:
            if self._stopping.is_set():
                raise _Stopped
            yield item

    def _write(self, content: ContentT) -> StoredFile:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{content.job}-{len(self._built)}{self.suffix}"
        with path.open("w+b") as file:
            records = self.fill(file, content)
            size = file.tell()
        return StoredFile(
            path=path,
            size=size,
            etag=hashlib.sha256(f"{content}/{size}".encode()).hexdigest()[:32],
            filename=f"export_{content.job}{self.suffix}",
            media_type=self.media_type,
            modified=content.made_at,
            records=records,
        )


_LONGEST_WAIT = 20.0
"""Real seconds a request waits for a file that is due; then the export is shown as still processing."""


class FileBuilder(Generic[OrderT, ContentT]):
    """Has each export's file built off the event loop once it is due; `describe` says what belongs in it."""

    def __init__(self, store: FileStore[ContentT], describe: Callable[[SandboxJob[OrderT]], ContentT]) -> None:
        self._store = store
        self._describe = describe
        self._builds: dict[tuple[str, int], asyncio.Task[StoredFile | None]] = {}

    def stop(self) -> None:
        """Give up what is being built."""
        self._store.stop()

    async def file_of(self, job: SandboxJob[OrderT]) -> StoredFile | None:
        """Return the export's file, or None when it takes longer than a client would wait for an answer."""
        if job.file is None:
            turn = (job.id, job.generation)
            if turn not in self._builds:
                build = asyncio.to_thread(self._store.build, self._describe(job))
                self._builds[turn] = asyncio.create_task(build)
            try:
                job.file = await asyncio.wait_for(asyncio.shield(self._builds[turn]), _LONGEST_WAIT)
            except TimeoutError:
                return None
        return job.file

    def opener(self, job: SandboxJob[OrderT]) -> Opener:
        """Return what a link opens: the file, or a copy with one request's faults; nothing once it is deleted."""

        async def open_file(faults: tuple[InjectedFault, ...]) -> StoredFile | None:
            if job.deleted:
                return None
            if not faults:
                return await self.file_of(job)
            return await asyncio.to_thread(self._store.build, self._describe(job).with_faults(faults))

        return open_file
