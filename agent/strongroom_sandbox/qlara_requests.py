"""Who may ask Qlara, and how often: a key or a user with a password, listed addresses, permissions, two rates.

What Qlara reads in requests: orders, pages, and searches of the history. Times need a zone.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from strongroom.model.times import parse_instant
from strongroom_sandbox.qlara_answers import qlara_error
from strongroom_sandbox.qlara_jobs import QlaraJobKind, QlaraOrder
from strongroom_sandbox.qlara_options import QlaraOptions
from strongroom_sandbox.qlara_shapes import CHANNELS, DELIVERY_STATUSES, PREFIX, campaigns_of
from strongroom_sandbox.quota import FixedWindow, QuotaReading
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.shared_options import Unwanted


class Pass(Struct, frozen=True):
    """What the rates say to one request."""

    minute: QuotaReading
    second: QuotaReading
    at: datetime

    @property
    def wait(self) -> int | None:
        """The seconds until another request fits, None when this one does."""
        full = [reading for reading in (self.minute, self.second) if not reading.allowed]
        return max((reading.wait(self.at) for reading in full), default=None)

    def headers(self) -> dict[str, str]:
        """Return what every answer says of the rate."""
        return {"X-RateLimit-Limit": str(self.minute.limit), "X-RateLimit-Remaining": str(self.minute.remaining)}


class QlaraGate:
    """Checks requests before anything is done for them."""

    def __init__(self, options: QlaraOptions, api_key: str, user: str, password: str) -> None:
        self._options = options
        self._key = api_key.encode()
        self._basic = b"Basic " + base64.b64encode(f"{user}:{password}".encode())
        self._minute = FixedWindow(options.requests_per_minute, timedelta(minutes=1))
        self._second = FixedWindow(options.requests_per_second, timedelta(seconds=1))

    def count(self, now: datetime) -> Pass:
        """Count one request against both rates."""
        return Pass(self._minute.count(now), self._second.count(now), now)

    def refusal(self, request: Request, operation: Operation, reading: Pass) -> Response | None:
        """Return the refusal of this request, or None when it may go on."""
        address = request.client.host if request.client else ""
        allowed = self._options.allowed_ips
        if allowed is not None and address not in allowed:
            return qlara_error(403, message="Address not allowed")
        if not self._knows(request):
            return qlara_error(401)
        if operation in self._options.forbidden:
            return qlara_error(403, message="The API key has no permission for this")
        return None if reading.wait is None else self.too_many(reading.wait)

    def too_many(self, wait: int | None, message: str = "") -> Response:
        """Return a 429 that says how long to wait, where that is known."""
        response = qlara_error(429, message=message, details=None if wait is None else {"retryAfter": wait})
        if self._options.retry_after_header and wait is not None:
            response.headers["Retry-After"] = str(wait)
        return response

    def _knows(self, request: Request) -> bool:
        key = request.headers.get("x-api-key", "").encode()
        basic = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(key, self._key) or hmac.compare_digest(basic, self._basic)


_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")
_LIST_ID = re.compile(r"(lst_)?[0-9]{1,18}")
_CONTACT_ID = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")


class QlaraBadRequest(Exception):
    """The request cannot be read; the message is for the client."""


class Search(Struct, frozen=True):
    """What browsing the history asks for."""

    channel: str
    start: datetime  # included
    end: datetime  # included
    status: str
    page: int  # from 0
    limit: int


def read_order(kind: QlaraJobKind, body: object, options: QlaraOptions, seed: int) -> QlaraOrder:
    """Read the body of a creation; campaigns are those of the account with this seed. Raises QlaraBadRequest."""
    if body is None and kind is QlaraJobKind.CONTACTS:
        body = {}
    if not isinstance(body, dict):
        raise QlaraBadRequest("Malformed request body")
    if kind is QlaraJobKind.CONTACTS:
        return _read_contacts(body, options)
    if kind is QlaraJobKind.DELIVERY_REPORTS:
        return _read_reports(body, options, seed)
    return _read_history(body, options)


def read_page(query: Mapping[str, str], *, default: int, most: int) -> tuple[int, int]:
    """Return the page, counted from 0, and its length. Raises QlaraBadRequest."""
    numbers = []
    for name, usual, least in (("page", 0, 0), ("limit", default, 1)):
        text = query.get(name, str(usual))
        if not text.isascii() or not text.isdecimal() or int(text) < least:
            raise QlaraBadRequest(f"Parameter '{name}' must be a number from {least}")
        numbers.append(int(text))
    return numbers[0], min(numbers[1], most)


def read_search(query: Mapping[str, str], most: int) -> Search:
    """Read the query of browsing. Raises QlaraBadRequest."""
    channel, status = query.get("channel", ""), query.get("status", "")
    if channel not in CHANNELS:
        raise QlaraBadRequest(f"Parameter 'channel' must be one of {', '.join(CHANNELS)}")
    if status and status not in DELIVERY_STATUSES:
        raise QlaraBadRequest(f"Parameter 'status' must be one of {', '.join(DELIVERY_STATUSES)}")
    start, end = (_read_instant(query.get(name), name) for name in ("from", "to"))
    page, limit = read_page(query, default=20, most=most)
    return Search(channel, start, end, status, page, limit)


def _read_contacts(body: dict[str, object], options: QlaraOptions) -> QlaraOrder:
    lists = _read_ids(body, "listIds", _LIST_ID, options)
    contacts = _read_ids(body, "contactIds", _CONTACT_ID, options)
    _require_one_scope(lists, contacts, options)
    return QlaraOrder(
        QlaraJobKind.CONTACTS, list_ids=tuple(text.removeprefix("lst_") for text in lists), contact_ids=contacts
    )


def _read_reports(body: dict[str, object], options: QlaraOptions, seed: int) -> QlaraOrder:
    campaign = body.get("campaignId")
    dated = "startDateTime" in body or "endDateTime" in body
    if campaign is None and not dated:
        raise QlaraBadRequest("Either campaignId or startDateTime and endDateTime is required")
    _require_one_scope(campaign is not None, dated, options)
    start, end = _read_window(body) if dated else (None, None)
    if campaign is not None and (not isinstance(campaign, str | int) or not str(campaign)):
        raise QlaraBadRequest("campaignId is not valid")
    unknown = campaign is not None and str(campaign) not in campaigns_of(seed)
    if unknown and options.unknown_campaign is Unwanted.REFUSE:
        raise QlaraBadRequest("campaignId does not exist")
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
    start, end = (_read_instant(body.get(name), name) for name in ("startDateTime", "endDateTime"))
    return start, end


def _read_text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise QlaraBadRequest(f"{name} must be a text")
    return value or ""


def _read_ids(body: dict[str, object], name: str, shape: re.Pattern[str], options: QlaraOptions) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or (not value and options.empty_ids is Unwanted.REFUSE):
        raise QlaraBadRequest(f"{name} must be a list of ids")
    if any(isinstance(item, bool) or not isinstance(item, str | int) for item in value):
        raise QlaraBadRequest(f"{name} holds a malformed id")
    texts = tuple(str(item) for item in value)
    if not all(map(shape.fullmatch, texts)):
        raise QlaraBadRequest(f"{name} holds a malformed id")
    return texts


def _require_one_scope(first: object, second: object, options: QlaraOptions) -> None:
    if first and second and options.both_scopes is Unwanted.REFUSE:
        raise QlaraBadRequest("Only one way to scope the export may be given")


def _read_instant(value: object, name: str) -> datetime:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise QlaraBadRequest(f"{name} must be an ISO-8601 date-time with a zone offset")
    try:
        return parse_instant(value)
    except ValueError:
        raise QlaraBadRequest(f"{name} is not a date that exists") from None
