"""What Qlara reads in requests: orders, pages, and searches of the history. Times need a zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from strongroom.model.instants import parse_instant
from strongroom.sandbox.qlara_contacts import PREFIX
from strongroom.sandbox.qlara_jobs import Kind, QlaraOrder
from strongroom.sandbox.qlara_options import QlaraOptions
from strongroom.sandbox.qlara_shapes import CHANNELS, DELIVERY_STATUSES, campaigns_of
from strongroom.sandbox.treatment import Unwanted

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")
_LIST_ID = re.compile(r"(lst_)?[0-9]{1,18}")
_CONTACT_ID = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")


class BadRequest(Exception):
    """The request cannot be read; the message is for the client."""


@dataclass(frozen=True, slots=True)
class Search:
    """What browsing the history asks for."""

    channel: str
    start: datetime  # included
    end: datetime  # included
    status: str
    page: int  # from 0
    limit: int


def read_order(kind: Kind, body: object, options: QlaraOptions, seed: int) -> QlaraOrder:
    """Read the body of a creation; campaigns are those of the account with this seed. Raises BadRequest."""
    if body is None and kind is Kind.CONTACTS:
        body = {}
    if not isinstance(body, dict):
        raise BadRequest("Malformed request body")
    if kind is Kind.CONTACTS:
        return _read_contacts(body, options)
    if kind is Kind.DELIVERY_REPORTS:
        return _read_reports(body, options, seed)
    return _read_history(body, options)


def read_page(query: Mapping[str, str], *, default: int, most: int) -> tuple[int, int]:
    """Return the page, counted from 0, and its length. Raises BadRequest."""
    numbers = []
    for name, usual, least in (("page", 0, 0), ("limit", default, 1)):
        text = query.get(name, str(usual))
        if not text.isascii() or not text.isdecimal() or int(text) < least:
            raise BadRequest(f"Parameter '{name}' must be a number from {least}")
        numbers.append(int(text))
    return numbers[0], min(numbers[1], most)


def read_search(query: Mapping[str, str], most: int) -> Search:
    """Read the query of browsing. Raises BadRequest."""
    channel, status = query.get("channel", ""), query.get("status", "")
    if channel not in CHANNELS:
        raise BadRequest(f"Parameter 'channel' must be one of {', '.join(CHANNELS)}")
    if status and status not in DELIVERY_STATUSES:
        raise BadRequest(f"Parameter 'status' must be one of {', '.join(DELIVERY_STATUSES)}")
    start, end = (_read_instant(query.get(name), name) for name in ("from", "to"))
    page, limit = read_page(query, default=20, most=most)
    return Search(channel, start, end, status, page, limit)


def _read_contacts(body: dict[str, object], options: QlaraOptions) -> QlaraOrder:
    lists = _read_ids(body, "listIds", _LIST_ID, options)
    contacts = _read_ids(body, "contactIds", _CONTACT_ID, options)
    _require_one_scope(lists, contacts, options)
    return QlaraOrder(Kind.CONTACTS, list_ids=tuple(text.removeprefix("lst_") for text in lists), contact_ids=contacts)


def _read_reports(body: dict[str, object], options: QlaraOptions, seed: int) -> QlaraOrder:
    campaign = body.get("campaignId")
    dated = "startDateTime" in body or "endDateTime" in body
    if campaign is None and not dated:
        raise BadRequest("Either campaignId or startDateTime and endDateTime is required")
    _require_one_scope(campaign is not None, dated, options)
    start, end = _read_window(body) if dated else (None, None)
    if campaign is not None and (not isinstance(campaign, str | int) or not str(campaign)):
        raise BadRequest("campaignId is not valid")
    unknown = campaign is not None and str(campaign) not in campaigns_of(seed)
    if unknown and options.unknown_campaign is Unwanted.REFUSE:
        raise BadRequest("campaignId does not exist")
    return QlaraOrder(Kind.DELIVERY_REPORTS, start, end, campaign="" if campaign is None else str(campaign))


def _read_history(body: dict[str, object], options: QlaraOptions) -> QlaraOrder:
    start, end = _read_window(body)
    channel, status = (_read_text(body, name) if options.guide_filters else "" for name in ("channel", "status"))
    return QlaraOrder(
        Kind.MESSAGE_HISTORY,
        start,
        end,
        sender=_read_text(body, options.sender_name),
        recipient=_read_text(body, options.recipient_name),
        channel=channel,
        status=status,
    )


def _read_window(body: dict[str, object]) -> tuple[datetime, datetime]:
    start, end = (_read_instant(body.get(name), name) for name in ("startDateTime", "endDateTime"))
    return start, end


def _read_text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} must be a text")
    return value or ""


def _read_ids(body: dict[str, object], name: str, shape: re.Pattern[str], options: QlaraOptions) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or (not value and options.empty_ids is Unwanted.REFUSE):
        raise BadRequest(f"{name} must be a list of ids")
    if any(isinstance(item, bool) or not isinstance(item, str | int) for item in value):
        raise BadRequest(f"{name} holds a malformed id")
    texts = tuple(str(item) for item in value)
    if not all(map(shape.fullmatch, texts)):
        raise BadRequest(f"{name} holds a malformed id")
    return texts


def _require_one_scope(first: object, second: object, options: QlaraOptions) -> None:
    if first and second and options.both_scopes is Unwanted.REFUSE:
        raise BadRequest("Only one way to scope the export may be given")


def _read_instant(value: object, name: str) -> datetime:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise BadRequest(f"{name} must be an ISO-8601 date-time with a zone offset")
    try:
        return parse_instant(value)
    except ValueError:
        raise BadRequest(f"{name} is not a date that exists") from None
