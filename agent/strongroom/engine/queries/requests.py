"""Requests of people. A request is a row; the process that has the vault's lock answers it within a second."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, StepResult
from strongroom.engine.ingest.job_lineage import re_export_of, retry
from strongroom.engine.ingest.source_upkeep import hurry_refused
from strongroom.engine.ingest.transitions import enter, record
from strongroom.engine.retention.verdicts import refuse_return
from strongroom.evidence.line import Entry
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.job import BY_PERSON, Cause, Event, Job
from strongroom.model.job_table import Facts, IllegalMove
from strongroom.model.names import make_id
from strongroom.model.times import Chance, Clock, format_instant
from strongroom.vault.archives import get_archive
from strongroom.vault.jobs import get_job
from strongroom.vault.log import add_entry
from strongroom.vault.requests import (
    Request,
    RequestKind,
    answer_request,
    get_request,
    put_request,
    waiting_requests,
)
from strongroom.vault.sources import get_source, put_source
from strongroom.vault.streams import get_stream, put_stream
from strongroom.vault.vault import Vault


def ask(vault: Vault, wish: RequestKind, subject: str, by: str, clock: Clock, random_bytes: Chance) -> Request:
    """Record a request to the process that works in the vault; return it, so that its answer can be looked up."""
    request = Request(make_id(clock(), random_bytes), clock(), wish, subject, by)
    with vault.catalogue.transaction():
        put_request(vault.catalogue, request)
    return request


def look_up(vault: Vault, request: Request) -> Request:
    """Return the request in its present state."""
    return get_request(vault.catalogue, request.id) or request


def asked(vault: Vault) -> bool:
    """Say whether a wish waits for an answer."""
    return bool(waiting_requests(vault.catalogue))


def serve(engine: Engine) -> list[Request]:
    """Carry out every open request and record each answer; return the requests that were answered."""
    waiting = waiting_requests(engine.vault.catalogue)
    for request in waiting:
        accepted, answer = _try(engine, request)
        with engine.vault.catalogue.transaction():
            answer_request(engine.vault.catalogue, request, engine.clock(), accepted=accepted, answer=answer)
            _log(engine, request, accepted)
    if waiting:
        engine.vault.write_log()
    return waiting


def _log(engine: Engine, request: Request, accepted: bool) -> None:
    facts = {"wish": request.wish.value, "subject": request.subject, "accepted": accepted}
    filled = {name: fact for name, fact in facts.items() if fact != ""}
    entry = Entry(
        EntryKind.REQUEST_ANSWERED, engine.clock(), facts=filled, words=f"by {request.by}"
    )  # a name is for no line
    add_entry(engine.vault.catalogue, entry)


def _try(engine: Engine, request: Request) -> tuple[bool, str]:
    try:
        return True, _SERVE[request.wish](engine, request)
    except StrongroomError as error:
        return False, error.sentences
    except IllegalMove as error:
        return False, str(error)


def _run_now(_engine: Engine, request: Request) -> str:
    return f"looking for pending windows in {request.subject or 'every stream'}"


def _retry(engine: Engine, request: Request) -> str:
    return f"job {retry(engine, _job(engine, request.subject)).id} tries again"


def _cancel(engine: Engine, request: Request) -> str:
    job = _job(engine, request.subject)
    facts = Facts(cause=Cause.PERSON, detail=f"cancelled by {request.by}")
    record(engine, job, StepResult(Event.CANCELLED, facts))
    return f"job {job.id} is cancelled; its window is pending again at the next look unless its stream is paused"


def _regenerate(engine: Engine, request: Request) -> str:
    catalogue = engine.vault.catalogue
    archive = get_archive(catalogue, request.subject)
    job = _job(engine, archive.job if archive else request.subject)
    refuse_return(catalogue, job.source, job.spec.datasets, job.spec.window)
    with catalogue.transaction():
        fresh = re_export_of(engine, job)
        enter(catalogue, fresh)
    how = "requests the same export again" if fresh.ref else "requests a new export of the same window"
    return f"job {fresh.id} {how}; the older archive stays"


def _pause(engine: Engine, request: Request) -> str:
    words = f"{request.by} at {format_instant(engine.clock())}"
    _set_paused(engine, request.subject, words)
    return f"{request.subject} is paused"


def _resume(engine: Engine, request: Request) -> str:
    _set_paused(engine, request.subject, "")
    return f"{request.subject} is resumed"


def _set_paused(engine: Engine, subject: str, paused: str) -> None:
    catalogue = engine.vault.catalogue
    with catalogue.transaction():
        if subject in engine.sources:
            _set_source_paused(engine, subject, paused and BY_PERSON + paused)
        else:
            put_stream(catalogue, replace(get_stream(catalogue, subject), paused=paused))


def _set_source_paused(engine: Engine, name: str, paused: str) -> None:
    """Pause a source or let it go on. Where its key was refused, the waiting ends with that; a quota's does not."""
    source = get_source(engine.vault.catalogue, name)
    mended = bool(source.paused) and not paused and not source.paused.startswith(BY_PERSON)
    until = None if mended else source.refused_until
    put_source(engine.vault.catalogue, replace(source, paused=paused, refused_until=until))
    if mended:
        hurry_refused(engine, name)


def _job(engine: Engine, job_id: str) -> Job:
    job = get_job(engine.vault.catalogue, job_id)
    if job is None:
        raise UsageError(f"there is no job or archive {job_id}", hint="see: strongroom jobs")
    return job


_SERVE: dict[RequestKind, Callable[[Engine, Request], str]] = {
    RequestKind.RUN_NOW: _run_now,
    RequestKind.RETRY: _retry,
    RequestKind.CANCEL: _cancel,
    RequestKind.REGENERATE: _regenerate,
    RequestKind.PAUSE: _pause,
    RequestKind.RESUME: _resume,
}


__all__ = ["Request", "RequestKind", "ask", "asked", "look_up", "serve"]
