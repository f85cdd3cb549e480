"""Plans of destruction: what waits for a second person, what cools off, and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.core.people import acting_person
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.destruction.approve import ApprovalStatus, Approved, approve, foresee_approval, read_outcome
from strongroom.engine.destruction.commands import context_of, due_archives, find_plan, overview
from strongroom.engine.destruction.context import DestructionContext as DestructionDesk
from strongroom.engine.destruction.propose import DestructionPlan, propose, undo
from strongroom.model.text import noun_of
from strongroom_tui.dialogs.dialog import AskLine, Confirm
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.holds import NEED
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.plan_text import approval_words, next_person, told_plan, undo_words
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.text_screen import TextPane, TextScreen
from strongroom_tui.widgets.amounts import local, number
from strongroom_tui.widgets.columns import plan_columns
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.pane import PaneContent
from strongroom_tui.widgets.rows import plan_row
from strongroom_tui.widgets.table import PAGE, Page


def context_for(session: VaultSession) -> DestructionDesk:
    """Return the desk of destructions, under the rules of the configuration."""
    return context_of(session.config, session.vault, Dependencies(clock=session.clock))


class PlansQuestion(Struct, frozen=True):
    """The plans, newest first, those that are over too."""

    filter: Filter = field(default_factory=Filter)
    before: DestructionPlan | None = None

    def ask(self, session: VaultSession) -> Page[DestructionPlan]:
        """Read them."""
        found = overview(context_for(session), PAGE, everything=self.filter.kind == "all").plans
        return Page(tuple(found[::-1]), None)


class PlanStanding(Struct, frozen=True):
    """One plan, judged as of now, and from when on what was approved of it is final."""

    plan: DestructionPlan
    final_at: datetime | None


class PlanQuestion(Struct, frozen=True):
    """One plan, judged as of now."""

    key: str

    def ask(self, session: VaultSession) -> PlanStanding:
        """Read it."""
        office = context_for(session)
        plan = find_plan(office, self.key)
        return PlanStanding(plan, read_outcome(office, plan))


class PlanActions(TabScreen):
    """Adds the acts to a room that has one plan chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve_plan", "approve", tooltip="Agree with this plan, as somebody else than its proposer"),
        Binding("u", "undo_plan", "undo", tooltip="Take this plan back, until its destruction has begun"),
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

    def action_approve_plan(self) -> None:
        """Refuse who cannot approve; name what would be destroyed and when, have it typed, then approve."""
        chosen = self.plan
        if chosen is not None:
            key, person = chosen.proposal.id, acting_person()
            self.do(lambda session: foresee_approval(context_for(session), key, person), self._ask_approval)

    def _ask_approval(self, outlook: ApprovalStatus) -> None:
        plan = outlook.plan
        count, seen = len(plan.waiting), plan.digest

        def answered(answer: str | None) -> None:
            if answer:
                self.do(
                    lambda session: approve(context_for(session), plan.proposal.id, acting_person(), seen), approved
                )

        def approved(found: Approved) -> None:
            self.tell(
                f"approved; {plan.proposal.id} is destroyed from {local(found.ripe_at)} on, undo until then"
                if found.enough and found.ripe_at
                else "noted; it takes more people to approve"
            )

        typed = f"destroy {count}"
        title = f"Approve the destruction of {number(count, 'archive')}?"
        self.app.push_screen(Confirm(title, approval_words(outlook), "Approve", typed=typed), answered)

    def action_undo_plan(self) -> None:
        """Say what stays, ask why, then take the plan back."""
        plan = self.plan
        if plan is None:
            return

        def said(reason: str | None) -> None:
            if reason:
                self.do(
                    lambda session: undo(context_for(session), plan.proposal.id, acting_person(), reason),
                    lambda undone: self.tell(
                        f"taken back: {number(len(undone), 'archive')} {noun_of(len(undone), 'stays', 'stay')}"
                    ),
                )

        title = f"Take plan {plan.proposal.id} back: why?"
        self.app.push_screen(AskLine(title, undo_words(plan), need=NEED), said)


class PlansScreen(PlanActions, ListTab[DestructionPlan]):
    """Plans."""

    MODE: ClassVar[str] = "plans"
    KINDS: ClassVar[tuple[str, ...]] = ("all",)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", tooltip="Back to the verdicts"),
        Binding("D", "propose_due", "propose all", tooltip="Propose everything whose period is over"),
    ]

    def page_question(self, wanted: Filter, before: DestructionPlan | None) -> PlansQuestion:
        """Ask for the plans."""
        return PlansQuestion(wanted, before)

    def view(self, page: Page[DestructionPlan], seen: Seen, width: int) -> PaneContent:  # noqa: ARG002 - the status has nothing to add
        """Lay plans out."""
        columns = plan_columns(width)
        propose_due = "D proposes what is past its period; " if self.check_action("propose_due", ()) else ""
        return PaneContent(
            title="Plans of destruction",
            rows=[plan_row(each, columns) for each in page.rows],
            columns=columns,
            offset=self.trail.offset,
            total=None,
            more=page.last is not None,
            filter=str(self.filter),
            empty=f"Nothing is to be destroyed. {propose_due}/ all shows plans that are over.",
        )

    @property
    def plan(self) -> DestructionPlan | None:
        """Return the plan under the cursor."""
        rows = self.page.rows if self.page else ()
        return next((each for each in rows if each.proposal.id == self.chosen), None)

    def opened(self, key: str) -> PlanScreen:
        """Tell one plan at length."""
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

    def action_propose_due(self) -> None:
        """Say how many are due, ask why, and propose them."""

        def counted(count: int) -> None:
            if not count:
                self.tell("nothing is eligible: no archive is past its period, on no hold and on no plan")
                return
            words = f"{number(count, 'archive')} are past their period and on no plan. A second person must approve."
            ask = AskLine("Propose their destruction: why?", words, value="the period is over", need=NEED)
            self.app.push_screen(ask, said)

        def said(reason: str | None) -> None:
            if reason:
                self.do(lambda session: _propose_due(context_for(session), reason), proposed)

        def proposed(plan: DestructionPlan) -> None:
            self.tell(f"proposed: {number(len(plan.items), 'archive')}; {next_person(plan)}")

        self.do(lambda session: len(due_archives(context_for(session))), counted)


class PlanScreen(PlanActions, TextScreen):
    """One plan: what, why, by whom, and what each archive waits for."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    def question(self) -> PlanQuestion:
        """Ask for the plan."""
        return PlanQuestion(self.key)

    @property
    def plan(self) -> DestructionPlan | None:
        """Return the plan, once it has been read."""
        seen = self.seen
        return seen.answer.plan if seen is not None and isinstance(seen.answer, PlanStanding) else None

    def paint(self) -> None:
        """Tell the plan."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, PlanStanding):
            told = seen.answer
            self.query_one(TextPane).show(told_plan(told.plan, told.final_at, self.strongroom.clock()))


def _propose_due(session: DestructionDesk, reason: str) -> DestructionPlan:
    return propose(session, [archive for archive, _judgement in due_archives(session)], acting_person(), reason)
