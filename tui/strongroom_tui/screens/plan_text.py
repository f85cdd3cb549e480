"""Plans of destruction in words: what would be gone, how much that is, and until when it can be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from strongroom.engine.destruction.approve import ApprovalStatus, Approved
from strongroom.engine.destruction.destroy import may_go
from strongroom.engine.destruction.propose import DestructionPlan, PlanContent
from strongroom.model.archive import Archive
from strongroom.model.destruction import Person, PlanItem, Stage
from strongroom.model.text import clean
from strongroom.model.window import Window
from strongroom.text.states import STAGES
from strongroom.text.times import local, local_day_minute, window_words
from strongroom.text.units import number, size, span
from strongroom_tui.dialogs.stakes import amount_of, how_much, period_of, stakes
from strongroom_tui.screens.detail_text import facts_text, paragraphs

_SHOWN = 200  # archives of one plan
_STREAMS = 4  # named in a dialog
_WINDOW = 26  # cells of one window


def what_facts(plan: DestructionPlan, items: Sequence[PlanItem]) -> Iterator[tuple[str, str]]:
    """Say how much some archives of a plan are, then their streams and windows: the first few, and how many more."""
    found = _contents(plan, items)
    records, size_of_all = sum(each.records for each in found), sum(each.size for each in found)
    streams: dict[str, list[Window]] = {}
    for each in found:
        streams.setdefault(each.stream, []).append(each.window)
    yield "What", how_much(len(items), records, size_of_all)
    yield "Period", period_of(each.window for each in found)
    named = [f"{stream} ({number(len(windows), 'window')})" for stream, windows in list(streams.items())[:_STREAMS]]
    more = [f"and {number(len(streams) - _STREAMS, 'more stream')}"] if len(streams) > _STREAMS else []
    yield "Streams", ", ".join([*named, *more])


def approval_words(outlook: ApprovalStatus) -> str:
    """Say what an approval given now destroys, and when that becomes final."""
    plan = outlook.plan
    kept = sum(_keeps(plan, each) for each in plan.waiting)
    return stakes(
        *what_facts(plan, plan.waiting),
        ("Rule", ", ".join(list(_by_rule(plan.waiting))[:_STREAMS])),
        ("Proposed", proposed_words(plan)),
        ("Excluded", f"As of now, {number(kept)} of them would be kept: the plan shows why." if kept else ""),
        *_final_facts(outlook),
    )


def person_words(person: Person) -> str:
    """Name a person with the number that the log has; the program itself has none."""
    return f"{person.name} (uid {person.uid})" if person.uid >= 0 else person.name


def proposed_words(plan: DestructionPlan) -> str:
    """Say who proposed a plan, when and why."""
    proposal = plan.proposal
    return f"plan {proposal.id}, by {person_words(proposal.by)} at {local_day_minute(proposal.at)}: {proposal.reason}"


def _final_facts(outlook: ApprovalStatus) -> Iterator[tuple[str, str]]:
    length = cooling(outlook.cooling_off)
    if outlook.ripe_at is None:
        missing = number(outlook.lacking, "more approval")
        yield "Then", f"After yours it takes {missing}; the cooling-off period of {length} begins with the last one."
        yield "Undo", "Anyone can undo it with u until the destruction begins."
    elif not outlook.cooling_off:
        yield "Then", "There is no cooling-off period: the keys are destroyed at once. It is final."
        yield "Undo", "It cannot be undone."
    else:
        final = local_day_minute(outlook.ripe_at)
        yield "Then", f"Cooling-off period of {length}. On {final} the keys are destroyed: it is final."
        yield "Undo", f"Anyone can undo it with u until {final}."


def approved_words(plan: str, found: Approved) -> str:
    """Say what came of an approval."""
    if found.enough and found.ripe_at:
        return f"approved; {plan} is destroyed from {local(found.ripe_at)} on; it can be undone until then"
    return "recorded; more approvals are needed"


def due_words(archives: Sequence[Archive]) -> str:
    """Say what a proposal of all eligible archives means."""
    streams = sorted({each.stream for each in archives})
    more = f" and {number(len(streams) - _STREAMS)} more" if len(streams) > _STREAMS else ""
    return stakes(
        ("What", f"{amount_of(archives)}; past retention and on no plan"),
        ("Period", period_of(each.spec.window for each in archives)),
        ("Streams", ", ".join(streams[:_STREAMS]) + more),
        ("Then", "Nothing is destroyed yet: a second person must approve."),
        ("Undo", "u withdraws the plan, until its destruction has begun."),
    )


def next_person(plan: DestructionPlan) -> str:
    """Say who approves a new plan."""
    return "another person must approve it" if plan.terms.people > 1 else "one person is enough to approve it"


def undo_words(plan: DestructionPlan) -> str:
    """Say what taking a plan back means."""
    movable = [each for each in plan.items if each.stage in (Stage.PROPOSED, Stage.APPROVED)]
    return stakes(
        *what_facts(plan, movable),
        ("Proposed", proposed_words(plan)),
        ("Then", "These archives stay, and the plan ends. The reason is recorded."),
        ("Undo", "To destroy them later, they must be proposed and approved again."),
    )


def plan_text(plan: DestructionPlan, final_at: datetime | None, now: datetime) -> Text:
    """Return one plan at length: what, why, by whom, when it is final, and the state of each archive."""
    proposal = plan.proposal
    count = number(len(plan.items), "archive")
    head = Text.assemble((f"Plan {clean(proposal.id)}", "bold"), f"  {count}, {proposal.ground}")
    text = paragraphs(head, facts_text(_facts(plan, final_at, now))).append("\n")
    for rule, items in _by_rule(plan.items[:_SHOWN]).items():
        text.append(f"\nRule  {clean(rule)}\n", "bold")
        for each in items:
            text.append_text(_told(plan, each))
    if len(plan.items) > _SHOWN:
        text.append(f"  and {number(len(plan.items) - _SHOWN)} more: strongroom destroy show {proposal.id}\n")
    return text


def _facts(plan: DestructionPlan, final_at: datetime | None, now: datetime) -> Iterator[tuple[str, str]]:
    proposal, found = plan.proposal, _contents(plan, plan.items)
    records, size_of_all = sum(each.records for each in found), sum(each.size for each in found)
    streams = sorted({each.stream for each in found})
    yield "proposed", f"{local(proposal.at)}, {span(now - proposal.at)} ago, by {proposal.by.name}"
    yield "reason", proposal.reason
    for given in plan.approvals:
        yield "approved", f"{local(given.at)}, by {person_words(given.by)}"
    yield "destroys", f"{number(records, 'record')}, {size(size_of_all)} as delivered"
    if streams:
        yield "streams", ", ".join(streams[:8]) + (f" and {number(len(streams) - 8)} more" if len(streams) > 8 else "")
    terms = plan.terms
    yield "takes", f"{number(terms.approvals, 'approval')}, then {cooling(terms.cooling_off)} to undo it"
    if plan.waiting:
        stricter = ": the rules became stricter after it was approved" if plan.reopened else ""
        yield "waiting", f"{number(len(plan.waiting))} still to be approved{stricter}"
    if final_at is not None:
        yield "final", f"from {local(final_at)} on" + (f", in {span(final_at - now)}" if final_at > now else "")
    if plan.judgements:
        gone = sum(not _keeps(plan, each) for each in plan.items if each.archive in plan.judgements)
        yield "as of now", f"{number(gone)} of {number(len(plan.judgements))} may be destroyed"


def _told(plan: DestructionPlan, each: PlanItem) -> Text:
    """Return one archive: its state, what it is, and what keeps it."""
    mark, content = STAGES[each.stage], plan.contents.get(each.archive)
    text = Text(f"  {mark.symbol} {mark.word:<11} ", mark.style)
    text.append(f"{content.stream}  {window_words(content.window, _WINDOW)}\n" if content else "\n", "not bold")
    amount = f"{number(content.records, 'record')}, {size(content.size)}, " if content else ""
    text.append(f"    {amount}archive {clean(each.archive)}\n", "not bold")
    judgement = plan.judgements.get(each.archive)
    why = f"as of now: {judgement.words}" if judgement is not None and _keeps(plan, each) else ""
    reason = why or (each.reason if each.stage in (Stage.SPARED, Stage.WITHDRAWN) else "")
    return text.append(f"    {clean(reason)}\n") if reason else text


def _keeps(plan: DestructionPlan, each: PlanItem) -> bool:
    """Say whether an archive would be kept, judged now."""
    judgement = plan.judgements.get(each.archive)
    return judgement is not None and not may_go(judgement, plan.proposal)


def _by_rule(items: Sequence[PlanItem]) -> dict[str, list[PlanItem]]:
    found: dict[str, list[PlanItem]] = {}
    for each in items:
        found.setdefault(f"{each.rule}, {each.citation}" if each.citation else each.rule, []).append(each)
    return found


def _contents(plan: DestructionPlan, items: Sequence[PlanItem]) -> list[PlanContent]:
    return [plan.contents[each.archive] for each in items if each.archive in plan.contents]


def cooling(length: timedelta) -> str:
    """Write how long a plan can be taken back."""
    return span(length) if length else "no time"
