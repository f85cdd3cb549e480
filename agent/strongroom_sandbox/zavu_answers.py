"""How Zavu says things: what it reads in requests, its errors, its times. Pure translation."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from starlette.responses import JSONResponse

from strongroom.model.times import parse_instant
from strongroom_sandbox.jobs import list_key
from strongroom_sandbox.zavu_jobs import Job, Unwanted, ZavuOptions, ZavuOrder, ZavuStatus
from strongroom_sandbox.zavu_shapes import DATASETS

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

_ERRORS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("invalid_request", "The request is not valid"),
        401: ("unauthorized", "The API key is missing or not valid"),
        402: ("payment_required", "The account has an open balance"),
        403: ("forbidden", "This API key may not do that"),
        404: ("not_found", "There is nothing here"),
        405: ("invalid_request", "The method is not allowed here"),
        409: ("conflict", "The resource is in another state"),
        410: ("not_found", "This is no longer offered"),
        429: ("rate_limited", "Too many requests"),
        501: ("internal_error", "This is not implemented"),
    }
)


class ZavuBadRequest(Exception):
    """The request cannot be read; the message is for the client, `field` the part that is wrong."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


def zavu_error(status: int, code: str = "", message: str = "", details: Any = None) -> JSONResponse:
    """Return an error as Zavu writes it: code, message and, where there are any, details."""
    usual_code, usual_message = _ERRORS.get(status, ("internal_error", "Something went wrong"))
    body = {"code": code or usual_code, "message": message or usual_message}
    return JSONResponse(body if details is None else {**body, "details": details}, status)


def read_order(body: object, options: ZavuOptions) -> ZavuOrder:
    """Read a CreateExportRequest. Raises ZavuBadRequest."""
    if not isinstance(body, dict):
        raise ZavuBadRequest("The body must be a JSON object", "body")
    data_types = _read_types(body.get("dataTypes"), options)
    bounds = [_read_instant(body[name], name) if name in body else None for name in ("dateFrom", "dateTo")]
    order = ZavuOrder(data_types, bounds[0], bounds[1])
    reversed_window = order.date_from and order.date_to and order.date_from > order.date_to
    if reversed_window and options.reversed_window is Unwanted.REFUSE:
        raise ZavuBadRequest("dateFrom must not be after dateTo", "dateFrom")
    return order


def read_page(query: Mapping[str, str], options: ZavuOptions) -> tuple[ZavuStatus | None, int, tuple[int, int] | None]:
    """Read the list's query: a status, a limit, and the position after which to go on. Raises ZavuBadRequest."""
    status = query.get("status")
    if status is not None and status not in {*ZavuStatus}:
        raise ZavuBadRequest(f"status must be one of {', '.join(ZavuStatus)}", "status")
    limit = query.get("limit", str(options.page_default))
    if not limit.isascii() or not limit.isdecimal() or int(limit) < 1:
        raise ZavuBadRequest("limit must be a positive integer", "limit")
    cursor = query.get("cursor")
    position = None if cursor is None else _read_cursor(cursor)
    return ZavuStatus(status) if status else None, min(int(limit), options.page_max), position


def position_of(job: Job) -> tuple[int, int]:
    """Return where an export stands in the list, as cursors carry it."""
    created_at, number = list_key(job)
    return int(created_at.timestamp() * 1_000_000), number


def encode_cursor(micros: int, number: int) -> str:
    """Return an opaque cursor for what follows this position."""
    return base64.urlsafe_b64encode(f"{micros}:{number}".encode()).decode().rstrip("=")


def write_instant(instant: datetime) -> str:
    """Write an instant as Zavu echoes it: UTC, always with milliseconds."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_job(job: Job, status: ZavuStatus, options: ZavuOptions, link: str | None) -> dict[str, Any]:
    """Return the DataExport object; what is not there (yet) is absent, or null where the options say so."""
    done = status in (ZavuStatus.COMPLETED, ZavuStatus.FAILED)
    optional = {
        "dateFrom": job.order.date_from and write_instant(job.order.date_from),
        "dateTo": job.order.date_to and write_instant(job.order.date_to),
        "downloadUrl": link,
        "fileSize": job.file.size + job.size_error if job.file and status is ZavuStatus.COMPLETED else None,
        "errorMessage": job.failure if status is ZavuStatus.FAILED else None,
        "completedAt": write_instant(job.ready_at) if done and job.ready_at else None,
    }
    return {
        "id": job.id,
        "status": status.upper() if options.upper_case_status else str(status),
        "dataTypes": list(job.order.data_types),
        **{name: value for name, value in optional.items() if value is not None or options.null_fields},
        "expiresAt": write_instant(job.expires_at),
        "createdAt": write_instant(job.created_at),
    }


def _read_types(value: object, options: ZavuOptions) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ZavuBadRequest("dataTypes must be a list with at least one data type", "dataTypes")
    wrong = [item for item in value if not isinstance(item, str) or item not in DATASETS]
    if wrong:
        raise ZavuBadRequest(f"dataTypes may hold {', '.join(DATASETS)}", "dataTypes")
    kept = tuple(dict.fromkeys(value))
    if len(kept) < len(value) and options.repeated_types is Unwanted.REFUSE:
        raise ZavuBadRequest("dataTypes must not repeat", "dataTypes")
    return kept


def _read_instant(value: object, field: str) -> datetime:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise ZavuBadRequest(f"{field} must be a date-time with a zone, as in 2024-01-01T00:00:00Z", field)
    try:
        instant = parse_instant(value.upper())
    except (ValueError, OverflowError):
        raise ZavuBadRequest(f"{field} is not a date that exists", field) from None
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _read_cursor(text: str) -> tuple[int, int]:
    try:
        micros, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split(":")
        return int(micros), int(number)
    except (ValueError, binascii.Error):
        raise ZavuBadRequest("cursor is not one that this API gave out", "cursor") from None
