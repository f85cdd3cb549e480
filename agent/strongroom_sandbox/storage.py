"""The storage hosts: files behind links that carry a token and die. No credential is asked for, none is expected.

A link is a path and a `token` query parameter; whoever holds it may fetch the file until it expires. Answers to
refused links are XML, as object stores write them.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from strongroom.model.times import Chance, Clock
from strongroom_sandbox.fault_injection import FaultStage, xml_error
from strongroom_sandbox.faults import FILES, TRANSFERS, FaultBook, FaultKind, InjectedFault, first, only
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.transfer import StoredFile, TransferFaults, serve_file

Opener = Callable[[tuple[InjectedFault, ...]], Awaitable[StoredFile | None]]
"""Gives the file behind a link, bent by file faults; None when it is gone."""


class StoredLink(Struct, frozen=True):
    """What one token opens."""

    path: str  # absolute, as in /exports/exp_1.zip
    job: str
    expires_at: datetime
    open: Opener
    dead_status: int = 403  # how the host answers once it has expired
    manners: TransferFaults = field(default_factory=TransferFaults)
    provider: ProviderName = ProviderName.ZAVU


class Storage:
    """The files of all providers, and the links to them. Tokens are 32 hexadecimal digits behind `prefix`."""

    def __init__(self, faults: FaultBook, clock: Clock, random_bytes: Chance, *, prefix: str = "") -> None:
        self.url = ""  # set once the port is known
        self.mirror_url = ""
        self._clock = clock
        self._chance = random_bytes
        self._prefix = prefix
        self._links: dict[str, StoredLink] = {}
        self._lock = threading.Lock()
        self._stage = FaultStage(faults, clock, xml_error)

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
            return await self._stage.play(request, Operation.DOWNLOAD, job, handle)
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
        return serve_file(request, file, only(faults, TRANSFERS), link.manners)

    def _redirect(self, request: Request, left: int, path: str, *, across: bool) -> Response:
        here = f"{request.url.scheme}://{request.url.netloc}"
        base = here if not across else (self.url if here == self.mirror_url else self.mirror_url)
        return RedirectResponse(f"{base}/hop/{left}{path}?{request.url.query}", 302)


def _split_hops(path: str) -> tuple[int | None, str]:
    parts = path.split("/", 3)
    if len(parts) == 4 and parts[1] == "hop" and parts[2].isdecimal():
        return int(parts[2]), "/" + parts[3]
    return None, path
