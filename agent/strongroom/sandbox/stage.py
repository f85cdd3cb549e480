"""How one request is played: faults that answer come before or after the work, the work sees the others."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from strongroom.model.instants import Clock
from strongroom.sandbox.bent import bend
from strongroom.sandbox.faults import ANSWERS, BodyShape, Fault, FaultBook, FaultKind, WaitHint, only
from strongroom.sandbox.recorder import Operation, RecordedRequest
from strongroom.sandbox.wire import Silence

Handler = Callable[[tuple[Fault, ...]], Awaitable[Response]]
"""Does the work of one request; gets the faults that do not answer by themselves."""


class Refusal(Protocol):
    """Writes an error the way one origin does; an empty code means the usual one for the status."""

    def __call__(self, status: int, code: str = "", message: str = "", details: Any = None) -> Response:
        """Return the error."""


class Stage:
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

    def _answer(self, fault: Fault) -> Response:
        if fault.kind is FaultKind.HANG:
            return Silence(fault.seconds)
        if fault.kind is FaultKind.RESET:
            return Silence()
        details = {"retryAfter": fault.wait} if fault.hint is WaitHint.DETAILS else None
        response = self._shape(fault, details)
        response.headers.update(self._hints(fault))
        return response

    def _shape(self, fault: Fault, details: Any) -> Response:
        if fault.body is BodyShape.NATIVE:
            return self._refusal(fault.status, fault.code, details=details)
        return error_page(fault.body, fault.status)

    def _hints(self, fault: Fault) -> dict[str, str]:
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
