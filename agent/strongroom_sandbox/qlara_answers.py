"""How Qlara says things: errors, ids, the list's entries and its envelope, links. Pure translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from strongroom.model.times import format_instant
from strongroom_sandbox.csv_style import TimeStyle, time_writer
from strongroom_sandbox.jobs import Phase
from strongroom_sandbox.qlara_jobs import Job, QlaraJobKind
from strongroom_sandbox.qlara_options import (
    CreateAnswer,
    EntryField,
    EntryIds,
    ExpiredShown,
    LinkShape,
    ListEnvelope,
    QlaraOptions,
)
from strongroom_sandbox.rows import Amount, Cell, Later, SandboxRow, Serial

_MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        400: "The request is not valid",
        401: "Invalid credentials",
        403: "Access denied",
        404: "Export not found",
        405: "Method not supported",
    }
)
_BROWSED = "messageId channel direction destination sender body status sendDate deliveryDate cost parts"
"""Fields of a browsed message, as a use case shows them."""


def qlara_error(status: int, code: str = "", message: str = "", details: Any = None) -> JSONResponse:
    """Return an error; only that of 429 is documented, and the others are given the same shape."""
    body: dict[str, Any] = {"status": status, "error": code or _phrase(status)}
    wait = details.get("retryAfter") if isinstance(details, dict) else None
    if wait is not None:
        return JSONResponse({**body, "message": f"Too many requests, retry after {wait} seconds", **details}, status)
    return JSONResponse({**body, "message": message or _MESSAGES.get(status, "Something went wrong")}, status)


def write_acceptance(job: Job, options: QlaraOptions, base: str) -> Response:
    """Return the 202 to a creation or a regeneration; `base` is the path of the list."""
    answer = options.create_answer
    value = shown_id(job, options)
    if answer is CreateAnswer.LOCATION:
        return Response(status_code=202, headers={"Location": f"{base}/{job.id}"})
    if answer is CreateAnswer.NOTHING:
        return Response(status_code=202)
    bodies: dict[CreateAnswer, Any] = {
        CreateAnswer.OBJECT: {options.id_name: value},
        CreateAnswer.NESTED: {"data": {options.id_name: value}},
        CreateAnswer.TEXT: job.id,
        CreateAnswer.NUMBER: value,
        CreateAnswer.NOTE: {"message": "Export queued"},
    }
    return JSONResponse(bodies[answer], 202)


def write_entry(job: Job, now: datetime, options: QlaraOptions) -> dict[str, Any]:
    """Return one entry of the list as things stand at `now`."""
    phase = _shown_phase(job, now, options)
    made = phase in (Phase.COMPLETED, Phase.EXPIRED)
    extra: dict[EntryField, Any] = {
        EntryField.TYPE: str(job.order.kind),
        EntryField.CREATED_AT: format_instant(job.created_at),
        EntryField.COMPLETED_AT: format_instant(job.ready_at) if made and job.ready_at else None,
        EntryField.EXPIRES_AT: format_instant(job.expires_at) if made else None,
        EntryField.FILE_NAME: f"export_{job.id}.csv" if made else None,
    }
    return {
        **({options.entry_id_name: shown_id(job, options)} if _has_id(phase, options) else {}),
        **{str(name): value for name, value in extra.items() if name in options.entry_fields},
        **_told_filters(job, options),
        "status": _word(phase, options),
        "isAvailableForDownload": phase is Phase.COMPLETED and is_available(job, now, options),
    }


def _shown_phase(job: Job, now: datetime, options: QlaraOptions) -> Phase:
    return Phase.EXPIRED if job.phase(now + options.expiry_lead) is Phase.EXPIRED else job.phase(now)


def _has_id(phase: Phase, options: QlaraOptions) -> bool:
    finished = phase not in (Phase.PENDING, Phase.PROCESSING)
    return options.entry_ids is EntryIds.ALL or (options.entry_ids is EntryIds.FINISHED and finished)


def is_available(job: Job, now: datetime, options: QlaraOptions) -> bool:
    """Say whether the export can be downloaded: it is completed, known to be so, and not expired."""
    ready = job.ready_at is not None and now >= job.ready_at + options.flag_lag
    return ready and job.phase(now) is Phase.COMPLETED


def write_list(entries: Sequence[Any], page: int, limit: int, total: int, options: QlaraOptions) -> JSONResponse:
    """Return one page of the list in its envelope."""
    envelope = options.envelope
    if envelope is ListEnvelope.ARRAY:
        return JSONResponse(list(entries))
    body: dict[str, Any] = {str(envelope): list(entries)}
    if envelope is ListEnvelope.CONTENT:
        pages = -(-total // limit)
        body |= {"totalElements": total, "totalPages": pages, "number": page, "size": limit, "last": page + 1 >= pages}
    return JSONResponse(body)


def write_link(url: str, options: QlaraOptions) -> Response:
    """Return a download link."""
    if options.link_shape is LinkShape.PLAIN:
        return PlainTextResponse(url)
    link = {options.link_name: url}
    bodies: dict[LinkShape, Any] = {LinkShape.OBJECT: link, LinkShape.NESTED: {"data": link}, LinkShape.TEXT: url}
    return JSONResponse(bodies[options.link_shape])


def write_message(row: SandboxRow, zone: str) -> dict[str, Any]:
    """Return one message as browsing shows it, its times with the offset of this zone."""
    write_time = time_writer(TimeStyle.MILLIS, zone)

    def value(cell: Cell) -> Any:
        if isinstance(cell, Serial):
            return row.serial(cell.prefix)
        if isinstance(cell, Later):
            return write_time(row.moment + cell.micros)
        return cell.value if isinstance(cell, Amount) else cell

    return {name: value(row.record.cells.get(name)) for name in _BROWSED.split()}


def shown_id(job: Job, options: QlaraOptions) -> str | int:
    """Return the id as bodies carry it."""
    return int(job.id) if options.numeric_ids else job.id


def _word(phase: Phase, options: QlaraOptions) -> str:
    words = {
        Phase.PENDING: "PENDING",
        Phase.PROCESSING: options.processing_word,
        Phase.COMPLETED: "COMPLETED",
        Phase.FAILED: options.failed_word,
        Phase.EXPIRED: "COMPLETED" if options.expired_shown is ExpiredShown.FLAG_ALONE else "EXPIRED",
    }
    return words[phase]


def _told_filters(job: Job, options: QlaraOptions) -> dict[str, Any]:
    if EntryField.FILTERS not in options.entry_fields:
        return {}
    return {"filters": _filters(job)} if EntryField.NESTED in options.entry_fields else _filters(job)


def _filters(job: Job) -> dict[str, Any]:
    order = job.order
    filters: dict[str, Any] = {
        "startDateTime": order.start and format_instant(order.start),
        "endDateTime": order.end and format_instant(order.end),
        "campaignId": order.campaign,
        "sender": order.sender,
        "recipient": order.recipient,
    }
    if order.kind is QlaraJobKind.CONTACTS:
        filters |= {"listIds": [int(text) for text in order.list_ids], "contactIds": list(order.contact_ids)}
    return {name: value for name, value in filters.items() if value}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
