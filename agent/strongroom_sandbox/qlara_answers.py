"""How the simulated Qlara reads requests and writes answers: orders, pages, the list's entries, links and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from starlette.responses import JSONResponse, PlainTextResponse, Response

from strongroom.model.times import format_instant
from strongroom_sandbox.api import Refused, read_instant
from strongroom_sandbox.csv_files import time_writer
from strongroom_sandbox.jobs import Phase, SandboxJob
from strongroom_sandbox.options import (
    CreateAnswer,
    EntryField,
    EntryIds,
    ExpiredLook,
    LinkShape,
    ListEnvelope,
    QlaraOptions,
    TimeStyle,
    Unwanted,
)
from strongroom_sandbox.qlara_records import CHANNELS, DELIVERY_STATUSES, PREFIX, QlaraJobKind
from strongroom_sandbox.records import Amount, Cell, Later, SandboxRow, Serial


class QlaraOrder(Struct, frozen=True):
    """What a creation asks for; None or empty for what was left out."""

    kind: QlaraJobKind
    start: datetime | None = None
    end: datetime | None = None
    campaign: str = ""
    list_ids: tuple[str, ...] = ()
    contact_ids: tuple[str, ...] = ()
    sender: str = ""
    recipient: str = ""
    channel: str = ""
    status: str = ""


Job = SandboxJob[QlaraOrder]

_FORM = "an ISO-8601 date-time with a zone offset"
_LIST_ID = re.compile(r"(lst_)?[0-9]{1,18}")
_CONTACT_ID = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
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
    """Return one entry of the list as it is at `now`."""
    phase = Phase.EXPIRED if job.phase(now + options.expiry_lead) is Phase.EXPIRED else job.phase(now)
    finished = phase not in (Phase.PENDING, Phase.PROCESSING)
    named = options.entry_ids is EntryIds.ALL or (options.entry_ids is EntryIds.FINISHED and finished)
    made = phase in (Phase.COMPLETED, Phase.EXPIRED)
    filters = _filters(job.order) if EntryField.FILTERS in options.entry_fields else {}
    extra: dict[EntryField, Any] = {
        EntryField.TYPE: str(job.order.kind),
        EntryField.CREATED_AT: format_instant(job.created_at),
        EntryField.COMPLETED_AT: format_instant(job.ready_at) if made and job.ready_at else None,
        EntryField.EXPIRES_AT: format_instant(job.expires_at) if made else None,
        EntryField.FILE_NAME: f"export_{job.id}.csv" if made else None,
    }
    return {
        **({options.entry_id_name: shown_id(job, options)} if named else {}),
        **{str(name): value for name, value in extra.items() if name in options.entry_fields},
        **({"filters": filters} if {EntryField.FILTERS, EntryField.NESTED} <= options.entry_fields else filters),
        "status": _word(phase, options),
        "isAvailableForDownload": phase is Phase.COMPLETED and is_available(job, now, options),
    }


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
        Phase.EXPIRED: "COMPLETED" if options.expired is ExpiredLook.AS_BEFORE else "EXPIRED",
    }
    return words[phase]


def _filters(order: QlaraOrder) -> dict[str, Any]:
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


class Search(Struct, frozen=True):
    """What browsing the history asks for."""

    channel: str
    start: datetime  # included
    end: datetime  # included
    status: str
    page: int  # from 0
    limit: int


def read_order(kind: QlaraJobKind, body: object, options: QlaraOptions, campaigns: tuple[str, ...]) -> QlaraOrder:
    """Read the body of a creation; `campaigns` are the account's. Raises Refused."""
    if body is None and kind is QlaraJobKind.CONTACTS:
        body = {}
    if not isinstance(body, dict):
        raise Refused(400, "Malformed request body")
    if kind is QlaraJobKind.CONTACTS:
        return _read_contacts(body, options)
    if kind is QlaraJobKind.DELIVERY_REPORTS:
        return _read_reports(body, options, campaigns)
    return _read_history(body, options)


def read_page(query: Mapping[str, str], *, default: int, most: int) -> tuple[int, int]:
    """Return the page, counted from 0, and its length. Raises Refused."""
    numbers = []
    for name, usual, least in (("page", 0, 0), ("limit", default, 1)):
        text = query.get(name, str(usual))
        if not text.isascii() or not text.isdecimal() or int(text) < least:
            raise Refused(400, f"Parameter '{name}' must be a number from {least}")
        numbers.append(int(text))
    return numbers[0], min(numbers[1], most)


def read_search(query: Mapping[str, str], most: int) -> Search:
    """Read the query of browsing. Raises Refused."""
    channel, status = query.get("channel", ""), query.get("status", "")
    if channel not in CHANNELS:
        raise Refused(400, f"Parameter 'channel' must be one of {', '.join(CHANNELS)}")
    if status and status not in DELIVERY_STATUSES:
        raise Refused(400, f"Parameter 'status' must be one of {', '.join(DELIVERY_STATUSES)}")
    start, end = (read_instant(query.get(name), name, _FORM, seconds=False) for name in ("from", "to"))
    page, limit = read_page(query, default=20, most=most)
    return Search(channel, start, end, status, page, limit)


def _read_contacts(body: dict[str, object], options: QlaraOptions) -> QlaraOrder:
    lists = _read_ids(body, "listIds", _LIST_ID, options)
    contacts = _read_ids(body, "contactIds", _CONTACT_ID, options)
    _require_one_scope(lists, contacts, options)
    return QlaraOrder(
        QlaraJobKind.CONTACTS, list_ids=tuple(text.removeprefix("lst_") for text in lists), contact_ids=contacts
    )


def _read_reports(body: dict[str, object], options: QlaraOptions, campaigns: tuple[str, ...]) -> QlaraOrder:
    campaign = body.get("campaignId")
    dated = "startDateTime" in body or "endDateTime" in body
    if campaign is None and not dated:
        raise Refused(400, "Either campaignId or startDateTime and endDateTime is required")
    _require_one_scope(campaign is not None, dated, options)
    start, end = _read_window(body) if dated else (None, None)
    if campaign is not None and (not isinstance(campaign, str | int) or not str(campaign)):
        raise Refused(400, "campaignId is not valid")
    unknown = campaign is not None and str(campaign) not in campaigns
    if unknown and options.unknown_campaign is Unwanted.REFUSE:
        raise Refused(400, "campaignId does not exist")
    return QlaraOrder(QlaraJobKind.DELIVERY_REPORTS, start, end, campaign="" if campaign is None else str(campaign))


def _read_history(body: dict[str, object], options: QlaraOptions) -> QlaraOrder:
    start, end = _read_window(body)
    channel, status = (_read_text(body, name) if options.guide_filters else "" for name in ("channel", "status"))
    return QlaraOrder(
        QlaraJobKind.MESSAGE_HISTORY,
        start,
        end,
        sender=_read_text(body, options.sender_name),
        recipient=_read_text(body, options.recipient_name),
        channel=channel,
        status=status,
    )


def _read_window(body: dict[str, object]) -> tuple[datetime, datetime]:
    start, end = (read_instant(body.get(name), name, _FORM, seconds=False) for name in ("startDateTime", "endDateTime"))
    return start, end


def _read_text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(400, f"{name} must be a text")
    return value or ""


def _read_ids(body: dict[str, object], name: str, shape: re.Pattern[str], options: QlaraOptions) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or (not value and options.empty_ids is Unwanted.REFUSE):
        raise Refused(400, f"{name} must be a list of ids")
    if any(isinstance(item, bool) or not isinstance(item, str | int) for item in value):
        raise Refused(400, f"{name} holds a malformed id")
    texts = tuple(str(item) for item in value)
    if not all(map(shape.fullmatch, texts)):
        raise Refused(400, f"{name} holds a malformed id")
    return texts


def _require_one_scope(first: object, second: object, options: QlaraOptions) -> None:
    if first and second and options.both_scopes is Unwanted.REFUSE:
        raise Refused(400, "Only one way to scope the export may be given")
