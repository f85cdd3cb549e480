"""The legal holds, by matter: what stands, what was released; placing and releasing, each with its reason."""

from __future__ import annotations

import os
from typing import ClassVar

from msgspec import Struct, field
from textual.binding import Binding, BindingType

from strongroom.config.schema import Config
from strongroom.engine.core.people import acting_person
from strongroom.engine.retention.holds import Caught, count_caught, known_names, place, release, resolve_scope
from strongroom.engine.retention.verdicts import list_holds
from strongroom.model.hold import Hold, HoldRule
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.retention_text import caught_words, release_words, rule_words, told_hold
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.text_screen import TextScreen
from strongroom_tui.widgets.columns import hold_columns
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.pane import PaneContent
from strongroom_tui.widgets.rows import hold_row
from strongroom_tui.widgets.table import PAGE, Page

NEED = "a reason is needed: it is kept for anyone who asks later"


class HoldsQuestion(Struct, frozen=True):
    """All holds, those that stand first, by matter."""

    filter: Filter = field(default_factory=Filter)
    before: Hold | None = None

    def ask(self, session: VaultSession) -> Page[Hold]:
        """Read them; there are never very many."""
        found = sorted(
            list_holds(session.vault, active=False), key=lambda hold: (not hold.stands, hold.matter, hold.id)
        )
        kept = [hold for hold in found if self.filter.kind in ("", "active" if hold.stands else "released")]
        first = next((place + 1 for place, each in enumerate(kept) if each == self.before), 0)
        rows = kept[first : first + PAGE]
        return Page(tuple(rows), rows[-1] if len(kept) > first + PAGE else None)


class HoldsScreen(ListTab[Hold]):
    """Holds."""

    MODE: ClassVar[str] = "holds"
    KINDS: ClassVar[tuple[str, ...]] = ("active", "released")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", tooltip="Back to the verdicts"),
        Binding("a", "place_hold", "place", tooltip="Place a hold on a stream, or on the whole vault"),
        Binding("x", "release_hold", "release", tooltip="Release this hold; the reason is kept"),
    ]

    def page_question(self, wanted: Filter, before: Hold | None) -> HoldsQuestion:
        """Ask for the holds."""
        return HoldsQuestion(wanted, before)

    def view(self, page: Page[Hold], seen: Seen, width: int) -> PaneContent:  # noqa: ARG002 - the status has nothing to add
        """Lay holds out."""
        columns = hold_columns(width)
        return PaneContent(
            title="Holds",
            rows=[hold_row(each, columns) for each in page.rows],
            columns=columns,
            offset=self.trail.offset,
            total=None,
            more=page.last is not None,
            filter=str(self.filter),
            empty=self._none(),
        )

    def _none(self) -> str:
        may = self.check_action("place_hold", ())
        how = "a places one: what it catches is kept" if may else "What a hold catches is kept"
        return f"No hold was ever placed. {how}, whatever its period says."

    @property
    def hold(self) -> Hold | None:
        """Return the hold under the cursor."""
        return next((each for each in (self.page.rows if self.page else ()) if each.id == self.chosen), None)

    def opened(self, key: str) -> None:
        """Tell one hold, with how many archives it keeps now."""
        hold = self.hold
        if hold is None or hold.id != key:
            return

        def counted(caught: int) -> None:
            self.app.push_screen(TextScreen(told_hold(hold, caught if hold.stands else None)))

        self.do(lambda session: count_caught(session.vault, hold), counted)

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

    def action_place_hold(self) -> None:
        """Ask for matter, stream and reason, then place the hold."""
        words = "The name of a stream of the configuration, or nothing for the whole vault."
        names = ", ".join(self.streams())

        def chosen(answer: str | None) -> None:
            if answer is not None:
                place_hold(self, HoldRule(stream=answer.strip()), answer.strip() or "the whole vault")

        self.app.push_screen(AskLine("Hold which stream?", f"{words}\n{names}", optional=True), chosen)

    def action_release_hold(self) -> None:
        """Say what it keeps and how much that is, ask why, then release."""
        hold = self.hold
        if hold is None:
            return

        def counted(caught: int) -> None:
            ask = AskLine(f"Release hold {hold.id}: why?", release_words(hold, caught), need=NEED)
            self.app.push_screen(ask, said)

        def said(reason: str | None) -> None:
            if reason:
                self.do(
                    lambda session: release(session.vault, hold.id, acting_person(), reason, session.clock()),
                    lambda released: self.tell(f"released: {released.matter}, which kept {rule_words(released.rule)}"),
                )

        self.do(lambda session: count_caught(session.vault, hold), counted)


def place_hold(room: TabScreen, rule: HoldRule, what: str) -> None:
    """Ask for the matter and the reason, then place a hold."""

    config = room.strongroom.reader.config

    def named(matter: str | None) -> None:
        if not matter:
            return

        def said(reason: str | None) -> None:
            if reason:
                room.do(
                    lambda session: _placed(session, config, matter, rule, reason),
                    lambda caught: room.tell(f"on hold: {caught_words(rule, caught.archives)}"),
                )

        room.app.push_screen(AskLine("Why?", f"The reason for holding {what}. It is kept.", need=NEED), said)

    words = f"The matter under which {what} is on hold. Nothing it covers is destroyed until it is released."
    need = "a hold needs its matter: a case, a number, a name"
    room.app.push_screen(AskLine("Hold for which matter?", words, need=need), named)


def _placed(session: VaultSession, config: Config, matter: str, rule: HoldRule, reason: str) -> Caught:
    named = resolve_scope(known_names(config, session.vault), rule)
    return place(session.vault, matter, named, acting_person(), reason, session.clock(), os.urandom)
