"""The legal holds, by matter: what is active, what was released; placing and releasing, each with its reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.config.schema import Config
from strongroom.engine.core.people import acting_person
from strongroom.engine.retention.holds import Caught, count_caught, foresee, known_names, place, release, resolve_scope
from strongroom.engine.retention.verdicts import list_holds
from strongroom.model.hold import Hold, HoldRule
from strongroom.model.text import clean
from strongroom.text.sentences import hold_scope
from strongroom.text.states import HOLD_ACTIVE, HOLD_RELEASED, Mark
from strongroom.text.times import local
from strongroom.text.units import number
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.dialogs.stakes import stakes
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.detail_text import facts_text, heading, paragraphs
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.pages import Order, Page, page_after
from strongroom_tui.screens.screen import TabScreen, TextScreen
from strongroom_tui.screens.steps import ask, perform, steps
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.table import (
    Columns,
    TableColumn,
    TableRow,
    table_row,
)

NEED = "a reason is needed: it is recorded for anyone who asks later"


HOLD_COLUMNS: Columns = (
    TableColumn("hold", 11),
    TableColumn("matter", 16, least=12, wide=24),
    TableColumn("covers", 20, grows=True, rank=1),
    TableColumn("placed", 12, rank=2),
    TableColumn("by", 14, rank=3),
    TableColumn("reason", 24, rank=4),
)


_KEYS: Mapping[str, Callable[[Hold], Any]] = MappingProxyType(
    {
        "hold": lambda each: not each.stands,
        "matter": lambda each: each.matter,
        "covers": lambda each: hold_scope(each.rule),
        "placed": lambda each: each.placed_at,
        "by": lambda each: each.placed_by,
    }
)
"""What holds are sorted by; without a column the active ones come first, by matter."""


class HoldsQuestion(Struct, frozen=True):
    """All holds, the active ones first, by matter."""

    filter: Filter = field(default_factory=Filter)
    before: Hold | None = None
    order: Order = field(default_factory=Order)

    def ask(self, session: VaultSession) -> Page[Hold]:
        """Read them; there are never very many."""
        found = sorted(
            list_holds(session.vault, active=False), key=lambda hold: (not hold.stands, hold.matter, hold.id)
        )
        kept = [hold for hold in found if self.filter.kind in ("", "active" if hold.stands else "released")]
        return page_after(self.order.apply(kept, _KEYS), self.before)


class CaughtArchives(Struct, frozen=True):
    """A hold, and how many archives it covers now; None for one that was released."""

    hold: Hold
    caught: int | None


class CaughtQuestion(Struct, frozen=True):
    """How many archives a hold covers now."""

    hold: Hold

    def ask(self, session: VaultSession) -> CaughtArchives:
        """Count them."""
        return CaughtArchives(self.hold, count_caught(session.vault, self.hold) if self.hold.stands else None)


class HoldsScreen(ListTab[Hold]):
    """Holds."""

    MODE: ClassVar[str] = "holds"
    KINDS: ClassVar[tuple[str, ...]] = ("active", "released")
    COLUMNS = HOLD_COLUMNS
    NOUN = "hold"
    SORTABLE: ClassVar[tuple[str, ...]] = ("", *_KEYS)
    BOTH_WAYS = True
    UPWARD = frozenset({"matter", "covers", "by", "hold"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", tooltip="Back to Retention"),
        Binding("a", "place_hold", "place", tooltip="Place a hold on a stream, or on the whole vault"),
        Binding("x", "release_hold", "release", tooltip="Release this hold; the reason is recorded"),
    ]

    def page_question(self, wanted: Filter, before: Hold | None) -> HoldsQuestion:
        """Ask for a page of holds."""
        return HoldsQuestion(wanted, before, self.sorting)

    def peek(self, noun: Hold) -> CaughtQuestion:
        """Ask how many archives a hold covers now."""
        return CaughtQuestion(noun)

    def preview(self, answer: object) -> Text:
        """Show a hold at length."""
        return hold_text(answer.hold, answer.caught) if isinstance(answer, CaughtArchives) else Text()

    def row_of(self, noun: Hold, columns: Columns) -> TableRow:
        """Lay one hold out."""
        cells = {
            "hold": mark_text(hold_mark(noun), 11),
            "matter": noun.matter,
            "covers": hold_scope(noun.rule),
            "placed": f"{noun.placed_at:%Y-%m-%d}",
            "by": noun.placed_by,
            "reason": noun.reason,
        }
        return table_row(noun.id, cells, columns)

    @property
    def empty(self) -> str:
        """Say what a hold is for, and how to place one."""
        may = self.check_action("place_hold", ())
        how = " Press a to place one." if may else ""
        return f"No hold was ever placed.{how} Archives on hold are not destroyed, even after their retention period."

    @property
    def hold(self) -> Hold | None:
        """Return the hold under the cursor."""
        return self.row

    @steps
    async def opened(self, key: str) -> None:
        """Show one hold, with how many archives it covers now."""
        hold = self.hold
        if hold is not None and hold.id == key:
            caught = await perform(self, lambda session: count_caught(session.vault, hold))
            self.app.push_screen(TextScreen(hold_text(hold, caught if hold.stands else None)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "release_hold":
            return not self.strongroom.read_only and self.hold is not None and self.hold.stands
        if action == "place_hold":
            return not self.strongroom.read_only
        if action == "leave":
            return super().check_action("back", parameters) is False
        return super().check_action(action, parameters)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()

    @steps
    async def action_place_hold(self) -> None:
        """Ask for matter, stream and reason, then place the hold."""
        words = "Enter the name of a stream, or leave it empty to hold the whole vault."
        names = ", ".join(self.streams())
        question = AskLine("Legal hold: on which stream?", f"{words}\n{names}", optional=True)
        stream = (await ask(self, question)).strip()
        await place_hold(self, HoldRule(stream=stream), stream or "the whole vault")

    @steps
    async def action_release_hold(self) -> None:
        """Say what it keeps and how much that is, ask why, then release."""
        hold = self.hold
        if hold is None:
            return
        caught = await perform(self, lambda session: count_caught(session.vault, hold))
        question = AskLine(f"Release hold {hold.id}: why?", release_words(hold, caught), need=NEED)
        reason = await ask(self, question)
        released = await perform(
            self, lambda session: release(session.vault, hold.id, acting_person(), reason, session.clock())
        )
        self.finish(f"released: {released.matter}, which covered {clean(hold_scope(released.rule))}")


async def place_hold(tab: TabScreen, rule: HoldRule, what: str) -> None:
    """Ask for the matter and the reason, then place a hold."""
    config = tab.strongroom.reader.config
    stake = await perform(tab, lambda session: hold_words(rule, what, _caught_by(session, config, rule)))
    need = "a hold needs a matter: a case, a number or a name"
    matter = await ask(tab, AskLine("Legal hold: for which matter?", stake, need=need))
    words = f"The reason for the hold on {what}, for {matter.strip()}. It is recorded."
    reason = await ask(tab, AskLine("Legal hold: why?", words, need=NEED))
    caught = await perform(tab, lambda session: _placed(session, config, matter, rule, reason))
    tab.finish(f"on hold: {caught_words(rule, caught.archives)}")


def _caught_by(session: VaultSession, config: Config, rule: HoldRule) -> int:
    """Return how many archives a hold with this rule would cover now. Raises UsageError for an unknown name."""
    named = resolve_scope(known_names(config, session.vault), rule)
    return foresee(session.vault, named, session.clock())


def hold_words(rule: HoldRule, what: str, caught: int) -> str:
    """Say what placing a hold means."""
    return stakes(
        ("Covers", f"{what}: {caught_words(rule, caught)}"),
        ("Period", "from now on, without an end date"),
        ("Then", "Nothing that it covers is destroyed until it is released."),
        ("Undo", "x in the holds (5, then l) releases it; that is recorded too."),
    )


def _placed(session: VaultSession, config: Config, matter: str, rule: HoldRule, reason: str) -> Caught:
    named = resolve_scope(known_names(config, session.vault), rule)
    return place(session.vault, matter, named, acting_person(), reason, session.clock(), os.urandom)


def caught_words(rule: HoldRule, caught: int) -> str:
    """Say how much a hold keeps: one that names archives keeps those alone, any other what comes later too."""
    now = number(caught, "archive")
    return now if rule.archives else f"{now} now, and what comes later"


def release_words(hold: Hold, caught: int) -> str:
    """Say what the release of a hold means."""
    return stakes(
        ("Matter", f"{hold.matter}, {hold_scope(hold.rule)}"),
        ("Covers", caught_words(hold.rule, caught)),
        ("Placed", f"{hold.placed_at:%Y-%m-%d} by {hold.placed_by}: {hold.reason}"),
        (
            "Then",
            "Archives that no other hold covers may be destroyed after their retention period. Erasures that waited "
            "for this hold are completed automatically. The reason is recorded.",
        ),
        ("Undo", "A new hold covers again what still exists. What was destroyed meanwhile does not come back."),
    )


def hold_mark(hold: Hold) -> Mark:
    """Return how a hold looks."""
    return HOLD_ACTIVE if hold.stands else HOLD_RELEASED


def hold_text(hold: Hold, caught: int | None) -> Text:
    """Return one hold at length."""
    facts = [
        ("hold", hold.id),
        ("covers", hold_scope(hold.rule)),
        ("archives", "" if caught is None else caught_words(hold.rule, caught)),
        ("placed", f"{local(hold.placed_at)} by {hold.placed_by}"),
        ("reason", hold.reason),
        ("released", f"{local(hold.released_at)} by {hold.released_by}" if hold.released_at else ""),
        ("because", hold.release_reason),
    ]
    return paragraphs(heading(hold_mark(hold), clean(hold.matter)), facts_text(facts))
