"""The words of the overview: one cell, and the facts on each tile. Pure: an answer in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from rich.text import Text

from strongroom.engine.monitor.system_status import Quota
from strongroom.engine.queries.lists import Running, Status
from strongroom.engine.queries.overview import Overview
from strongroom.model.coverage_strip import SOON, Heat
from strongroom.model.horizon import deadline
from strongroom.model.job import Job, State
from strongroom.model.waiting import code_words, wait_of, wait_words
from strongroom.text.layout import bar, clip, first_that_fits
from strongroom.text.sentences import quota_words
from strongroom.text.states import BAD, COPIES, DOUBT, GOOD, JOBS, WINDOWS
from strongroom.text.times import utc_day, window_words
from strongroom.text.units import number, short, size, span
from strongroom_tui.requests import request_lines
from strongroom_tui.screens.detail_text import ProgressContext, doing
from strongroom_tui.widgets.coverage_cells import Cell

_BESIDE = 70  # columns from which on the progress of a job has room beside its name
_PENDING = frozenset({Heat.DUE, Heat.RISK, Heat.OPEN, Heat.MISSING})


def cell_words(cell: Cell | None, width: int, now: datetime | None = None, job: Job | None = None) -> Text:
    """Return one cell in words: its state and why, how much is archived, when it is deleted, and its job."""
    if cell is None:
        return Text()
    mark = WINDOWS[cell.heat]
    cause = f" ({cell.cause})" if cell.cause else ""
    word = COPIES.get(cell.heat, mark.word) if cell.snapshot else mark.word
    words = f"{mark.symbol} {word}{cause}  {cell.stream}  {window_words(cell.window, max(16, width // 2))}"
    lines = [Text(clip("  ".join([words, *_about(cell, now, job)]), width), mark.style)]
    if cell.blind:
        lines.append(Text(clip(f"◐ leaves out {'; '.join(cell.blind)}", width)))
    return Text("\n").join(lines)


def _about(cell: Cell, now: datetime | None, job: Job | None) -> Iterator[str]:
    if cell.share is not None and cell.share < 1:
        yield f"{percent(cell.share)} archived"
    if meaning := code_words(cell.cause):
        yield meaning
    gone = deadline(cell.window, cell.keeps) if cell.heat in _PENDING and not cell.snapshot else None
    if gone is not None:
        yield f"the provider deletes it from {utc_day(gone)}"
    wait = wait_of(job, now) if job is not None and now is not None else None
    if cell.job:
        yield f"job {short(cell.job)}" + (f" {wait_words(wait)}" if wait is not None and wait.cause else "")


def percent(share: float) -> str:
    """Write a share with one digit, rounded down: only what is complete is 100 %."""
    return "100%" if share >= 1 else f"{int(share * 1000) / 10}%"


def coverage_facts(overview: Overview, now: datetime) -> list[Text]:
    """Return how much is archived, what is pending, and what is not known."""
    share = overview.share
    since = f" since {utc_day(share.since)}" if share.since else ""
    lines = [_archived(overview), _failures(overview), _deletion(overview, now)]
    lines.append(Text(f"{number(overview.streams, 'stream')}{since}"))
    if overview.unknown:
        lines.append(Text(f"? unknown how long {', '.join(overview.unknown)} keeps records", DOUBT))
    return [line for line in lines if line]


def _archived(overview: Overview) -> Text:
    share = overview.share.share
    amount = sum((risk.amount for risk in overview.risks), timedelta(0))
    parts = [f"{percent(share)} archived"] if share is not None else []
    parts += [f"{span(amount)} pending"] if amount else []
    return Text(", ".join(parts), GOOD if share is not None and share >= 1 else "")


def _failures(overview: Overview) -> Text:
    parts = [f"{number(overview.missing, 'window')} failed"] if overview.missing else []
    parts += (
        [f"{number(overview.lost)} lost" if parts else f"{number(overview.lost, 'period')} lost"]
        if overview.lost
        else []
    )
    return Text(f"! {', '.join(parts)}" if parts else "", BAD)


def _deletion(overview: Overview, now: datetime) -> Text:
    """Say when the provider begins to delete what is pending."""
    if not overview.risks:
        return Text("" if overview.unknown or not overview.streams else "✓ nothing is at risk", GOOD)
    first = overview.risks[0].first_loss
    left = first - now
    rough = f"{left.days} d" if left.days else span(left)
    words = f"deleted in {rough}, {utc_day(first)}" if first > now else "being deleted now"
    return Text(f"{'▲' if left < SOON else '○'} {words}", _urgency(left))


def _urgency(left: timedelta) -> str:
    return "bold yellow" if left < SOON else ""


def work_lines(overview: Overview, status: Status, now: datetime, width: int, most: int) -> list[Text]:
    """Return what runs now with live progress, one line each, and below it which requests wait."""
    running = {each.job: each for each in status.running}
    jobs = sorted(overview.at_work, key=lambda job: job.id not in running)
    room = max(most // 2, most - max(1, len(jobs)))  # for requests: half, or what the jobs leave
    asked = [*request_lines(status.waiting, now, width, room), *_silence(overview, now)]
    most = max(1, most - len(asked))
    shown = jobs if len(jobs) <= most else jobs[: max(1, most - 1)]
    names = min(max((len(job.stream) for job in shown), default=0), max(8, width // 3))
    apart = width < _BESIDE and len(shown) + sum(job.id in running for job in shown) <= most
    lines = [
        line
        for job in shown
        for line in _job_lines(job, status, running, now, width, names, apart=apart and job.id in running)
    ]
    if len(jobs) > len(shown) and most > 1:
        lines.append(Text(clip(f"  and {number(len(jobs) - len(shown), 'more job')}: press 3", width)))
    if not jobs:
        lines += _idle_lines(overview, status, now, width, most)
    return [*lines, *asked]


def _idle_lines(overview: Overview, status: Status, now: datetime, width: int, most: int) -> Iterator[Text]:
    """Say that nothing runs, and what the next planned jobs wait for."""
    planned = status.jobs.get(State.PLANNED, 0)
    words = f"nothing is in progress; {number(planned, 'job')} planned" if planned else "nothing is in progress"
    yield Text(clip(words, width))
    room = most - 1
    shown = overview.planned[: room if planned <= room else max(0, room - 1)]
    names = min(max((len(job.stream) for job in shown), default=0), max(8, width // 3))
    scene = ProgressContext(now, bool(status.worked_on_by))
    for job in shown:
        mark = JOBS[job.state]
        head = f"{mark.symbol} {clip(job.stream, names):<{names}} {window_words(job.spec.window, 10)} "
        yield Text(clip(head + doing(job, scene, max(0, width - len(head))), width), mark.style, no_wrap=True)
    if planned > len(shown) and room > 0:
        yield Text(clip(f"  and {number(planned - len(shown), 'more job')}: press 3", width))


def _silence(overview: Overview, now: datetime) -> list[Text]:
    """Say that no daemon works, where one did."""
    if overview.heartbeat is None or overview.heartbeat.fresh(now):
        return []
    return [Text(f"daemon silent for {span(now - overview.heartbeat.at)}", DOUBT)]


def _job_lines(
    job: Job, status: Status, running: Mapping[str, Running], now: datetime, width: int, names: int, *, apart: bool
) -> list[Text]:
    """Return what a job does on one line, or `apart` on a line of its own."""
    mark = JOBS[job.state]
    window = window_words(job.spec.window, 10)
    head = f"{mark.symbol} {mark.word:<9} {clip(job.stream, names):<{names}} {window} "
    scene = ProgressContext(now, bool(status.worked_on_by), running.get(job.id))
    first = Text(clip(head, width), mark.style, no_wrap=True)
    if apart:
        return [first, Text(doing(job, scene, width), no_wrap=True)]
    return [Text.assemble(first, doing(job, scene, max(0, width - len(head))), no_wrap=True)]


def vault_facts(overview: Overview, status: Status) -> list[Text]:
    """Return what the vault has, how it grows, and how much room is left."""
    held, quarantined = status.archives.get("held"), status.archives.get("quarantined")
    lines = [Text(f"{number(held.count, 'archive')}, {number(held.records, 'record')}" if held else "no archives")]
    if quarantined:
        lines.insert(1, Text(f"✗ {number(quarantined.count)} in quarantine", BAD))
    if held:
        lines.append(Text(f"{size(held.sealed_size)}, +{size(overview.grown)} this week"))
    return [*lines, Text(f"{size(status.free_bytes)} free")]


def quota_facts(quotas: tuple[Quota, ...], width: int) -> list[Text]:
    """Return what is used of each quota in the last hour, as a bar where its limit is known."""
    names = max((len(each.source) for each in quotas), default=0)
    return [_quota_line(each, min(names, 14), width) for each in quotas]


def _quota_line(quota: Quota, names: int, width: int) -> Text:
    name = f"{clip(quota.source, names):<{names}} "
    if not quota.per_hour:
        return Text(name + first_that_fits([quota_words(quota), f"{quota.created} this hour"], width - len(name)))
    used = f"{quota.created} of {quota.per_hour} used"
    running = f", {quota.running} in progress" if quota.running else ""
    drawn = bar(min(1.0, quota.created / quota.per_hour), 10)
    ways = [f"{drawn} {used}{running}", f"{drawn} {used}", f"{used}{running}", used]
    line = clip(name + first_that_fits(ways, width - len(name)), width)
    return Text(line, DOUBT if quota.created >= quota.per_hour else "")


def evidence_facts(overview: Overview, now: datetime) -> list[Text]:
    """Return how old the last proofs are: signature, scrub and drill."""
    scrub = overview.scrub
    lines = []
    if scrub.findings:
        lines.append(Text(f"✗ {number(scrub.findings, 'file')} not as archived", BAD))
    signed = f"✓ checkpoint {span(now - overview.signed_at)} ago" if overview.signed_at else "no checkpoint yet"
    lines.append(Text(signed, GOOD if overview.signed_at else ""))
    late = " (late)" if scrub.behind else ""
    done = f"scrubbed {span(now - scrub.scrubbed_at)} ago" if scrub.scrubbed_at else "never scrubbed"
    lap = scrub.lap
    share = f", next {percent(lap.share)}" if lap is not None and lap.ended_at is None else ""
    lines.append(Text(done + late + share, DOUBT if scrub.behind else ""))
    drilled = f"drilled {span(now - overview.drilled_at)} ago" if overview.drilled_at else "no recovery drill yet"
    return [*lines, Text(drilled)]
