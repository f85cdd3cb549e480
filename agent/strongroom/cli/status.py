"""`strongroom status`: whether everything is all right, and the vault on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from strongroom.cli.documents import status_document
from strongroom.cli.options import Session, json_option, pass_session, report_pending_renames
from strongroom.cli.output import hang, past_unreadable, put_document, quiet_option, render_fields
from strongroom.cli.terminal import clean, paint, say_lines, width
from strongroom.model.archive import Holding
from strongroom.model.coverage import Cover
from strongroom.model.errors import ExitCode
from strongroom.model.text import counted
from strongroom.model.waiting import group_words
from strongroom.text.sentences import (
    NO_DAEMON,
    attention_words,
    delivery_words,
    disk_words,
    drill_words,
    quota_words,
    request_words,
    scrub_words,
    silent_words,
)
from strongroom.text.states import LEVELS
from strongroom.text.times import utc
from strongroom.text.units import short, size

if TYPE_CHECKING:
    from datetime import timedelta

    from strongroom.engine.monitor.system_status import SourceStatus, SystemStatus
    from strongroom.engine.queries.lists import Status
    from strongroom.engine.queries.problems import Health, Problem


def system_document(found: SystemStatus) -> dict[str, object]:
    """Return disk, quotas and alert delivery for programs."""
    disk, telling = found.disk, found.telling
    return {
        "disk": {
            "free_bytes": disk.free,
            "reserve_bytes": disk.reserve,
            "bytes_a_day": disk.per_day,
            "lasts_seconds": disk.lasts.total_seconds() if disk.lasts is not None else None,
        },
        "quotas": [_source(each) for each in found.sources],
        "notifications": {
            "channels": list(telling.channels),
            "told": telling.sent,
            "last": telling.last,
            "waiting": telling.waiting,
        },
    }


def system_fields(found: SystemStatus) -> Iterator[tuple[str, str]]:
    """Yield the quotas and the alert delivery as fields."""
    for each in found.sources:
        yield "quota", clean(f"{each.quota.source}: {quota_words(each.quota)}")
        if each.refused:
            yield "source", clean(f"{each.quota.source} {each.refused}")
    last = f"on {utc(found.telling.last)}" if found.telling.last else ""
    yield "notifications", delivery_words(found.telling, last)


def _source(each: SourceStatus) -> dict[str, object]:
    quota = each.quota
    return {
        "source": quota.source,
        "created_this_hour": quota.created,
        "per_hour": quota.per_hour,
        "running": quota.running,
        "concurrent": quota.concurrent,
        "refused_until": each.refused_until,
        "refused": each.refused,
        "clock_skew_seconds": each.skew.total_seconds() if each.skew is not None else None,
    }


MOST = 5
"""Problems that are shown; of more only the count is."""

STREAMS = 10
"""Streams whose coverage is shown; `coverage` shows all."""


@click.command("status")
@quiet_option
@json_option
@pass_session
def status(session: Session, as_json: bool) -> int:
    """Show whether everything is all right, what is wrong, and which command to run next.

    Below that it shows archives, jobs, coverage, quotas, disk, scrub, checkpoints and alert channels. Exits with 1 if
    something is wrong: windows lost, failed or at risk, a daemon that does not answer, or another alert.
    """
    from strongroom.cli.audit import view_document, view_fields
    from strongroom.cli.copy import copy_document, copy_fields
    from strongroom.cli.scrub import scrub_document
    from strongroom.engine.access.recipients import last_drill
    from strongroom.engine.copies.copy_status import copy_statuses
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.monitor.system_status import read_system_status
    from strongroom.engine.proof.checkpoint_delivery import evidence_view
    from strongroom.engine.queries.lists import status_of
    from strongroom.engine.queries.problems import health_of
    from strongroom.engine.repair.scrub_report import pace_of, scrub_state

    config, now = session.config(), system_clock()
    with past_unreadable(), open_reading(config) as vault:
        report_pending_renames(config, vault)
        found = status_of(vault, now)
        evidence = evidence_view(config, vault)
        scrubbed = scrub_state(vault, now, pace_of(config))
        drilled = last_drill(vault)
        copies = copy_statuses(vault, config)
        health = health_of(vault, config, found, now)
        system = read_system_status(vault, config, health.limits, now)
    silence = found.silence(now)
    if as_json:
        beside = {
            "silent_seconds": silence.total_seconds() if silence is not None else None,
            "evidence": view_document(evidence),
            "scrub": scrub_document(scrubbed),
            "last_drill": drilled,
            "copies": [copy_document(each, now) for each in copies],
            **_health_document(health),
        }
        put_document({"vault": str(config.vault.path), **status_document(found), **beside, **system_document(system)})
    else:
        drill = ("last drill", drill_words(drilled, now))
        copied = copy_fields(copies, now) if copies else ()
        beside_fields = [
            ("scrub", scrub_words(scrubbed)),
            *copied,
            drill,
            *view_fields(evidence),
            *system_fields(system),
        ]
        beside_fields.insert(0, ("disk free", disk_words(system.disk)))
        fields = [("vault", str(config.vault.path)), *_fields(found, silence), *beside_fields]
        say_lines([*_verdict(health), "", *render_fields(fields, width())])
    return ExitCode.FINDINGS if health.problems else ExitCode.OK


def _verdict(health: Health) -> Iterator[str]:
    """Yield what is wrong, each with the command to run next."""
    problems, notes = health.problems, health.notes
    if problems:
        yield click.style(attention_words(len(problems), 0), fg="red", bold=True)
        yield from _shown(problems)
    else:
        yield click.style("Everything is all right.", fg="green", bold=True)
    yield from _shown(notes)


def _shown(problems: Sequence[Problem]) -> Iterator[str]:
    for each in problems[:MOST]:
        mark = LEVELS[each.level]
        start = paint(f"{mark.word:<10}", mark)
        yield from hang(start, 10, f"{each.title} ({each.body})", width())
        yield from hang(" " * 10, 10, f"next: {each.next}", width())
    if len(problems) > MOST:
        yield f"{'':<10}and {len(problems) - MOST} more: strongroom status --json"


def _health_document(health: Health) -> dict[str, object]:
    return {
        "healthy": not health.problems,
        "problems": [_problem_document(each) for each in health.problems],
        "notes": [_problem_document(each) for each in health.notes],
    }


def _problem_document(each: Problem) -> dict[str, str]:
    return {"kind": each.kind, "severity": each.level.value, "title": each.title, "body": each.body, "next": each.next}


def _fields(found: Status, silence: timedelta | None) -> Iterator[tuple[str, str]]:

    for holding, totals in found.archives.items():
        words = f"{counted(totals.count, 'archive')}, {counted(totals.records, 'record')}"
        yield (Holding(holding).words, f"{words}, {size(totals.size)} as delivered, {size(totals.sealed_size)} on disk")
    yield "jobs", ", ".join(f"{count} {state}" for state, count in found.jobs.items()) or "none yet"
    for stream, covers in list(found.coverage.items())[:STREAMS]:
        yield "coverage", f"{stream}: " + ", ".join(f"{count} {Cover(cover).words}" for cover, count in covers.items())
    if len(found.coverage) > STREAMS:
        yield "coverage", f"and {counted(len(found.coverage) - STREAMS, 'more stream')}: strongroom coverage"
    for source in found.sources:
        if source.paused:
            yield "paused", f"{source.name}: {source.paused}"
    for name, why in found.paused_streams.items():
        yield "paused", clean(f"stream {name}: paused by {why}")
    for each in found.running:
        total = f" of {size(each.total)}" if each.total is not None else ""
        yield "running", f"{short(each.job)} {each.stage} {size(each.done)}{total}"
    for group in found.waits:
        yield "waiting", clean(group_words(group))
    for request in found.waiting:
        by = f"requested by {request.by} on {utc(request.at)}, not answered yet"
        yield "waiting", clean(f"{request_words(request)}: {by}")
    silent = f"; {silent_words(silence)}" if silence else ""
    yield "in use by", (found.worked_on_by or NO_DAEMON) + silent
    yield "last entry", utc(found.last_entry) if found.last_entry else ""
