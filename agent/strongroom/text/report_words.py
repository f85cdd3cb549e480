"""What a report says in sentences and as JSON; the page is `text/report_page.py`. Both show the same figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from strongroom.model.alert import Level
from strongroom.model.copies import backlog_words
from strongroom.model.job import State
from strongroom.model.retention import Fate
from strongroom.model.text import counted, noun_of
from strongroom.model.times import rough_duration
from strongroom.model.waiting import described_cause
from strongroom.text.events import kind_words, main_facts
from strongroom.text.times import utc, utc_day
from strongroom.text.units import size

if TYPE_CHECKING:
    from datetime import datetime

    from strongroom.engine.access.reconcile import ReconcileResult
    from strongroom.engine.copies.copy_status import CopyStatus
    from strongroom.engine.core.moments import Moment
    from strongroom.engine.queries.report import Report, StreamReport
    from strongroom.model.coverage import Interval

DAY = 86_400


def share_words(share: float | None) -> str:
    """Write a share as a percentage that is never rounded up to all or down to nothing."""
    if share is None:
        return "nothing was required"
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(99.9, max(0.1, share * 100)):.1f}%"


def days_words(seconds: float) -> str:
    """Write a length of time in days, to a tenth where it is not whole."""
    days = seconds / DAY
    return counted(round(days), "day") if days == round(days) else f"{days:,.1f} days"


def summary(report: Report) -> Iterator[str]:
    """Say in a few sentences what the period was like; the most important first."""
    if report.unconfirmed:
        windows = counted(report.unconfirmed, "window")
        yield f"This report is not reliable: {windows} shown as archived, but without an archive."
    yield _coverage_sentence(report)
    gaps = [gap for each in report.streams for gap in each.missing]
    if gaps:
        lost = sum(gap.cover.words == "lost" for gap in gaps)
        parts = [f"{lost} lost"] if lost else []
        parts += [f"{len(gaps) - lost} failed"] if len(gaps) > lost else []
        yield f"{counted(len(gaps), 'period')} {noun_of(len(gaps), 'is', 'are')} missing: {' and '.join(parts)}."
    for risk in report.risks[:1]:
        amount, day = rough_duration(risk.amount), utc_day(risk.first_loss)
        yield f"{risk.stream} is the most urgent: {amount} not yet archived, which the provider deletes from {day} on."
    archives = sum(volume.archives for each in report.streams for volume in each.volumes)
    records = sum(volume.records for each in report.streams for volume in each.volumes)
    stored = sum(volume.sealed_size for each in report.streams for volume in each.volumes)
    yield f"The period has {counted(archives, 'archive')} with {counted(records, 'record')}, {size(stored)} on disk."
    fates = report.retention.fates
    matters = counted(report.matters, "matter")
    active = f"{counted(report.holds, 'legal hold')} of {matters}" if report.holds else "No legal hold"
    yield f"{active} {noun_of(report.holds or 1, 'is', 'are')} active."
    over = fates[Fate.DUE]
    eligible = counted(over, "archive") if over else "No archive"
    yield f"{eligible} {noun_of(over or 1, 'is', 'are')} eligible for destruction."
    count = len(report.problems)
    yield (
        f"{counted(count, 'problem')} {noun_of(count, 'needs', 'need')} attention now."
        if count
        else "Nothing needs attention now."
    )


def _coverage_sentence(report: Report) -> str:
    if report.share is None:
        return "No time of this period had to be archived yet."
    if report.share == 1:
        return "Everything that had to be archived in this period is archived."
    return f"{share_words(report.share)} of what had to be archived in this period is archived."


def gap_reason(gap: Interval) -> str:
    """Say why a period is missing."""
    return described_cause(gap.cause) if gap.cause else "no reason is known"


def event_words(moment: Moment) -> str:
    """Say what an entry records, without anything that a provider said."""
    facts = main_facts(moment) if not moment.words else ""
    return kind_words(moment.kind) + (f" ({facts})" if facts else "")


def report_json(report: Report) -> str:
    """Return the JSON twin as text, with instants in RFC 3339."""
    return msgspec.json.format(msgspec.json.encode(report_document(report)), indent=2).decode() + "\n"


def report_document(report: Report) -> dict[str, object]:
    """Return the report for programs: the JSON twin of the page."""
    evidence, scrub = report.evidence, report.scrub
    return {
        "report": 1,
        "for": report.audience.value,
        "organization": report.issuer.organization,
        "vault": report.issuer.vault,
        "key": report.issuer.key,
        "from": report.period.start,
        "to": report.period.end,
        "zone": report.zone,
        "made_at": report.made_at,
        "log": {"entries": report.log[0], "sha256": report.log[1]},
        "summary": list(summary(report)),
        "required_seconds": int(report.required.total_seconds()),
        "archived_share": report.share,
        "streams": [_stream_document(each) for each in report.streams],
        "problems": [{"title": each.title, "body": each.body, "next": each.next} for each in report.problems],
        "jobs": {state.value: report.jobs[state] for state in State if report.jobs.get(state)},
        "failures": [{"stream": each.stream, "cause": each.cause, "jobs": each.jobs} for each in report.failures],
        "alerts": {level.value: report.alerts.get(level.value, 0) for level in Level},
        "retention": {fate.value: report.retention.fates[fate] for fate in Fate},
        "holds": report.holds,
        "matters": report.matters,
        "events": {group.value: [_event_document(each) for each in found] for group, found in report.events.items()},
        "checkpoints": report.checkpoints,
        "last_checkpoint": evidence.newest.at if evidence.newest else None,
        "targets": [{"name": each.target, "entries": each.size, "sent_at": each.sent_at} for each in evidence.targets],
        "scrubbed_at": scrub.scrubbed_at,
        "scrub_findings": scrub.findings,
        "copies": [_copy_document(each) for each in report.copies],
        "last_drill": report.drilled_at,
        "reconciled": [
            {"name": each.name, "left": each.left, "right": each.right, "results": list(map(_result, each.results))}
            for each in report.reconciled
        ],
    }


def _result(each: ReconcileResult) -> dict[str, object]:
    return {
        "from": each.period.start,
        "to": each.period.end,
        "made_at": each.made_at,
        "left": each.left,
        "right": each.right,
        "left_only": each.left_only,
        "right_only": each.right_only,
        "undecided": each.undecided,
        "days": [{"day": day, "left_only": one, "right_only": other} for day, one, other in each.days],
    }


def copy_line(each: CopyStatus, now: datetime) -> str:
    """Return the state of a copy of the vault, and when it was last read and a restore rehearsed."""
    state = each.state
    read = f"read again on {utc(state.scrubbed_at)}" if state.scrubbed_at else "not read again yet"
    rehearsed = f"a restore rehearsed on {utc(state.rehearsed_at)}" if state.rehearsed_at else "no restore rehearsed"
    rehearsed += f"; the last try: {state.rehearsal_problem}" if state.rehearsal_problem else ""
    damaged = f"; {counted(each.findings, 'object')} damaged or missing" if each.findings else ""
    return f"{backlog_words(each.backlog, now)}{damaged}; {read}; {rehearsed}"


def _copy_document(each: CopyStatus) -> dict[str, object]:
    state = each.state
    return {
        "name": each.name,
        "behind_archives": each.backlog.archives,
        "behind_since": each.backlog.since,
        "findings": each.findings,
        "scrubbed_at": state.scrubbed_at,
        "rehearsed_at": state.rehearsed_at,
        "rehearsal_problem": state.rehearsal_problem or None,
    }


def _stream_document(each: StreamReport) -> dict[str, object]:
    covered, risk = each.coverage, each.coverage.risk
    return {
        "stream": covered.stream,
        "source": covered.source,
        "account": each.account,
        "since": covered.since,
        "snapshot": covered.snapshot,
        "required_seconds": int(each.required.total_seconds()),
        "archived_seconds": int(each.archived.total_seconds()),
        "archived_share": each.share,
        "cells": [heat.value for heat in each.cells],
        "volumes": [
            {"month": volume.month, "archives": volume.archives, "records": volume.records, "size": volume.size,
             "sealed_size": volume.sealed_size}
            for volume in each.volumes
        ],
        "gaps": [
            {"from": gap.window.start, "to": gap.window.end, "state": gap.cover.words, "reason": gap_reason(gap)}
            for gap in each.missing
        ],
        "pending": [{"from": window.start, "to": window.end} for window in covered.due],
        "at_risk": {"seconds": int(risk.amount.total_seconds()), "from": risk.first_loss} if risk else None,
    }  # fmt: skip


def _event_document(moment: Moment) -> Mapping[str, object]:
    return {"entry": moment.seq, "at": moment.at, "what": event_words(moment), "archive": moment.archive or None}
