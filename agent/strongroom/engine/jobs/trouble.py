"""What a provider's refusal or silence means for a job, where the step can be repeated without harm."""

from __future__ import annotations

from datetime import timedelta

from strongroom.engine.engine import Engine, Happening
from strongroom.model.errors import (
    AuthRefused,
    ExportGone,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    Transient,
)
from strongroom.model.job import Cause, Event, Job, State
from strongroom.model.patience import next_try
from strongroom.model.table import Facts


def trouble(engine: Engine, job: Job, error: ProviderError) -> Happening:
    """Say what a provider's refusal or silence means for a job whose step can be repeated without harm."""
    detail = error.message
    if isinstance(error, ExportGone):
        return Happening(Event.DIED, Facts(cause=Cause.GONE, detail=detail))
    if isinstance(error, NotOffered) and job.state is State.PLANNED:
        if not job.tries(Cause.NOT_OFFERED):  # the first may be a stray answer
            later = engine.clock() + engine.patience.refused_again
            return Happening(Event.DELAYED, Facts(later, Cause.NOT_OFFERED, detail, request_id=error.request_id))
        return Happening(Event.REFUSED, Facts(cause=Cause.NOT_OFFERED, detail=detail, request_id=error.request_id))
    if isinstance(error, AuthRefused):
        later = engine.clock() + timedelta(minutes=1)
        facts = Facts(later, Cause.AUTH, detail, request_id=error.request_id)
        return Happening(Event.DELAYED, facts, pause=f"{detail} {error.hint}".strip())
    cause = Cause.QUOTA if isinstance(error, QuotaExceeded) else Cause.TRANSIENT
    if job.state is State.WAITING and isinstance(error, RequestRefused | NotOffered):
        # A definite no to "how does it stand" is counted: the table buries an export of which it stays the answer.
        cause = Cause.REFUSED if isinstance(error, RequestRefused) else Cause.NOT_OFFERED
    not_before = error.retry_at if isinstance(error, (QuotaExceeded, Transient)) else None
    later = next_try(engine.patience, job.tries(cause), engine.clock(), engine.jitter(), not_before)
    return Happening(Event.DELAYED, Facts(later, cause, detail, request_id=error.request_id))
