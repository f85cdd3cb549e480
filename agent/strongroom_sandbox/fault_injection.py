"""Below HTTP: how a connection ends. ASGI has no word for a reset, so each request carries its own connection.

How one request is played: faults that answer come before or after the work, the work sees the others.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from strongroom.model.times import Clock
from strongroom_sandbox.faults import ANSWERS, BodyShape, FaultBook, FaultKind, InjectedFault, WaitHint, only
from strongroom_sandbox.odd_answers import bend
from strongroom_sandbox.recorder import Operation, RecordedRequest


class SandboxConnection:
    """One client connection; request handlers find it at `request.state.wire`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._gone = asyncio.Event()

    def lost(self) -> None:
        """Note that the connection is no more."""
        self._gone.set()

    async def close(self) -> None:
        """Send what is buffered, then end the stream, whatever was promised in the headers."""
        self._transport.close()
        await self._gone.wait()

    async def reset(self) -> None:
        """Drop the connection with a TCP reset; bytes still buffered are lost."""
        self.abort()
        await self._gone.wait()

    def abort(self) -> None:
        """Drop the connection without waiting for it."""
        plug = self._transport.get_extra_info("socket")
        if plug is not None and not self._gone.is_set():
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def linger(self, seconds: float) -> None:
        """Wait until the client goes away, at most this long in real time."""
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            return


class WireProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with the connection handed to the application in `scope["state"]`."""

    wire: SandboxConnection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the connection to every request that comes over it."""
        super().connection_made(transport)
        # asyncio does this for sockets that name TCP as their protocol; listening sockets made elsewhere do not, and
        # each answer would then wait some 40 ms for the client's delayed acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = SandboxConnection(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "wire": self.wire}

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits on the connection."""
        super().connection_lost(exc)
        self.wire.lost()


class Silence(Response):
    """No answer at all: the client waits up to `seconds` of real time, then the connection is reset."""

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (ASGI's signature)
        """Say nothing, then drop the connection."""
        wire: SandboxConnection = scope["state"]["wire"]
        await wire.linger(self._seconds)
        await wire.reset()


Handler = Callable[[tuple[InjectedFault, ...]], Awaitable[Response]]
"""Does the work of one request; gets the faults that do not answer by themselves."""


class Refusal(Protocol):
    """Writes an error the way one origin does; an empty code means the usual one for the status."""

    def __call__(self, status: int, code: str = "", message: str = "", details: Any = None) -> Response:
        """Return the error."""


class FaultStage:
    """Plays requests of one origin against the faults that are switched on."""

    def __init__(self, faults: FaultBook, clock: Clock, refusal: Refusal) -> None:
        self._faults = faults
        self._clock = clock
        self._refusal = refusal

    async def play(self, request: Request, operation: Operation, job: str, handle: Handler) -> Response:
        """Return the answer, or the fault that stands in its place."""
        entry: RecordedRequest = request.state.entry
        entry.operation, entry.job = operation, job
        faults = self._faults.take(operation, job, entry.provider)
        entry.faults = tuple(str(fault.kind) for fault in faults)
        answers = only(faults, ANSWERS)
        for fault in answers:
            if not fault.after:
                return self._answer(fault)
        response = bend(await handle(tuple(fault for fault in faults if fault not in answers)), faults)
        return self._answer(answers[0]) if answers else response

    def _answer(self, fault: InjectedFault) -> Response:
        if fault.kind is FaultKind.HANG:
            return Silence(fault.seconds)
        if fault.kind is FaultKind.RESET:
            return Silence()
        details = {"retryAfter": fault.wait} if fault.hint is WaitHint.DETAILS else None
        response = self._shape(fault, details)
        response.headers.update(self._hints(fault))
        return response

    def _shape(self, fault: InjectedFault, details: Any) -> Response:
        if fault.body is BodyShape.NATIVE:
            return self._refusal(fault.status, fault.code, details=details)
        return error_page(fault.body, fault.status)

    def _hints(self, fault: InjectedFault) -> dict[str, str]:
        until = self._clock() + timedelta(seconds=fault.wait)
        if fault.hint is WaitHint.SECONDS:
            return {"Retry-After": str(fault.wait)}
        if fault.hint is WaitHint.DATE:
            return {"Retry-After": format_datetime(until, usegmt=True)}
        if fault.hint is WaitHint.RESET_MS:
            return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(until.timestamp() * 1000))}
        return {}


def error_page(shape: BodyShape, status: int) -> Response:
    """Return an error of this status as something other than the provider's own shape."""
    if shape is BodyShape.HTML:
        return HTMLResponse(_HTML, status)
    if shape is BodyShape.XML:
        return xml_error(status)
    if shape is BodyShape.JSON:
        return JSONResponse({"error": "unexpected"}, status)
    return Response(status_code=status)


def xml_error(status: int, code: str = "", message: str = "", details: Any = None) -> Response:
    """Return an error the way object stores write them."""
    words = code or _XML_CODES.get(status, "InternalError")
    said = message or "The request could not be served."
    extra = f"<Details>{json.dumps(details).replace('<', '')}</Details>" if details else ""
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{words}</Code><Message>{said}</Message>{extra}</Error>'
    )
    return Response(text, status, media_type="application/xml")


_HTML = """<!DOCTYPE html>
<html><head><title>Service notice</title></head>
<body><h1>We will be right back</h1><p>The page you asked for is being serviced.</p></body></html>
"""

_XML_CODES = {
    400: "InvalidRequest",
    401: "AccessDenied",
    403: "AccessDenied",
    404: "NoSuchKey",
    410: "Gone",
    416: "InvalidRange",
    429: "SlowDown",
    503: "SlowDown",
}
