"""How HookBridge says things: envelopes, what it reads in requests, how it shows an export. Pure translation."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from starlette.responses import JSONResponse

from strongroom.model.times import Chance, format_instant, parse_instant
from strongroom_sandbox.hookbridge_jobs import DirectionShown, HookBridgeOptions, HookBridgeOrder, Job
from strongroom_sandbox.hookbridge_shapes import DIRECTIONS, INBOUND, MESSAGE_STATUSES, OUTBOUND, endpoints_of
from strongroom_sandbox.jobs import Phase
from strongroom_sandbox.shared_options import Unwanted

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_ERRORS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("INVALID_REQUEST", "The request is not valid"),
        401: ("UNAUTHORIZED", "Invalid or missing API key"),
        403: ("FORBIDDEN", "Your plan or key does not allow this"),
        404: ("NOT_FOUND", "not found"),
        405: ("INVALID_REQUEST", "The method is not allowed here"),
        409: ("CONFLICT", "The resource is in another state"),
        410: ("GONE", "The export has expired"),
        429: ("RATE_LIMITED", "Too many failed authentication attempts"),
    }
)


class HookBridgeBadRequest(Exception):
    """The request cannot be carried out; `code` is the provider's."""

    def __init__(self, message: str, code: str = "INVALID_REQUEST") -> None:
        super().__init__(message)
        self.code = code


class Envelope:
    """Wraps answers: data or error, and meta with a request id of its own."""

    def __init__(self, random_bytes: Chance) -> None:
        self._chance = random_bytes

    def data(self, data: Any, status: int = 200, **meta: Any) -> JSONResponse:
        """Return a success."""
        return JSONResponse({"data": data, "meta": {"request_id": self._request_id(), **meta}}, status)

    def error(self, status: int, code: str = "", message: str = "", details: Any = None) -> JSONResponse:
        """Return an error; an empty code or message means the usual one for the status."""
        usual_code, usual_message = _ERRORS.get(status, ("INTERNAL_ERROR", "Something went wrong"))
        error = {"code": code or usual_code, "message": message or usual_message}
        wrapped = error if details is None else {**error, "details": details}
        return JSONResponse({"error": wrapped, "meta": {"request_id": self._request_id()}}, status)

    def _request_id(self) -> str:
        return f"req_{self._chance(8).hex()}"


def read_order(body: object, options: HookBridgeOptions, seed: int) -> HookBridgeOrder:
    """Read the body of a creation; endpoints are those of the account with this seed. Raises HookBridgeBadRequest."""
    if not isinstance(body, dict):
        raise HookBridgeBadRequest("the body must be a JSON object")
    start, end = (_read_instant(body.get(name), name) for name in ("start_time", "end_time"))
    if end <= start:
        raise HookBridgeBadRequest("end_time must be after start_time")
    if options.max_window is not None and end - start > options.max_window:
        raise HookBridgeBadRequest("the time range is too long")
    direction = _read_word(body, "direction", DIRECTIONS) or OUTBOUND
    status = _read_word(body, "status", MESSAGE_STATUSES)
    endpoint, inbound = (_read_endpoint(body, name, direction, options, seed) for name in _ENDPOINT_FIELDS)
    return HookBridgeOrder(start, end, direction, status, endpoint, inbound)


_ENDPOINT_FIELDS: Mapping[str, str] = MappingProxyType({"endpoint_id": OUTBOUND, "inbound_endpoint_id": INBOUND})


def bare(endpoint: str) -> str:
    """Return an endpoint's id as a bare UUID, whatever way it was written; raise ValueError when it is none."""
    return str(uuid.UUID(endpoint.removeprefix("ep_")))


def write_job(job: Job, phase: Phase, options: HookBridgeOptions, *, at_creation: bool = False) -> dict[str, Any]:
    """Return the ExportRecord; what is not there (yet) is absent, or null where the options say so."""
    order = job.order
    shown = options.direction_shown is DirectionShown.ALWAYS
    shown |= options.direction_shown is DirectionShown.AFTER_CREATE and not at_creation
    optional = {
        "filter_status": order.status or None,
        "filter_endpoint_id": _echo_endpoint(order.endpoint_id, options),
        "filter_inbound_endpoint_id": order.inbound_endpoint_id or None,
        "direction": order.direction if shown else None,
        **_results(job, phase, options),
    }
    return {
        "id": job.id,
        "project_id": "proj_sandbox",
        "status": str(phase),
        "filter_start_time": write_instant(order.start, options),
        "filter_end_time": write_instant(order.end, options),
        **{name: value for name, value in optional.items() if value is not None or options.null_fields},
        "created_at": write_instant(job.created_at, options),
    }


def write_instant(instant: datetime, options: HookBridgeOptions) -> str:
    """Write an instant as the examples do: in UTC, fractions only where there are any."""
    if options.echo_millis:
        return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return format_instant(instant)


def write_plan(options: HookBridgeOptions, exports: int) -> dict[str, Any]:
    """Return the subscription as the billing endpoint shows it."""
    return {
        "plan": options.plan,
        "status": "active",
        "limits": {"messages_per_month": 25_000, "retention_days": options.retention_days},
        "usage": {"messages": 4_210, "exports": exports},
    }


def _results(job: Job, phase: Phase, options: HookBridgeOptions) -> dict[str, Any]:
    over = phase in (Phase.COMPLETED, Phase.FAILED, Phase.EXPIRED)
    file = job.file if options.sizes_given and phase in (Phase.COMPLETED, Phase.EXPIRED) else None
    made = phase in (Phase.COMPLETED, Phase.EXPIRED)
    return {
        "row_count": file.records + job.count_error + options.count_header if file else None,
        "file_size_bytes": file.size + job.size_error if file else None,
        "error_message": job.failure if phase is Phase.FAILED else None,
        "started_at": write_instant(job.started_at, options) if phase is not Phase.PENDING else None,
        "completed_at": write_instant(job.ready_at, options) if over and job.ready_at else None,
        "expires_at": write_instant(job.expires_at, options) if made else None,
    }


def _echo_endpoint(endpoint: str, options: HookBridgeOptions) -> str | None:
    if not endpoint:
        return None
    return bare(endpoint) if options.bare_endpoint_ids else endpoint


def _read_word(body: dict[str, object], name: str, words: tuple[str, ...]) -> str:
    value = body.get(name, "")
    if value and (not isinstance(value, str) or value not in words):
        raise HookBridgeBadRequest(f"{name} must be one of {', '.join(words)}")
    return str(value)


def _read_endpoint(body: dict[str, object], name: str, direction: str, options: HookBridgeOptions, seed: int) -> str:
    value, side = body.get(name), _ENDPOINT_FIELDS[name]
    if value is None or value == "":
        return ""
    if side != direction:
        if options.misplaced_filter is Unwanted.ACCEPT:
            return ""
        raise HookBridgeBadRequest(f"{name} is only for direction={side}")
    try:
        known = isinstance(value, str) and bare(value) in endpoints_of(seed, side)
    except ValueError:
        raise HookBridgeBadRequest(f"{name} is not a valid id") from None
    if not known:
        raise HookBridgeBadRequest("endpoint not found", "ENDPOINT_NOT_FOUND")
    return str(value)


def _read_instant(value: object, name: str) -> datetime:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise HookBridgeBadRequest(f"{name} must be an RFC 3339 time, as in 2025-12-01T00:00:00Z")
    try:
        return parse_instant(value)
    except ValueError:
        raise HookBridgeBadRequest(f"{name} is not a date that exists") from None
