"""Plans of destruction: what waits for a second person, what cools off, and taking it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.core.people import acting_person
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.destruction.approve import approve, foresee_approval, read_outcome
from strongroom.engine.destruction.commands import context_of, due_archives, find_plan, overview
from strongroom.engine.destruction.context import DestructionContext as DestructionContext
from strongroom.engine.destruction.propose import DestructionPlan, propose, undo
from strongroom.model.destruction import Stage
from strongroom.model.text import noun_of
from strongroom.text.states import STAGES
from strongroom.text.units import number
from strongroom_tui.dialogs.dialog import AskLine, Confirm
from strongroom_tui.places import Place
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.holds import NEED
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.pages import PAGE, Order, Page
from strongroom_tui.screens.plan_text import (
    approval_words,
    approved_words,
    due_words,
    next_person,
    plan_text,
    undo_words,
)
from strongroom_tui.screens.screen import TabScreen, TextPane, TextScreen
from strongroom_tui.screens.steps import ask, perform, steps
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.list_lines import Chip
from strongroom_tui.widgets.table import (
    Columns,
    TableColumn,
    TableRow,
    table_row,
)


def context_for(session: VaultSession) -> DestructionContext:
    """Return the context of destructions, under the rules of the configuration."""
    return context_of(session.config, session.vault, Dependencies(clock=session.clock))


PLAN_COLUMNS: Columns = (
    TableColumn("state", 12),
    TableColumn("archives", 9, right=True),
    TableColumn("proposed", 12, rank=2),
    TableColumn("by", 14, rank=3),
    TableColumn("why", 12, grows=True, rank=1),
)


_KEYS: Mapping[str, Callable[[DestructionPlan], Any]] = MappingProxyType(
    {
        "proposed": lambda each: (each.proposal.at, each.proposal.id),
        "archives": lambda each: len(each.items),
        "by": lambda each: each.proposal.by.name,
        "why": lambda each: each.proposal.reason,
    }
)
"""What plans are sorted by."""


class PlansQuestion(Struct, frozen=True):
    """The plans, newest first, those that are over too."""

    filter: Filter = field(default_factory=Filter)
    before: DestructionPlan | None = None
    order: Order = field(default_factory=lambda: Order("proposed"))

    def ask(self, session: VaultSession) -> Page[DestructionPlan]:
        """Read them."""
        found = overview(context_for(session), PAGE, everything=self.filter.kind == "all").plans
        return Page(tuple(self.order.apply(found[::-1], _KEYS)), None)


class PlanDetail(Struct, frozen=True):
    """One plan, judged as of now, and from when on what was approved of it is final."""

    plan: DestructionPlan
    final_at: datetime | None


class PlanQuestion(Struct, frozen=True):
    """One plan, judged as of now."""

    key: str

    def ask(self, session: VaultSession) -> PlanDetail:
        """Read it."""
        context = context_for(session)
        plan = find_plan(context, self.key)
        return PlanDetail(plan, read_outcome(context, plan))


class PlanActions(TabScreen):
    """Adds the acts to a tab that has one plan chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve_plan", "approve", tooltip="Approve this plan; its proposer cannot"),
        Binding("u", "undo_plan", "undo", tooltip="Undo this plan, until its destruction has begun"),
    ]

    @property
    def plan(self) -> DestructionPlan | None:
        """Return the plan that is meant, or None while there is none."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits the plan."""
        plan = self.plan
        if action == "approve_plan":
            return not self.strongroom.read_only and plan is not None and bool(plan.waiting)
        if action == "undo_plan":
            return not self.strongroom.read_only and plan is not None and any(each.live for each in plan.items)
        return super().check_action(action, parameters)

    @steps
    async def action_approve_plan(self) -> None:
        """Refuse who cannot approve; name what would be destroyed and when, have the count typed, then approve."""
        chosen = self.plan
        if chosen is None:
            return
        key, person = chosen.proposal.id, acting_person()
        outlook = await perform(self, lambda session: foresee_approval(context_for(session), key, person))
        count, seen = len(outlook.plan.waiting), outlook.plan.digest
        title = f"Approve the destruction of {number(count, 'archive')}?"
        await ask(self, Confirm(title, approval_words(outlook), "Approve", typed=str(count)))
        found = await perform(self, lambda session: approve(context_for(session), key, acting_person(), seen))
        self.finish(approved_words(key, found))

    @steps
    async def action_undo_plan(self) -> None:
        """Say what stays, ask why, then take the plan back."""
        plan = self.plan
        if plan is None:
            return
        question = AskLine(f"Undo plan {plan.proposal.id}: why?", undo_words(plan), need=NEED)
        reason = await ask(self, question)
        undone = await perform(
            self, lambda session: undo(context_for(session), plan.proposal.id, acting_person(), reason)
        )
        self.finish(f"undone: {number(len(undone), 'archive')} {noun_of(len(undone), 'stays', 'stay')}")


class PlansScreen(PlanActions, ListTab[DestructionPlan]):
    """Plans."""

    MODE: ClassVar[str] = "plans"
    HEADING = "Plans of destruction"
    KINDS: ClassVar[tuple[str, ...]] = ("all",)
    COLUMNS = PLAN_COLUMNS
    NOUN = "plan"
    SORTABLE: ClassVar[tuple[str, ...]] = ("proposed", "archives", "by", "why")
    BOTH_WAYS = True
    UPWARD = frozenset({"by", "why"})

    def page_question(self, wanted: Filter, before: DestructionPlan | None) -> PlansQuestion:
        """Ask for the plans."""
        return PlansQuestion(wanted, before, self.sorting)

    def chips(self, seen: Seen) -> list[Chip]:  # noqa: ARG002 - as declared
        """Offer the plans that are in progress, and all of them."""
        return [Chip("", name="in progress"), Chip("all")]

    def peek(self, noun: DestructionPlan) -> PlanQuestion:
        """Ask for one plan, judged as of now."""
        return PlanQuestion(noun.proposal.id)

    def preview(self, answer: object) -> Text:
        """Show a plan at length."""
        if not isinstance(answer, PlanDetail):
            return Text()
        return plan_text(answer.plan, answer.final_at, self.strongroom.clock())

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", tooltip="Back to Retention"),
        Binding("D", "propose_due", "propose all", tooltip="Propose everything whose retention period is over"),
    ]

    def row_of(self, noun: DestructionPlan, columns: Columns) -> TableRow:
        """Lay one plan out, by the state of most of its archives."""
        stages = Counter(each.stage for each in noun.items)
        mark = STAGES[stages.most_common(1)[0][0]] if stages else STAGES[Stage.WITHDRAWN]
        cells = {
            "state": mark_text(mark, 12),
            "archives": number(len(noun.items)),
            "proposed": f"{noun.proposal.at:%Y-%m-%d}",
            "by": noun.proposal.by.name,
            "why": noun.proposal.reason,
        }
        return table_row(noun.proposal.id, cells, columns)

    @property
    def empty(self) -> str:
        """Say that nothing is planned, and how to propose something."""
        propose_due = "D proposes what is past its retention period; " if self.check_action("propose_due", ()) else ""
        return f"Nothing is to be destroyed. {propose_due}/ all shows plans that are over."

    @property
    def plan(self) -> DestructionPlan | None:
        """Return the plan under the cursor."""
        return self.row

    def opened(self, key: str) -> PlanScreen:
        """Show one plan."""
        return PlanScreen(key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "leave":
            return super().check_action("back", parameters) is False
        if action == "propose_due":
            return not self.strongroom.read_only
        return super().check_action(action, parameters)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()

    @steps
    async def action_propose_due(self) -> None:
        """Say how much is eligible, ask why, and propose it."""
        found = await perform(self, lambda session: due_archives(context_for(session)))
        if not found:
            self.report("nothing is eligible: every archive is retained, on hold or already on a plan")
            return
        words = due_words([archive for archive, _judgement in found])
        question = AskLine("Propose their destruction: why?", words, value="the retention period is over", need=NEED)
        reason = await ask(self, question)
        plan = await perform(self, lambda session: _propose_due(context_for(session), reason))
        self.finish(f"proposed: {number(len(plan.items), 'archive')}; {next_person(plan)}")


class PlanScreen(PlanActions, TextScreen):
    """One plan: what, why, by whom, and what each archive waits for."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    @property
    def place(self) -> Place:
        """Return what leads here again."""
        return Place("plan", self.key)

    def question(self) -> PlanQuestion:
        """Ask for the plan."""
        return PlanQuestion(self.key)

    @property
    def plan(self) -> DestructionPlan | None:
        """Return the plan, once it has been read."""
        found = self.answer(PlanDetail)
        return found.plan if found is not None else None

    def paint(self) -> None:
        """Show the plan."""
        found = self.answer(PlanDetail)
        if found is not None:
            self.query_one(TextPane).show(plan_text(found.plan, found.final_at, self.strongroom.clock()))


def _propose_due(session: DestructionContext, reason: str) -> DestructionPlan:
    return propose(session, [archive for archive, _judgement in due_archives(session)], acting_person(), reason)
