"""Requests of persons for their data (GDPR Article 15): received, extended, answered, and when an answer is due.

A request is what its changes add up to. The period counts on the calendar of the vault's zone and ends with its last
day. Where that day does not exist, the last day of the month takes its place: a deadline never moves to a later month.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom.model.destruction import StepRefused

ANSWER_MONTHS, EXTENDED_MONTHS = 1, 3
"""Months after receipt within which a person must be answered (GDPR Article 12(3)): one, or two more."""


class SubjectAnswer(StrEnum):
    """How a request was answered."""

    ANSWERED = "answered"
    REFUSED = "refused"


class SubjectState(StrEnum):
    """The state of a request."""

    OPEN = "open"
    ANSWERED = "answered"
    REFUSED = "refused"


class RequestReceived(Struct, frozen=True, tag_field="change", tag="received"):
    """The request came in."""

    reference: str  # who asks, as the person who records it writes it
    identifiers: tuple[str, ...]


class IdentifierConfirmed(Struct, frozen=True, tag_field="change", tag="identifier"):
    """A person confirmed that this identifier is of the same person."""

    identifier: str


class RequestExtended(Struct, frozen=True, tag_field="change", tag="extended"):
    """The period was extended, and the person was told why."""

    reason: str


class CopyMade(Struct, frozen=True, tag_field="change", tag="copy"):
    """A copy for the person was written."""

    records: int
    sha256: str  # of its records.jsonl


class ErasureRequested(Struct, frozen=True, tag_field="change", tag="erasure"):
    """An erasure request was recorded for what was found."""

    erasure: str  # id


class RequestAnswered(Struct, frozen=True, tag_field="change", tag="answered"):
    """The person was answered."""

    answer: SubjectAnswer
    words: str


SubjectChange = RequestReceived | IdentifierConfirmed | RequestExtended | CopyMade | ErasureRequested | RequestAnswered


class SubjectEntry(Struct, frozen=True):
    """One change, by whom and when; `change` is None where no identity at hand opens it."""

    at: datetime
    by: str  # for people; empty where it is sealed
    kind: str
    change: SubjectChange | None


class SubjectRequest(Struct, frozen=True):
    """One request, with what may be known without an identity."""

    id: str
    received: date  # in the zone
    zone: str  # IANA name
    months: int
    state: SubjectState
    entries: tuple[SubjectEntry, ...]

    @property
    def last_day(self) -> date:
        """Return the last day on which the answer is in time."""
        return add_months(self.received, self.months)

    @property
    def deadline(self) -> datetime:
        """Return the instant, in UTC, from which an answer is late: the end of the last day."""
        return end_of(self.last_day, self.zone)

    @property
    def is_open(self) -> bool:
        """Say whether it waits for an answer."""
        return self.state is SubjectState.OPEN

    @property
    def reference(self) -> str:
        """Return who asks; empty where that is sealed."""
        return next((each.change.reference for each in self.entries if isinstance(each.change, RequestReceived)), "")

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Return every identifier that was given or confirmed, in that order."""
        found: dict[str, None] = {}
        for each in self.entries:
            if isinstance(each.change, RequestReceived):
                found |= dict.fromkeys(each.change.identifiers)
            elif isinstance(each.change, IdentifierConfirmed):
                found[each.change.identifier] = None
        return tuple(found)

    @property
    def sealed(self) -> int:
        """Return how many changes no identity at hand opens."""
        return sum(each.change is None for each in self.entries)


def add_months(day: date, months: int) -> date:
    """Return the same day so many months on, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def end_of(day: date, zone: str) -> datetime:
    """Return when a day in a zone is over, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(0), ZoneInfo(zone)).astimezone(UTC)


def require_open(request: SubjectRequest) -> None:
    """Raise StepRefused for a request that was answered."""
    if not request.is_open:
        raise StepRefused(
            f"the request {request.id} is {request.state}: it has had its answer",
            hint="record a new request: strongroom subject request",
        )


def require_extensible(request: SubjectRequest, now: datetime) -> None:
    """Raise StepRefused where the period can no longer be extended: only once, and only before it ends."""
    require_open(request)
    if request.months != ANSWER_MONTHS:
        raise StepRefused(f"the request {request.id} was extended before", hint="a period is extended only once")
    if now >= request.deadline:
        raise StepRefused(
            f"the period of the request {request.id} ended on {request.last_day}",
            hint="a person must be told of an extension within the first month; answer now",
        )
