"""Faults in answers: in place of them, after the work is done, and inside a good answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from strongroom.model.times import Clock
from strongroom_sandbox.faults import (
    ANSWER_BODIES,
    ANSWERS,
    BodyShape,
    FaultBook,
    FaultKind,
    InjectedFault,
    WaitHint,
    first,
    only,
)
from strongroom_sandbox.hosts import SandboxConnection
from strongroom_sandbox.recorder import Operation, RecordedRequest


class Silence(Response):
    """No answer at all: the client waits up to `seconds` of real time, then the connection is reset."""

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (ASGI's signature)
        """Send nothing, then drop the connection."""
        wire: SandboxConnection = scope["state"]["wire"]
        await wire.linger(self._seconds)
        await wire.reset()


Handler = Callable[[tuple[InjectedFault, ...]], Awaitable[Response]]
"""Does the work of one request; gets the faults that are no answers themselves."""


class ErrorWriter(Protocol):
    """Writes an error the way one origin does; an empty code or message means the usual one for the status."""

    def __call__(self, status: int, code: str = "", message: str = "", details: Any = None) -> Response:
        """Return the error."""


class FaultInjector:
    """Applies the faults that are switched on to the requests of one origin."""

    def __init__(self, faults: FaultBook, clock: Clock, error: ErrorWriter) -> None:
        self._faults = faults
        self._clock = clock
        self._error = error

    async def play(self, request: Request, operation: Operation, job: str, handle: Handler) -> Response:
        """Return the answer to a request, or the fault that takes its place."""
        entry: RecordedRequest = request.state.entry
        entry.operation, entry.job = operation, job
        faults = self._faults.take(operation, job, entry.provider)
        entry.faults = tuple(str(fault.kind) for fault in faults)
        answers = only(faults, ANSWERS)
        for fault in answers:
            if not fault.after:
                return self._answer(fault)
        response = apply_answer_faults(await handle(tuple(fault for fault in faults if fault not in answers)), faults)
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
            return self._error(fault.status, fault.code, details=details)
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


ZERO = "0001-01-01T00:00:00Z"
ELSEWHERE = "https://10.0.0.7/export?token=none"
RAW = "&file=Bericht Mä 1.csv"
_ENDS = frozenset({"expiresAt", "expires_at", "expirationDate", "completedAt", "completed_at"})


def apply_answer_faults(response: Response, faults: tuple[InjectedFault, ...]) -> Response:
    """Return the answer with odd times and links; an error is returned as it is.

    Each is a thing that a real API or storage was seen to answer; none of them is documented.
    """
    chosen = only(faults, ANSWER_BODIES)
    if not chosen or response.status_code >= 400:
        return response
    if "location" in response.headers:
        link = _change_link(response.headers["location"], chosen)
        raw = [(name, value) for name, value in response.raw_headers if name != b"location"]
        response.raw_headers = [*raw, (b"location", link.encode())]
        return response
    if "json" in response.headers.get("content-type", ""):
        text = json.dumps(_change(json.loads(bytes(response.body)), "", chosen), ensure_ascii=False)
    else:
        text = _change_link(bytes(response.body).decode(), chosen)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(text.encode(), response.status_code, headers)


def _change(value: Any, name: str, faults: tuple[InjectedFault, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _change(each, key, faults) for key, each in value.items()}
    if isinstance(value, list):
        return [_change(each, name, faults) for each in value]
    zero = first(faults, FaultKind.ZERO_TIMES)
    if zero is not None and name in _ENDS:
        return zero.name or ZERO
    return _change_link(value, faults) if isinstance(value, str) else value


def _change_link(text: str, faults: tuple[InjectedFault, ...]) -> str:
    if not text.startswith(("http", "/")) or "token=" not in text:
        return text
    foreign = first(faults, FaultKind.FOREIGN_LINK)
    if foreign is not None:
        return foreign.to or ELSEWHERE
    return text + RAW if first(faults, FaultKind.RAW_LINK) else text
