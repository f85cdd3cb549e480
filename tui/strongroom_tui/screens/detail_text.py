"""The life of a job or an archive as text for the detail screen: every fact it has, nothing invented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from rich.text import Text

from strongroom.engine.core.moments import Moment
from strongroom.engine.queries.change_preview import Schedule
from strongroom.engine.queries.lists import ArchiveLife, JobLife
from strongroom.model.archive import Archive
from strongroom.model.inspection import Finding, MemberReport
from strongroom.model.job import Job
from strongroom.model.waiting import cause_words, wait_words
from strongroom.model.window import Window
from strongroom.text.events import kind_words
from strongroom_tui.widgets.amounts import local, number, size, span, window_words
from strongroom_tui.widgets.icons import SEVERITIES, STATES, plan_mark, soundness
from strongroom_tui.widgets.text import clean

MOST = 500
"""Moments told of one life; the oldest beyond them are counted."""

_INDENT = 2
_LABEL = 14


def job_story(life: JobLife, archive: Archive | None = None, now_doing: str = "") -> Text:
    """Return the story of a job: what it is and does now, what its file was found to be, then its timeline."""
    job = life.job
    found = archive.inspection.findings if archive is not None else ()
    mark = STATES[job.state]
    head = Text.assemble((f"{mark.symbol} {mark.word}", f"bold {mark.style}".strip()), f"  job {job.id}")
    facts = _facts([("now", now_doing), *_job_facts(job, life.successor)])
    return _told(head, facts, _section("Findings", [_finding(each) for each in found]), _moments(life.moments))


def archive_story(life: ArchiveLife, keeping: Iterable[tuple[str, str]] = ()) -> Text:
    """Return the story of an archive: its manifest in short, what keeps it, what is in it, and what happened to it."""
    archive = life.archive
    mark = soundness(archive)
    head = Text.assemble((f"{mark.symbol} {mark.word}", f"bold {mark.style}".strip()), f"  archive {archive.id}")
    members = _section("Files inside", [_member(report) for report in archive.inspection.members])
    findings = _section("Findings", [_finding(finding) for finding in archive.inspection.findings])
    return _told(head, _facts([*_archive_facts(archive), *keeping]), members, findings, _moments(life.moments))


def schedule_story(
    schedule: Schedule,
    to_come: Iterable[tuple[Window, datetime]],
    due: Iterable[tuple[Window, datetime | None]],
    now: datetime,
) -> Text:
    """Return the story of a plan: what it wants, what comes next, what is due, and by when that is held."""
    mark = plan_mark(schedule)
    head = Text.assemble((f"{mark.symbol} {mark.word}", f"bold {mark.style}".strip()), f"  {schedule.plan.stream.name}")
    coming = [
        Text(f"{' ' * _INDENT}{window_words(window, 40)}  exported {local(at)}, in {span(at - now)}")
        for window, at in to_come
    ]
    owed = [
        Text(f"{' ' * _INDENT}{window_words(window, 40)}" + (f"  deleted from {local(lost)}" if lost else ""))
        for window, lost in due
    ]
    return _told(
        head,
        _facts(_plan_facts(schedule)),
        _section("Next windows", [] if schedule.paused else coming),
        _section("Pending, the oldest first", owed),
    )


def _plan_facts(schedule: Schedule) -> Iterator[tuple[str, str]]:
    plan, outlook = schedule.plan, schedule.outlook
    yield "paused", schedule.paused
    yield "source", plan.stream.source
    yield "datasets", ", ".join(plan.stream.datasets)
    yield "filters", ", ".join(f"{name}={value}" for name, value in plan.stream.filters)
    yield "since", local(plan.since) if plan.since else "as far back as the provider keeps"
    yield "windows", f"one for each {plan.span}, in the zone {plan.zone}"
    yield "settles", f"{span(plan.settle)} after the end of a window"
    yield "second pass", f"{span(plan.settled_pass)} after the end of a window" if plan.settled_pass else ""
    yield "class", plan.retention
    yield "priority", str(plan.priority) if plan.priority else ""
    yield "complete to", local(schedule.held_until) if schedule.held_until else "nothing is archived yet"
    if outlook is None:
        yield "work ahead", "being worked out"
    elif outlook.exports:
        late = f"; {number(outlook.late)} come after the provider began to delete them" if outlook.late else ""
        yield "work ahead", f"{number(outlook.exports, 'export')}, done by {local(outlook.done_by)}{late}"
    elif not schedule.running:
        yield "work ahead", "nothing is pending" if outlook.known else "not known yet: the first day is not known"
    yield "in progress", number(schedule.running, "window") if schedule.running else ""
    yield "failed", f"{number(schedule.failed, 'window')}: a person must act" if schedule.failed else ""


def _job_facts(job: Job, successor: str) -> Iterator[tuple[str, str]]:
    window = job.spec.window
    yield "stream", job.stream
    yield "source", job.source
    yield "datasets", ", ".join(job.spec.datasets)
    yield "filters", ", ".join(f"{name}={value}" for name, value in job.spec.filters)
    yield "window", f"{local(window.start)} up to {local(window.end)}"
    yield "purpose", job.purpose
    yield "retention", job.retention
    yield "export", job.ref
    yield "size", f"{size(job.size)} ({number(job.size)} bytes)" if job.size is not None else ""
    yield "expires", local(job.expires_at) if job.expires_at else ""
    yield "waits for", _wait_words(job)
    yield "cause", cause_words(job.cause, job.detail)
    yield "detail", job.detail
    yield "troubles", ", ".join(f"{cause} {count}×" for cause, count in sorted(job.attempts.items()))  # noqa: RUF001
    yield "next step", "" if job.finished else f"not before {local(job.next_at)}"
    yield "replaces", job.parent
    yield "replaced by", successor
    yield "archive", job.archive


def _wait_words(job: Job) -> str:
    if job.wait is None or job.finished:
        return ""
    more = f": {job.wait.words}" if job.wait.cause and job.wait.words not in ("", job.detail) else ""
    return wait_words(job.wait).removeprefix("waits for ") + more


def _archive_facts(archive: Archive) -> Iterator[tuple[str, str]]:
    window, seal, inspection = archive.spec.window, archive.seal, archive.inspection
    yield "stream", archive.stream
    yield "source", f"{archive.source} ({archive.provider})"
    yield "datasets", ", ".join(archive.spec.datasets)
    yield "filters", ", ".join(f"{name}={value}" for name, value in archive.spec.filters)
    yield "window", f"{local(window.start)} up to {local(window.end)}"
    yield "records", f"{number(inspection.records)}, {number(inspection.in_window)} inside the window"
    yield "earliest", local(inspection.earliest) if inspection.earliest else ""
    yield "latest", local(inspection.latest) if inspection.latest else ""
    yield "delivered", f"{seal.delivered_name}, {size(seal.size)} ({number(seal.size)} bytes, {archive.container})"
    if seal.delivered_coding:
        yield "coding", f"{seal.delivered_coding}; decoded {number(seal.file_size)} bytes"
    yield "sealed", f"{size(seal.sealed_size)}, SHA-256 {seal.sealed_sha256}"
    yield "recipients", ", ".join(archive.recipients)
    yield "retention", archive.retention
    yield "stored", local(archive.durable_at)
    yield "verified", f"{local(archive.verified_at)} (+{span(archive.verified_at - archive.durable_at)})"
    yield "job", archive.job
    yield "export", archive.ref


def _facts(facts: Iterable[tuple[str, str]]) -> Text:
    lines = [_fact(name, clean(value)) for name, value in facts if value]
    return Text("\n").join(lines)


def _fact(name: str, value: str) -> Text:
    return Text.assemble(" " * _INDENT, (f"{name:<{_LABEL}}", "bold"), value)


def _member(report: MemberReport) -> Text:
    times = f", {local(report.earliest)} to {local(report.latest)}" if report.earliest and report.latest else ""
    kind = clean(report.dataset) or "not a dataset"
    words = (
        f"{number(report.records, 'record')}, {number(report.in_window)} inside the window, {size(report.size)}{times}"
    )
    drift = [
        f"{label}: {', '.join(clean(name) for name in names)}"
        for label, names in (("unknown fields", report.fields_unknown), ("vanished fields", report.fields_vanished))
        if names
    ]
    lines = [f"{clean(report.member) or 'the file itself'} ({kind})", words, *drift]
    return Text("\n".join(" " * (_INDENT + 2 * (place > 0)) + line for place, line in enumerate(lines)))


def _finding(finding: Finding) -> Text:
    mark = SEVERITIES[finding.severity]
    where = f" in {clean(finding.member)}" if finding.member else ""
    return Text.assemble(
        " " * _INDENT,
        (f"{mark.symbol} {mark.word}", mark.style),
        f" {clean(finding.code)}{where}: {clean(finding.message)}",
    )


def _moments(moments: tuple[Moment, ...]) -> Text:
    shown = moments[-MOST:]
    # An entry of the log may follow one of a clock that was set back: then nothing is said of the time between.
    lines = [_moment(moment, before) for moment, before in zip(shown, (None, *shown), strict=False)]
    if len(moments) > len(shown):
        lines.insert(0, Text(f"{' ' * _INDENT}{number(len(moments) - len(shown), 'older moment')} left out"))
    return _section("Timeline", lines or [Text(f"{' ' * _INDENT}nothing is in the log")])


def _moment(moment: Moment, last: Moment | None) -> Text:
    facts = dict(moment.facts)
    before, after = facts.pop("from", ""), facts.pop("to", "")
    way = f"  {before} → {after}" if after and before != after else ""
    told = [f"{clean(str(name))}: {clean(_value(value))}" for name, value in sorted(facts.items())]
    later = moment.at - last.at if last is not None else timedelta(-1)
    apart = f"+{span(later)}" if later >= timedelta(0) else ""
    text = Text.assemble(
        f"{' ' * _INDENT}{local(moment.at)}  {apart:<12} ",
        (clean(kind_words(moment.kind)), "bold"),
        f" ({clean(moment.kind)}){clean(way)}",
    )
    for line in [*told, f'"{clean(moment.words)}"'] if moment.words else told:
        text.append(f"\n{' ' * (_INDENT + 4)}{line}")
    return text


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "none"
    return str(value)


def _section(title: str, lines: list[Text]) -> Text:
    return Text("\n").join([Text(title, "bold underline"), *lines]) if lines else Text()


def _told(*parts: Text) -> Text:
    return Text("\n\n").join(part for part in parts if part.plain)
