"""Jobs and archives in words: what a job does now in one line, and every fact of either, nothing invented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text

from strongroom.engine.core.moments import Moment
from strongroom.engine.queries.lists import ArchiveLife, JobLife, Running
from strongroom.model.archive import Archive
from strongroom.model.hold import Hold
from strongroom.model.inspection import Finding, MemberReport
from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.provider import shown_ref
from strongroom.model.retention import Fate, Verdict
from strongroom.model.text import clean
from strongroom.model.waiting import brief_wait, cause_words, job_words, wait_of, wait_words
from strongroom.text.events import kind_words
from strongroom.text.layout import bar, clip, first_that_fits
from strongroom.text.sentences import beside_detail
from strongroom.text.states import FATES, JOBS, SEVERITIES, Mark, verification
from strongroom.text.times import local
from strongroom.text.units import number, size, span, time_left

SILENCE = timedelta(seconds=10)
"""How long a transfer may say nothing before the screen says so."""

_AT = {
    State.PLANNED: "to be requested",
    State.UNCERTAIN: "looking for it on the provider's list",
    State.WAITING: "the provider is preparing it",
    State.READY: "ready to download",
    State.FETCHING: "starting the download",
    State.SEALED: "starting verification",
    State.DEAD: "a new export will be requested",
    State.REPLACED: "replaced by a new job",
    State.CANCELLED: "cancelled by a person",
}


class ProgressContext(Struct, frozen=True):
    """What a job's words depend on besides the job."""

    now: datetime
    busy: bool  # some process is working in the vault
    running: Running | None = None  # the transfer of this job, as last reported


def doing(job: Job, scene: ProgressContext, width: int) -> str:
    """Return what the job is doing, in the most words that fit into `width` cells."""
    running = scene.running
    if running is not None and job.state in (State.FETCHING, State.SEALED):
        return clip(first_that_fits(_transfer(job, running, scene), width), width)
    if job.state is State.ARCHIVED:
        return "" if job.size is None else size(job.size)
    if job.state is State.FAILED:
        return clip(job_words(job, scene.now) or cause_words(job.cause, job.detail), width)
    if job.finished:
        return clip(_AT[job.state], width)
    return clip(first_that_fits(_waits(job, scene.now), width), width)


def rate_of(job: Job, running: Running) -> float | None:
    """Return bytes in a second since this stage began, or None while that is too short to say."""
    seconds = (running.at - job.changed_at).total_seconds()
    return running.done / seconds if seconds >= 1 and running.done else None


def _transfer(job: Job, running: Running, scene: ProgressContext) -> list[str]:
    done, rate = size(running.done), rate_of(job, running)
    speed = f"{size(int(rate))}/s" if rate else ""
    tail = _interruption(running, scene)
    if not running.total:
        pace = tail or speed
        return _joined([(f"{done} of unknown size", pace), (done, pace), (done,)])
    share = min(1.0, running.done / running.total)
    percent, whole = f"{int(share * 100)}%", f"{done} of {size(running.total)}"
    left = time_left(running.total - running.done, rate)
    pace = tail or speed
    return _joined(
        [
            (bar(share, 12), percent, whole, pace, "" if tail else left),
            (bar(share, 10), percent, whole, pace),
            (bar(share, 5), percent, done, pace),
            (percent, done, pace),
            (percent, pace),
            (percent,),
        ]
    )


def _interruption(running: Running, scene: ProgressContext) -> str:
    if not scene.busy:
        return "interrupted"
    silent = scene.now - running.at
    return f"silent for {span(silent)}" if silent > SILENCE else ""


def _waits(job: Job, now: datetime) -> list[str]:
    wait = wait_of(job, now)
    if wait is None or not wait.cause:  # its last trouble, if any, is behind it: the next step can be taken
        wait = Wait(job.cause, job.detail, job.next_at)
    left = wait.until - now if wait.until is not None else None
    when = "" if left is None else f", next in {span(left)}" if left > timedelta(0) else ", now"
    at = _AT[job.state]
    if job.state in (State.FETCHING, State.SEALED):  # a worker has it in hand
        return [at]
    if wait.cause is Cause.NONE:
        return [f"{at}{when}", at, when.removeprefix(", ")]
    words = wait_words(replace(wait, until=None))
    brief = brief_wait(wait.cause)
    detail = [f"{words}{when}: {wait.words}"] if wait.words else []
    return [*detail, f"{words}{when}", f"{brief}{when}", brief, brief.replace("waits for", "needs")]


def _joined(variants: list[tuple[str, ...]]) -> list[str]:
    return [" ".join(part for part in parts if part) for parts in variants]


MOST = 500
"""Moments shown of one life; the oldest beyond them are counted."""

INDENT = 2

_LABEL = 14


def job_text(life: JobLife, archive: Archive | None = None, now_doing: str = "") -> Text:
    """Return a job: what it is and does now, what its file was found to be, then its timeline."""
    job = life.job
    found = archive.inspection.findings if archive is not None else ()
    mark = JOBS[job.state]
    head = heading(mark, f"job {job.id}")
    facts = facts_text([("now", now_doing), *_job_facts(job, life.successor)])
    return paragraphs(head, facts, section("Findings", [finding_text(each) for each in found]), _moments(life.moments))


def archive_text(life: ArchiveLife, keeping: Iterable[tuple[str, str]] = ()) -> Text:
    """Return an archive: its manifest in short, why it is retained, what is in it, and what happened to it."""
    archive = life.archive
    mark = verification(archive)
    head = heading(mark, f"archive {archive.id}")
    members = section("Files inside", [_member(report) for report in archive.inspection.members])
    findings = section("Findings", [finding_text(finding) for finding in archive.inspection.findings])
    return paragraphs(head, facts_text([*_archive_facts(archive), *keeping]), members, findings, _moments(life.moments))


def _job_facts(job: Job, successor: str) -> Iterator[tuple[str, str]]:
    window = job.spec.window
    yield "stream", job.stream
    yield "source", job.source
    yield "datasets", ", ".join(job.spec.datasets)
    yield "filters", ", ".join(f"{name}={value}" for name, value in job.spec.filters)
    yield "window", f"{local(window.start)} up to {local(window.end)}"
    yield "purpose", job.purpose
    yield "retention", job.retention
    yield "export", shown_ref(job.ref)
    yield "size", f"{size(job.size)} ({number(job.size)} bytes)" if job.size is not None else ""
    yield "expires", local(job.expires_at) if job.expires_at else ""
    yield "waits for", beside_detail(job, job.wait)
    yield "cause", cause_words(job.cause, job.detail)
    yield "detail", job.detail
    yield "troubles", ", ".join(f"{cause} {count}×" for cause, count in sorted(job.attempts.items()))  # noqa: RUF001
    yield "next step", "" if job.finished else f"not before {local(job.next_at)}"
    yield "replaces", job.parent
    yield "replaced by", successor
    yield "archive", job.archive


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
    yield "export", shown_ref(archive.ref)


def heading(mark: Mark, words: str) -> Text:
    """Return a state and what is in it."""
    return Text.assemble((f"{mark.symbol} {mark.word}", f"bold {mark.style}".strip()), f"  {words}")


def facts_text(facts: Iterable[tuple[str, str]], label: int = _LABEL) -> Text:
    """Return names and values, a line each, names in `label` cells; what is empty is left out."""
    lines = [_fact(name, clean(value), label) for name, value in facts if value]
    return Text("\n").join(lines)


def _fact(name: str, value: str, label: int) -> Text:
    name = f"{name} " if len(name) >= label else name
    return Text.assemble(" " * INDENT, (f"{clean(name):<{label}}", "bold"), value)


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
    return Text("\n".join(" " * (INDENT + 2 * (place > 0)) + line for place, line in enumerate(lines)))


def finding_text(finding: Finding) -> Text:
    """Return one finding on a line."""
    mark = SEVERITIES[finding.severity]
    where = f" in {clean(finding.member)}" if finding.member else ""
    return Text.assemble(
        " " * INDENT,
        (f"{mark.symbol} {mark.word}", mark.style),
        f" {clean(finding.code)}{where}: {clean(finding.message)}",
    )


def _moments(moments: tuple[Moment, ...]) -> Text:
    shown = moments[-MOST:]
    # An entry of the log may follow one of a clock that was set back: then nothing is said of the time between.
    lines = [_moment(moment, before) for moment, before in zip(shown, (None, *shown), strict=False)]
    if len(moments) > len(shown):
        lines.insert(0, Text(f"{' ' * INDENT}{number(len(moments) - len(shown), 'older moment')} left out"))
    return section("Timeline", lines or [Text(f"{' ' * INDENT}nothing is in the log")])


def _moment(moment: Moment, last: Moment | None) -> Text:
    facts = dict(moment.facts)
    before, after = facts.pop("from", ""), facts.pop("to", "")
    way = f"  {before} → {after}" if after and before != after else ""
    lines = [f"{clean(str(name))}: {clean(_value(value))}" for name, value in sorted(facts.items())]
    later = moment.at - last.at if last is not None else timedelta(-1)
    apart = f"+{span(later)}" if later >= timedelta(0) else ""
    text = Text.assemble(
        f"{' ' * INDENT}{local(moment.at)}  {apart:<12} ",
        (clean(kind_words(moment.kind)), "bold"),
        f" ({clean(moment.kind)}){clean(way)}",
    )
    for line in [*lines, f'"{clean(moment.words)}"'] if moment.words else lines:
        text.append(f"\n{' ' * (INDENT + 4)}{line}")
    return text


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "none"
    return str(value)


def section(title: str, lines: list[Text]) -> Text:
    """Return lines under a title, or nothing without lines."""
    return Text("\n").join([Text(title, "bold underline"), *lines]) if lines else Text()


def paragraphs(*parts: Text) -> Text:
    """Return parts with a blank line between them."""
    return Text("\n\n").join(part for part in parts if part.plain)


def retention_facts(
    verdict: Verdict, holds: Sequence[Hold], moments: Sequence[Moment], signed: int
) -> list[tuple[str, str]]:
    """Return what keeps an archive, and what proves what happened to it."""
    mark = FATES[verdict.fate]
    facts = [("verdict", f"{mark.symbol} {verdict.words}")]
    if verdict.fate is Fate.HELD:  # the end of the period is none of the hold
        facts.append(("hold ends", "no end date: it ends when it is released"))
        if verdict.until is not None:
            facts.append(("period", f"ends {verdict.until:%Y-%m-%d}"))
    if verdict.rule is not None:
        cited = f", {verdict.rule.citation}" if verdict.rule.citation else ""
        facts.append(("rule", f"{verdict.rule.words}{cited}"))
    facts += [("hold", f"{hold.matter}, since {hold.placed_at:%Y-%m-%d}: {hold.reason}") for hold in holds]
    if moments:
        last = max(each.seq for each in moments)
        covered = f"under the checkpoint over {number(signed)}" if last <= signed else "not all signed yet"
        facts.append(("evidence", f"{number(len(moments), 'entry')} of the log up to {number(last)}, {covered}"))
    return facts
