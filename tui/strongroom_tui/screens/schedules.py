"""The plans: what is asked for next and when, what is due now and when it will be held; pause, resume, run now."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.core.sources import plans_of
from strongroom.engine.queries.change_preview import Schedule, backlog, schedules_of, upcoming
from strongroom.engine.queries.requests import RequestKind
from strongroom.model.window import Window
from strongroom_tui.dialogs.plan_form import EditScreen
from strongroom_tui.pending_requests import asked_line, asked_of, asked_words
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.requests import ask_for
from strongroom_tui.screens.detail_text import schedule_story
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.text_screen import TextPane, TextScreen
from strongroom_tui.widgets.columns import schedule_columns
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import PLAN_WORDS, plan_mark
from strongroom_tui.widgets.pane import PaneContent
from strongroom_tui.widgets.rows import schedule_row
from strongroom_tui.widgets.table import PAGE, Page
from strongroom_tui.widgets.text import clean

AHEAD = 6  # windows to come that are told
BEHIND = 12  # windows due now that are told
_EMPTY = "No stream is configured, so nothing is exported.\nAdd a [[stream]] to {file}\nthen: strongroom config check"


class SchedulesQuestion(Struct, frozen=True):
    """One page of plans, in the order of the configuration."""

    filter: Filter = field(default_factory=Filter)
    before: Schedule | None = None

    def ask(self, session: VaultSession) -> Page[Schedule]:
        """Read the page."""
        plans = [plan for plan in plans_of(session.config) if self.filter.stream in ("", plan.stream.name)]
        names = [plan.stream.name for plan in plans]
        first = names.index(self.before.plan.stream.name) + 1 if self.before else 0
        last = None if self.filter.kind else first + PAGE + 1  # how a plan stands is known when it is worked out
        found = schedules_of(session.vault, session.engine(), plans[first:last], session.clock())
        if self.filter.kind:
            found = [each for each in found if plan_mark(each).word == self.filter.kind]
        return Page(tuple(found[:PAGE]), found[PAGE - 1] if len(found) > PAGE else None)


class Ahead(Struct, frozen=True):
    """One plan at full length."""

    schedule: Schedule
    to_come: tuple[tuple[Window, datetime], ...]
    due: tuple[tuple[Window, datetime | None], ...]


class ScheduleQuestion(Struct, frozen=True):
    """One plan, with the windows to come and those that are due."""

    stream: str

    def ask(self, session: VaultSession) -> Ahead:
        """Read it."""
        plan = session.config.stream(self.stream).plan()
        engine, now = session.engine(), session.clock()
        (schedule,) = schedules_of(session.vault, engine, [plan], now)
        due = tuple(backlog(engine, plan, BEHIND)) if engine is not None else ()
        return Ahead(schedule, tuple(upcoming(plan, now, AHEAD)), due)


class ScheduleActions(TabScreen):
    """Adds what can be asked of a plan to a room that has one chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "pause_plan", "pause", tooltip="Start no new export of this stream until it is resumed"),
        Binding("S", "resume_plan", "resume", tooltip="Resume this paused stream"),
        Binding("w", "wake_plan", "run now", tooltip="Look for pending windows of this stream now"),
        Binding("E", "edit_plan", "edit", tooltip="Change this plan in the configuration file"),
    ]

    @property
    def schedule(self) -> Schedule | None:
        """Return the plan that is meant, or None while there is none."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits the plan."""
        if action.endswith("_plan"):
            plan = self.schedule
            if plan is None or self.strongroom.read_only:
                return False
            paused = self._paused_soon(plan)
            return {"pause_plan": not paused, "resume_plan": paused}.get(action, True)
        return super().check_action(action, parameters)

    def _paused_soon(self, schedule: Schedule) -> bool:
        """Return whether the plan is paused once what waits is answered: so a wish can be taken back before."""
        seen, names = self.seen, (schedule.plan.stream.name, schedule.plan.stream.source)
        for request in seen.status.waiting if seen is not None else ():  # newest first
            if request.subject in names and request.wish in (RequestKind.PAUSE, RequestKind.RESUME):
                return request.wish is RequestKind.PAUSE
        return bool(schedule.paused)

    def action_pause_plan(self) -> None:
        """Have the stream paused."""
        self._wish(RequestKind.PAUSE)

    def action_resume_plan(self) -> None:
        """Have the stream resumed."""
        if self.schedule is not None and self.schedule.plan.paused:
            self.tell("this stream is paused in the configuration: set paused = false there", bad=True)
        else:
            self._wish(RequestKind.RESUME)

    def action_edit_plan(self) -> None:
        """Change the plan through a form."""
        if self.schedule is not None:
            self.app.push_screen(EditScreen(self.strongroom.reader.config.stream(self.schedule.plan.stream.name)))

    def action_wake_plan(self) -> None:
        """Have what is due asked for now."""
        self._wish(RequestKind.RUN_NOW)

    def _wish(self, what: RequestKind) -> None:
        if self.schedule is not None:
            ask_for(self, what, self.schedule.plan.stream.name)


class SchedulesTab(ScheduleActions, ListTab[Schedule]):
    """All plans."""

    MODE: ClassVar[str] = "schedules"
    KINDS: ClassVar[tuple[str, ...]] = PLAN_WORDS

    def page_question(self, wanted: Filter, before: Schedule | None) -> SchedulesQuestion:
        """Ask for a page of plans."""
        return SchedulesQuestion(wanted, before)

    def view(self, page: Page[Schedule], seen: Seen, width: int) -> PaneContent:
        """Lay plans out, each with what was asked of it and waits."""
        columns, now = schedule_columns(width), self.strongroom.clock()
        asked = {each.plan.stream.name: asked_of(each.plan, seen.status.waiting) for each in page.rows}
        words = {name: asked_words(request) for name, request in asked.items() if request is not None}
        return PaneContent(
            title="Schedules",
            rows=[schedule_row(each, now, columns, words.get(each.plan.stream.name, "")) for each in page.rows],
            columns=columns,
            offset=self.trail.offset,
            total=None,
            more=page.last is not None,
            filter=str(self.filter),
            empty=_EMPTY.format(file=clean(str(self.strongroom.reader.config.file))),
        )

    @property
    def schedule(self) -> Schedule | None:
        """Return the plan under the cursor."""
        rows = self.page.rows if self.page else ()
        return next((each for each in rows if each.plan.stream.name == self.chosen), None)

    def streams(self) -> list[str]:
        """Return the names of all streams."""
        return [plan.stream.name for plan in plans_of(self.strongroom.reader.config)]

    def opened(self, key: str) -> ScheduleScreen:
        """Tell one plan at full length."""
        return ScheduleScreen(key)


class ScheduleScreen(ScheduleActions, TextScreen):
    """One plan: what it wants, what comes next, what is due, and by when that is held."""

    def __init__(self, stream: str) -> None:
        super().__init__(Text("reading …"))
        self.stream = stream

    def question(self) -> ScheduleQuestion:
        """Ask for the plan."""
        return ScheduleQuestion(self.stream)

    @property
    def schedule(self) -> Schedule | None:
        """Return the plan, once it has been read."""
        seen = self.seen
        return seen.answer.schedule if seen is not None and isinstance(seen.answer, Ahead) else None

    def paint(self) -> None:
        """Tell the plan."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, Ahead):
            ahead, now = seen.answer, self.strongroom.clock()
            story = schedule_story(ahead.schedule, ahead.to_come, ahead.due, now)
            asked = asked_of(ahead.schedule.plan, seen.status.waiting)
            self.query_one(TextPane).show(Text("\n\n").join([asked_line(asked, now), story]) if asked else story)
