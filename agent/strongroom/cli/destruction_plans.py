"""Plans of destruction and destroyed archives, as JSON for programs and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from strongroom.cli.output import TextColumn, hang, render_table
from strongroom.cli.terminal import clean, paint, width
from strongroom.model.destruction import Person, PlanItem, Stage
from strongroom.model.text import counted
from strongroom.model.times import format_duration
from strongroom.model.window import Window
from strongroom.text.states import STAGES
from strongroom.text.times import utc, utc_window
from strongroom.text.units import number, short, size

if TYPE_CHECKING:
    from strongroom.engine.destruction.commands import DestroyedArchive
    from strongroom.engine.destruction.propose import DestructionPlan, PlanContent

FEW = 20  # archives of a plan that are printed one by one


def person_document(person: Person) -> dict[str, object]:
    """Return who acted."""
    return {"uid": person.uid, "name": person.name, "login": person.login, "sudo": person.sudo}


def plan_document(plan: DestructionPlan) -> dict[str, object]:
    """Return a plan with everything on it."""
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
        "approvals": [{"at": each.at, "by": person_document(each.by)} for each in plan.approvals],
        "cooling_off_seconds": int(terms.cooling_off.total_seconds()),
        "destroyed_from": terms.ripe_at,
        "plan_sha256": proposal.plan_sha256,
        "erasure": proposal.erasure,
        "overrides_retention": proposal.overrides,
        "waiting": len(plan.waiting),
        "archives": [_item_document(plan, each) for each in plan.items],
    }


def _item_document(plan: DestructionPlan, each: PlanItem) -> dict[str, object]:
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
    records = f"{counted(content.records, 'record')}, {size(content.size)}"
    return f"{content.stream} {utc_window(content.window)}, {records}: "


def plan_lines(plan: DestructionPlan, *, each: bool = False) -> Iterator[str]:
    """Yield the lines of a plan: who, why, and for each archive the verdict and its reason as of now.

    One of more than FEW archives is summed up by stage, stream and rule, unless `each` asks for all of them.
    """
    proposal = plan.proposal
    yield click.style(f"proposal {proposal.id}", bold=True) + f"  {clean(proposal.ground)}, {_stages(plan)}"
    yield from hang("  ", 2, f"by {proposal.by.name} at {utc(proposal.at)}: {proposal.reason}", width())
    overrides = "; outweighs a retention that still runs" if proposal.overrides else ""
    terms = plan.terms
    takes = f"takes {counted(terms.people, 'person', 'people')} ({terms.approvals} to approve)"
    yield from hang("  ", 2, f"{takes}, then {format_duration(terms.cooling_off)} to cool off{overrides}", width())
    for given in plan.approvals:
        yield f"  approved by {clean(given.by.name)} at {utc(given.at)}"
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
        return f"scheduled for destruction on {utc(terms.ripe_at)}"
    return f"needs {counted(terms.lacking, 'approval')}" if plan.waiting and terms.lacking else ""


def approval_step(plan: DestructionPlan) -> str:
    """Say who approves a new plan, and how."""
    who = "another person must approve it" if plan.terms.people > 1 else "one person is enough, so you may approve it"
    return f"{who}: strongroom destroy approve {short(plan.proposal.id)}"


def _archive_lines(plan: DestructionPlan, each: PlanItem) -> Iterator[str]:
    judgement = plan.judgements.get(each.archive)
    why = judgement.words if judgement else each.reason
    verdict = f"{judgement.fate.words}: " if judgement else ""
    stage = paint(f"{each.stage.value:<10}", STAGES[each.stage])
    content = plan.contents.get(each.archive)
    what = "" if content is None else _content_words(content)
    rule = each.citation if each.rule in why else _rule_words(each)  # the verdict names its rule already
    verdict = "; ".join(filter(None, (f"{verdict}{why}", rule)))
    yield from hang(f"  {stage} {short(each.archive)}  ", 23, f"{what}{verdict}", width())


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
    records, total = sum(each.records for each in contents), sum(each.size for each in contents)
    what = f"{counted(len(contents), 'archive')} of {stream}, {utc_window(period)}"
    return f"{what}, {counted(records, 'record')}, {size(total)}: "


def _rule_words(each: PlanItem) -> str:
    return f"{each.rule} ({each.citation})" if each.citation else each.rule


def _stages(plan: DestructionPlan) -> str:
    counts = {stage: sum(each.stage is stage for each in plan.items) for stage in Stage}
    return ", ".join(f"{number(count)} {stage.value}" for stage, count in counts.items() if count)


def destroyed_document(destroyed: DestroyedArchive) -> dict[str, object]:
    """Return what is left of an archive: its tombstone, field by field (docs/format.md)."""
    from strongroom.engine.destruction.commands import tombstone_of_archive

    left = tombstone_of_archive(destroyed)
    return {**left, "certificate_sha256": destroyed.certificate_sha256, "finished": bool(destroyed.certificate_sha256)}


def destroyed_lines(found: Sequence[DestroyedArchive]) -> list[str]:
    """Return the table of what was destroyed, newest first."""
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
            utc(each.tombstone.destroyed_at),
            short(each.tombstone.archive),
            each.tombstone.stream,
            utc_window(each.tombstone.window),
            number(each.tombstone.records),
            each.tombstone.rule,
        )
        for each in found
    ]
    return render_table(columns, rows, width()) if rows else []
