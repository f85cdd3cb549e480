"""Stable field names for programs: jobs, archives, moments and the rest as JSON. docs/commands.md tells them.

Plans, destroyed archives and requests for erasure, as JSON for programs and as lines for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from strongroom.cli.amounts import count_words, instant_words, short, size_words, window_words
from strongroom.cli.output import TextColumn, hang, render_table
from strongroom.cli.terminal import clean, width
from strongroom.model.archive import Archive
from strongroom.model.destruction import Person, PlanItem, Stage
from strongroom.model.inspection import Finding
from strongroom.model.job import Job
from strongroom.model.retention import Verdict
from strongroom.model.times import format_duration
from strongroom.model.units import counted
from strongroom.model.waiting import WaitGroup, wait_of
from strongroom.model.window import Window

if TYPE_CHECKING:
    from strongroom.engine.access.fixity import FixityFault
    from strongroom.engine.core.moments import Moment
    from strongroom.engine.destruction.commands import DestroyedArchive
    from strongroom.engine.destruction.propose import DestructionPlan, PlanContent
    from strongroom.engine.queries.lists import Request, Running, Status


def window_document(window: Window) -> dict[str, object]:
    """Tell a window; `end` is exclusive."""
    return {"start": window.start, "end": window.end}


def wait_document(job: Job, now: datetime) -> dict[str, object] | None:
    """Tell what a job waits for; None where it waits for nothing."""
    wait = wait_of(job, now)
    return None if wait is None else {"cause": wait.cause.value, "words": wait.words, "until": wait.until}


def wait_group_document(group: WaitGroup) -> dict[str, object]:
    """Tell how many jobs wait for one thing."""
    wait = group.wait
    return {
        "source": group.source,
        "cause": wait.cause.value,
        "words": wait.words,
        "until": wait.until,
        "jobs": group.jobs,
    }


def job_document(job: Job, now: datetime) -> dict[str, object]:
    """Tell a job as it stands."""
    return {
        "id": job.id,
        "stream": job.stream,
        "source": job.source,
        "datasets": list(job.spec.datasets),
        "window": window_document(job.spec.window),
        "state": job.state.value,
        "purpose": job.purpose,
        "created_at": job.created_at,
        "changed_at": job.changed_at,
        "next_at": None if job.finished else job.next_at,
        "ref": job.ref,
        "size": job.size,
        "expires_at": job.expires_at,
        "attempts": dict(job.attempts),
        "cause": job.cause.value,
        "detail": job.detail,
        "waits_for": wait_document(job, now),
        "parent": job.parent,
        "generation": job.generation,
        "archive": job.archive,
        "retention": job.retention,
    }


def archive_document(archive: Archive) -> dict[str, object]:
    """Tell an archive in short; `archives show` tells all of its manifest."""
    return {
        "id": archive.id,
        "holding": archive.holding.value,
        "stream": archive.stream,
        "source": archive.source,
        "datasets": list(archive.spec.datasets),
        "window": window_document(archive.spec.window),
        "job": archive.job,
        "records": archive.inspection.records,
        "size": archive.seal.size,
        "sealed_size": archive.seal.sealed_size,
        "sealed_sha256": archive.seal.sealed_sha256,
        "findings": len(archive.inspection.findings),
        "retention": archive.retention,
        "durable_at": archive.durable_at,
        "verified_at": archive.verified_at,
    }


def finding_document(finding: Finding) -> dict[str, object]:
    """Tell what reading an export found."""
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "message": finding.message,
        "member": finding.member,
    }


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """Tell what may happen to an archive, and why."""
    return {
        "fate": verdict.fate.value,
        "until": verdict.until,
        "class": verdict.rule.name if verdict.rule else None,
        "holds": list(verdict.holds),
        "reason": verdict.reason,
    }


def moment_document(moment: Moment) -> dict[str, object]:
    """Tell one thing that happened."""
    return {
        "seq": moment.seq,
        "at": moment.at,
        "kind": moment.kind,
        "job": moment.job,
        "archive": moment.archive,
        "facts": moment.facts,
        "words": moment.words,
    }


def running_document(running: Running) -> dict[str, object]:
    """Tell how far a transfer has come, in bytes."""
    return {
        "job": running.job,
        "stage": running.stage,
        "done": running.done,
        "total": running.total,
        "at": running.at,
    }


def fault_document(fault: FixityFault) -> dict[str, object]:
    """Tell what a check found."""
    return {"archive": fault.archive, "file": fault.file, "code": fault.code, "message": fault.message}


def status_document(status: Status) -> dict[str, object]:
    """Tell the vault at a glance."""
    return {
        "jobs": status.jobs,
        "archives": {
            holding: {
                "count": totals.count,
                "records": totals.records,
                "size": totals.size,
                "sealed_size": totals.sealed_size,
            }
            for holding, totals in status.archives.items()
        },
        "coverage": status.coverage,
        "sources": [{"name": source.name, "paused": source.paused} for source in status.sources],
        "paused_streams": dict(status.paused_streams),
        "running": [running_document(each) for each in status.running],
        "waiting": [wait_group_document(each) for each in status.waits],
        "worked_on_by": status.worked_on_by,
        "heartbeat": status.heartbeat.at if status.heartbeat else None,
        "requests": [request_document(each) for each in status.waiting],
        "free_bytes": status.free_bytes,
        "last_entry": status.last_entry,
    }


def request_document(request: Request) -> dict[str, object]:
    """Tell what somebody asked for and nobody has answered."""
    return {
        "request": request.id,
        "wish": request.wish.value,
        "subject": request.subject,
        "by": request.by,
        "at": request.at,
    }


FEW = 20  # archives of a plan that are printed one by one
_COLOURS = {Stage.DESTROYED: "red", Stage.SPARED: "green", Stage.WITHDRAWN: "green"}


def person_document(person: Person) -> dict[str, object]:
    """Tell who acted."""
    return {"uid": person.uid, "name": person.name, "login": person.login, "sudo": person.sudo}


def plan_document(plan: DestructionPlan) -> dict[str, object]:
    """Tell a plan with everything on it."""
    proposal, terms = plan.proposal, plan.terms
    return {
        "id": proposal.id,
        "at": proposal.at,
        "by": person_document(proposal.by),
        "ground": proposal.ground.value,
        "reason": proposal.reason,
        "people": terms.people,
        "approvals_needed": terms.approvals,
        "approvals_missing": terms.lacking,
        "cooling_off_seconds": int(terms.cooling_off.total_seconds()),
        "destroyed_from": terms.ripe_at,
        "plan_sha256": proposal.plan_sha256,
        "erasure": proposal.erasure,
        "overrides_retention": proposal.overrides,
        "waiting": len(plan.waiting),
        "archives": [_condemned_document(plan, each) for each in plan.items],
    }


def _condemned_document(plan: DestructionPlan, each: PlanItem) -> dict[str, object]:
    judgement = plan.judgements.get(each.archive)
    return {
        "archive": each.archive,
        "stage": each.stage.value,
        "changed_at": each.changed_at,
        **_content_document(plan.contents.get(each.archive)),
        "rule": each.rule,
        "citation": each.citation,
        "reason": each.reason,
        "verdict": judgement.fate.value if judgement else None,
        "why": judgement.words if judgement else "",
    }


def _content_document(content: PlanContent | None) -> dict[str, object]:
    if content is None:
        return {"stream": "", "window": None, "records": None, "size": None}
    window = {"start": content.window.start, "end": content.window.end}
    return {"stream": content.stream, "window": window, "records": content.records, "size": content.size}


def _content_words(content: PlanContent) -> str:
    records = f"{counted(content.records, 'record')}, {size_words(content.size)}"
    return f"{content.stream} {window_words(content.window)}, {records}: "


def plan_lines(plan: DestructionPlan, *, each: bool = False) -> Iterator[str]:
    """Print a plan: who, why, and for each archive the verdict and its reason as of now.

    One of more than FEW archives is summed up by stage, stream and rule, unless `each` asks for all of them.
    """
    proposal = plan.proposal
    yield click.style(f"proposal {proposal.id}", bold=True) + f"  {clean(proposal.ground)}, {_stages(plan)}"
    yield from hang("  ", 2, f"by {proposal.by.name} at {instant_words(proposal.at)}: {proposal.reason}", width())
    overrides = "; outweighs a retention that still runs" if proposal.overrides else ""
    terms = plan.terms
    takes = f"takes {counted(terms.people, 'person', 'people')} ({terms.approvals} to approve)"
    yield from hang("  ", 2, f"{takes}, then {format_duration(terms.cooling_off)} to cool off{overrides}", width())
    if state := plan_state(plan):
        yield from hang("  ", 2, state, width())
    if len(plan.items) > FEW and not each:
        yield from _summary_lines(plan)
        return
    for items in plan.items:
        yield from _archive_lines(plan, items)


def plan_state(plan: DestructionPlan) -> str:
    """Say what a plan waits for; nothing where no archive of it waits."""
    terms = plan.terms
    if plan.reopened:
        more = counted(terms.lacking, "more approval")
        return f"needs {more}: [destruction] became stricter after it was approved"
    if terms.ripe_at is not None:
        return f"scheduled for destruction on {instant_words(terms.ripe_at)}"
    return f"needs {counted(terms.lacking, 'approval')}" if plan.waiting and terms.lacking else ""


def approval_step(plan: DestructionPlan) -> str:
    """Say who approves a new plan, and how."""
    who = "another person must approve it" if plan.terms.people > 1 else "one person is enough, so you may approve it"
    return f"{who}: strongroom destroy approve {short(plan.proposal.id)}"


def _archive_lines(plan: DestructionPlan, each: PlanItem) -> Iterator[str]:
    judgement = plan.judgements.get(each.archive)
    why = judgement.words if judgement else each.reason
    verdict = f"{judgement.fate.words}: " if judgement else ""
    stage = click.style(f"{each.stage.value:<10}", fg=_COLOURS.get(each.stage))
    content = plan.contents.get(each.archive)
    what = "" if content is None else _content_words(content)
    rule = each.citation if each.rule in why else _rule_words(each)  # the verdict names its rule already
    told = "; ".join(filter(None, (f"{verdict}{why}", rule)))
    yield from hang(f"  {stage} {short(each.archive)}  ", 23, f"{what}{told}", width())


def _summary_lines(plan: DestructionPlan) -> Iterator[str]:
    groups: dict[tuple[str, str, str, str], list[PlanContent]] = {}
    for each in plan.items:
        content, judgement = plan.contents.get(each.archive), plan.judgements.get(each.archive)
        verdict = judgement.fate.words if judgement else ""
        key = (each.stage.value, content.stream if content else "", verdict, _rule_words(each))
        groups.setdefault(key, []).extend([content] if content else [])
    for (stage, stream, verdict, rule), contents in sorted(groups.items()):
        yield from hang(f"  {stage:<10} ", 13, f"{_sum_words(stream, contents)}{verdict}; {rule}", width())
    yield f"  every archive: strongroom destroy show {short(plan.proposal.id)} --each"


def _sum_words(stream: str, contents: Sequence[PlanContent]) -> str:
    if not contents:
        return ""
    period = Window(min(each.window.start for each in contents), max(each.window.end for each in contents))
    records, size = sum(each.records for each in contents), sum(each.size for each in contents)
    what = f"{counted(len(contents), 'archive')} of {stream}, {window_words(period)}"
    return f"{what}, {counted(records, 'record')}, {size_words(size)}: "


def _rule_words(each: PlanItem) -> str:
    return f"{each.rule} ({each.citation})" if each.citation else each.rule


def _stages(plan: DestructionPlan) -> str:
    counts = {stage: sum(each.stage is stage for each in plan.items) for stage in Stage}
    return ", ".join(f"{count_words(count)} {stage.value}" for stage, count in counts.items() if count)


def destroyed_document(buried: DestroyedArchive) -> dict[str, object]:
    """Tell what is left of an archive: its tombstone, field by field (docs/format.md)."""
    from strongroom.engine.destruction.commands import tombstone_of_archive

    told = tombstone_of_archive(buried)
    return {**told, "certificate_sha256": buried.certificate_sha256, "finished": bool(buried.certificate_sha256)}


def destroyed_lines(found: Sequence[DestroyedArchive]) -> list[str]:
    """Print what was destroyed, newest first."""
    columns = (
        TextColumn("DESTROYED"),
        TextColumn("ARCHIVE"),
        TextColumn("STREAM", least=8),
        TextColumn("WINDOW"),
        TextColumn("RECORDS", right=True),
        TextColumn("UNDER", least=12),
    )
    rows = [
        (
            instant_words(each.tombstone.destroyed_at),
            short(each.tombstone.archive),
            each.tombstone.stream,
            window_words(each.tombstone.window),
            count_words(each.tombstone.records),
            each.tombstone.rule,
        )
        for each in found
    ]
    return render_table(columns, rows, width()) if rows else []
