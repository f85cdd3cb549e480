"""Requests to the daemon: `plan pause`, `plan resume`, `jobs cancel`, `archives re-export`, `daemon wake`.

Each writes a request. The daemon answers within a second; without one the request waits, and the words say so.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import put_document
from strongroom.cli.terminal import clean, report, say
from strongroom.model.errors import ExitCode
from strongroom.text.sentences import request_wait

if TYPE_CHECKING:
    from strongroom.engine.queries.requests import Request

PATIENCE = 5.0  # seconds to wait for the daemon's answer


def _ask(session: Session, wish: str, subject: str, *, as_json: bool) -> int:
    from strongroom.engine.core.heartbeat import stands_by
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.queries.lists import worked_on_by
    from strongroom.engine.queries.requests import RequestKind, ask, look_up

    config = session.config()
    with open_reading(config) as vault:
        request = ask(vault, RequestKind(wish), subject, acting_person().name, system_clock, os.urandom)
        holder = worked_on_by(vault)
        deadline = time.monotonic() + PATIENCE
        while holder and request.done_at is None and time.monotonic() < deadline:
            time.sleep(0.1)
            request = look_up(vault, request)
        standing_by = stands_by(vault) if holder and request.done_at is None else ""
    if as_json:
        put_document(_document(request, holder) | {"waits_for": standing_by})
    elif request.done_at is None:
        why = f": {clean(standing_by)}" if holder and standing_by else ""
        report(f"requested; {request_wait(holder, standing_by) or 'the answer is still to come'}{why}")
    else:
        say(clean(request.answer))
    return ExitCode.OK if request.done_at is None or request.accepted else ExitCode.USAGE


def _document(request: Request, holder: str) -> dict[str, object]:
    return {
        "request": request.id,
        "wish": request.wish.value,
        "subject": request.subject,
        "answered": request.done_at is not None,
        "accepted": request.accepted,
        "answer": request.answer,
        "worked_on_by": holder,
    }


@click.command("pause")
@click.argument("name", metavar="STREAM|SOURCE")
@json_option
@pass_session
def pause(session: Session, name: str, as_json: bool) -> int:
    """Start no new exports of a stream or a source until `plan resume`. Windows at risk are still reported."""
    _known(session, name)
    return _ask(session, "pause", name, as_json=as_json)


@click.command("resume")
@click.argument("name", metavar="STREAM|SOURCE")
@json_option
@pass_session
def resume(session: Session, name: str, as_json: bool) -> int:
    """Resume the exports of a paused stream or source."""
    _known(session, name)
    return _ask(session, "resume", name, as_json=as_json)


@click.command("cancel")
@click.argument("job", metavar="JOB")
@json_option
@pass_session
def cancel(session: Session, job: str, as_json: bool) -> int:
    """Cancel a job. Its window then becomes pending again, unless its stream is paused."""
    return _ask(session, "cancel", _job_id(session, job), as_json=as_json)


@click.command("re-export")
@click.argument("subject", metavar="ARCHIVE|JOB")
@json_option
@pass_session
def regenerate(session: Session, subject: str, as_json: bool) -> int:
    """Export the window of an archive or a job again. The older archive is kept."""
    return _ask(session, "regenerate", _archive_or_job_id(session, subject), as_json=as_json)


@click.command("wake")
@click.argument("stream", required=False, default="")
@json_option
@pass_session
def wake(session: Session, stream: str, as_json: bool) -> int:
    """Ask the daemon to look for pending windows now, of one stream or of all."""
    if stream:
        session.config().stream(stream)
    return _ask(session, "run-now", stream, as_json=as_json)


def _known(session: Session, name: str) -> None:
    config = session.config()
    if name not in {source.name for source in config.sources}:
        config.stream(name)


def _job_id(session: Session, part: str) -> str:
    from strongroom.engine.access.inventory import find_job
    from strongroom.engine.core.sources import open_reading

    with open_reading(session.config()) as vault:
        return find_job(vault, part).id


def _archive_or_job_id(session: Session, part: str) -> str:
    from strongroom.engine.access.inventory import find_archive, find_job
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.retention.verdicts import Destroyed
    from strongroom.model.errors import UsageError

    with open_reading(session.config()) as vault:
        try:
            return find_archive(vault, part).id
        except Destroyed:
            raise
        except UsageError as no_archive:
            try:
                return find_job(vault, part).id
            except UsageError as no_job:
                words = f"{no_archive.message}; {no_job.message}"
                raise UsageError(words, hint="see: strongroom archives; strongroom jobs") from None
