"""The life of a job, as one table: state x event -> state.

Rules of this file. No input or output, no clock, no chance: an event and its facts come in, a new job comes out. A move
that is not in the table raises and changes nothing. Every move is data, not code: the picture in docs/architecture.md
and the tests are drawn from MOVES, and a move written as an `if` would be missing from both.

Two moves carry the promises:

* INTENDED leads to UNCERTAIN before the request leaves. From there no event leads to a second request except ABSENT,
  which the provider's own list must prove, and POSTPONED, a definite refusal. A crash and a time-out are one case.
* PROVEN is the only way to ARCHIVED, and only SEALED has it. "The download ended" is not in the table.

RENEWED needs no intent on disk: to renew the same export twice does no harm, which the port promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.job import TERMINAL, Cause, Event, Job, State

_S, _E = State, Event

MOVES: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (_S.PLANNED, _E.INTENDED): _S.UNCERTAIN,
        (_S.PLANNED, _E.DELAYED): _S.PLANNED,
        (_S.PLANNED, _E.REFUSED): _S.FAILED,
        (_S.PLANNED, _E.GIVEN_UP): _S.FAILED,
        (_S.PLANNED, _E.RENEWED): _S.WAITING,
        (_S.PLANNED, _E.LAPSED): _S.PLANNED,
        (_S.UNCERTAIN, _E.ACCEPTED): _S.WAITING,
        (_S.UNCERTAIN, _E.POSTPONED): _S.PLANNED,
        (_S.UNCERTAIN, _E.REFUSED): _S.FAILED,
        (_S.UNCERTAIN, _E.UNANSWERED): _S.UNCERTAIN,
        (_S.UNCERTAIN, _E.ADOPTED): _S.WAITING,
        (_S.UNCERTAIN, _E.UNSEEN): _S.UNCERTAIN,
        (_S.UNCERTAIN, _E.ABSENT): _S.PLANNED,
        (_S.UNCERTAIN, _E.INDISTINCT): _S.FAILED,
        (_S.UNCERTAIN, _E.DELAYED): _S.UNCERTAIN,
        (_S.UNCERTAIN, _E.GIVEN_UP): _S.FAILED,
        (_S.WAITING, _E.PROGRESSED): _S.WAITING,
        (_S.WAITING, _E.COMPLETED): _S.READY,
        (_S.WAITING, _E.DELAYED): _S.WAITING,
        (_S.WAITING, _E.DIED): _S.DEAD,
        (_S.READY, _E.OPENED): _S.FETCHING,
        (_S.READY, _E.DELAYED): _S.READY,
        (_S.READY, _E.DIED): _S.DEAD,
        (_S.FETCHING, _E.DURABLE): _S.SEALED,
        (_S.FETCHING, _E.LINK_DIED): _S.READY,
        (_S.FETCHING, _E.BROKEN): _S.READY,
        (_S.FETCHING, _E.DELAYED): _S.READY,
        (_S.FETCHING, _E.DIED): _S.DEAD,
        (_S.FETCHING, _E.RESTARTED): _S.READY,
        (_S.SEALED, _E.PROVEN): _S.ARCHIVED,
        (_S.SEALED, _E.REJECTED): _S.READY,
        (_S.SEALED, _E.BROKEN): _S.READY,
        (_S.SEALED, _E.DELAYED): _S.READY,
        (_S.SEALED, _E.RESTARTED): _S.READY,
        (_S.DEAD, _E.RENEWED): _S.WAITING,
        (_S.DEAD, _E.LAPSED): _S.DEAD,
        (_S.DEAD, _E.DELAYED): _S.DEAD,
        (_S.DEAD, _E.SUCCEEDED): _S.REPLACED,
        (_S.DEAD, _E.GIVEN_UP): _S.FAILED,
        (_S.FAILED, _E.RETRIED): _S.REPLACED,
    }
    | {(state, _E.CANCELLED): _S.CANCELLED for state in State if state not in TERMINAL}
)

QUIET = frozenset({Event.PROGRESSED, Event.UNSEEN})
"""Events that change no more than counters and the next time: kept on the job, not in the log."""


class IllegalMove(ValueError):
    """The event cannot happen in this state. Nothing was changed."""


class Facts(Struct, frozen=True):
    """What came with an event. None and empty leave the job's own value as it is."""

    next_at: datetime | None = None  # when the next step is due; None means at once
    cause: Cause = Cause.NONE
    detail: str = ""
    ref: str = ""
    expires_at: datetime | None = None
    size: int | None = None
    archive: str = ""
    request_id: str = ""  # the provider's name for the request, for the log only
    made_at: datetime | None = None  # when the provider says that the export was made, for the log only


def advance(job: Job, event: Event, at: datetime, facts: Facts | None = None) -> Job:
    """Return the job after the event. Raises IllegalMove when the table has no such move."""
    facts = facts or Facts()
    state = MOVES.get((job.state, event))
    if state is None:
        raise IllegalMove(f"job {job.id} is {job.state}: {event} cannot happen there")
    moved = replace(
        job,
        state=state,
        changed_at=at if state is not job.state else job.changed_at,
        next_at=facts.next_at or at,
        cause=facts.cause,
        detail=facts.detail,
        ref=facts.ref or job.ref,
        expires_at=facts.expires_at or job.expires_at,
        size=job.size if facts.size is None else facts.size,
        archive=facts.archive or job.archive,
        attempts=job.attempts if event in QUIET else _count(job, facts.cause),
        wait=None,
    )
    return _mark(moved, event, at)


def _count(job: Job, cause: Cause) -> Mapping[str, int]:
    if cause is Cause.NONE:
        return job.attempts
    return MappingProxyType({**job.attempts, cause.value: job.tries(cause) + 1})


def _mark(job: Job, event: Event, at: datetime) -> Job:
    """Set the times and counters that belong to an event itself."""
    if event is Event.INTENDED:
        return replace(job, asked_at=at, looks=0)
    if event in (Event.ACCEPTED, Event.ADOPTED):
        return replace(job, accepted_at=at, polls=0)
    if event is Event.RENEWED:  # the new file holds what the provider has now, and lives anew
        return replace(job, asked_at=at, accepted_at=at, polls=0)
    if event is Event.UNSEEN:
        return replace(job, looks=job.looks + 1)
    if event is Event.PROGRESSED:
        return replace(job, polls=job.polls + 1)
    return job
