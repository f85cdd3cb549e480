"""The plans: what is asked for next and when, what is due now and when it will be held; pause, resume, run now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.core.sources import plans_of
from strongroom.engine.queries.change_preview import Schedule, backlog, schedules_of, upcoming
from strongroom.engine.queries.requests import RequestKind
from strongroom.model.text import clean
from strongroom.model.window import Window
from strongroom.text.sentences import NOTHING_PENDING
from strongroom.text.states import PLAN_WORDS, plan_mark
from strongroom.text.times import local, local_day_minute, local_minute, window_words
from strongroom.text.units import number, span
from strongroom_tui.dialogs.plan_form import EditScreen
from strongroom_tui.places import Place
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.requests import pending_line, pending_of, pending_words
from strongroom_tui.screens.detail_text import (
    INDENT,
    facts_text,
    heading,
    paragraphs,
    section,
)
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.pages import PAGE, Order, Page, page_after, page_of
from strongroom_tui.screens.screen import TabScreen, TextPane, TextScreen
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.icons import mark_text
from strongroom_tui.widgets.table import (
    Columns,
    TableColumn,
    TableRow,
    table_row,
)

AHEAD = 6  # windows to come that are shown

BEHIND = 12  # windows due now that are shown

_LABEL = 13  # cells of a name
_DAY, _WINDOW = 11, 40  # cells of a window


_EMPTY = "No stream is configured, so nothing is exported.\nAdd a [[stream]] to {file}\nthen: strongroom config check"


SCHEDULE_COLUMNS: Columns = (
    TableColumn("plan", 9),
    TableColumn("stream", 12, least=10, wide=22, grows=True),
    TableColumn("every", 6, rank=4),
    TableColumn("next window", 11, rank=5, wide=24),
    TableColumn("exported", 16, "next export", rank=3, wide=18),
    TableColumn("pending", 7, right=True, rank=1, wide=8),
    TableColumn("done by", 14, rank=2),
    TableColumn("class", 14, rank=6),
    TableColumn("source", 10, rank=7),
)


_NEVER = datetime.max.replace(tzinfo=UTC)

_KEYS: Mapping[str, Callable[[Schedule], Any]] = MappingProxyType(
    {
        "plan": lambda each: PLAN_WORDS[::-1].index(plan_mark(each).word),
        "stream": lambda each: each.plan.stream.name,
        "next window": lambda each: each.next.start,
        "exported": lambda each: each.next_at,
        "pending": lambda each: each.outstanding,
        "done by": lambda each: (each.outlook.done_by if each.outlook else None) or _NEVER,
        "class": lambda each: each.plan.retention,
        "source": lambda each: each.plan.stream.source,
    }
)
"""What plans are sorted by, by column; without a column, the order of the configuration."""


class SchedulesQuestion(Struct, frozen=True):
    """One page of plans, in the order of the configuration."""

    filter: Filter = field(default_factory=Filter)
    before: Schedule | None = None
    order: Order = field(default_factory=Order)

    def ask(self, session: VaultSession) -> Page[Schedule]:
        """Read the page."""
        plans = [plan for plan in plans_of(session.config) if self.filter.stream in ("", plan.stream.name)]
        names = [plan.stream.name for plan in plans]
        whole = bool(self.filter.kind or self.order.column)  # how a plan stands is known when it is worked out
        first = names.index(self.before.plan.stream.name) + 1 if self.before and not whole else 0
        wanted = plans if whole else plans[first : first + PAGE + 1]
        found = schedules_of(session.vault, session.engine(), wanted, session.clock())
        if not whole:
            return page_of(found)
        kept = [each for each in found if self.filter.kind in ("", plan_mark(each).word)]
        return page_after(self.order.apply(kept, _KEYS), self.before)


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
    """Adds what can be asked of a plan to a tab that has one chosen."""

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
            self.report("this stream is paused in the configuration: set paused = false there", bad=True)
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
            self.request(what, self.schedule.plan.stream.name)


class SchedulesTab(ScheduleActions, ListTab[Schedule]):
    """All plans."""

    MODE: ClassVar[str] = "schedules"
    KINDS: ClassVar[tuple[str, ...]] = PLAN_WORDS
    COLUMNS = SCHEDULE_COLUMNS
    NOUN = "stream"
    SORTABLE: ClassVar[tuple[str, ...]] = ("", *_KEYS)
    BOTH_WAYS = True
    UPWARD = frozenset({"stream", "exported", "done by", "class", "source", "next window"})

    def page_question(self, wanted: Filter, before: Schedule | None) -> SchedulesQuestion:
        """Ask for a page of plans."""
        return SchedulesQuestion(wanted, before, self.sorting)

    def peek(self, noun: Schedule) -> ScheduleQuestion:
        """Ask for all about one plan."""
        return ScheduleQuestion(noun.plan.stream.name)

    def preview(self, answer: object) -> Text:
        """Show a plan with its next windows and those that are pending."""
        if not isinstance(answer, Ahead):
            return Text()
        return schedule_text(answer.schedule, answer.to_come, answer.due, self.strongroom.clock(), brief=True)

    def rows(self, page: Page[Schedule], seen: Seen, columns: Columns) -> list[TableRow]:
        """Lay plans out, each with the request for it that waits."""
        asked = [pending_of(each.plan, seen.status.waiting) for each in page.rows]
        words = [pending_words(request) if request is not None else "" for request in asked]
        now = self.strongroom.clock()
        return [schedule_row(each, now, columns, asked) for each, asked in zip(page.rows, words, strict=True)]

    @property
    def empty(self) -> str:
        """Say where streams are configured."""
        return _EMPTY.format(file=clean(str(self.strongroom.reader.config.file)))

    @property
    def schedule(self) -> Schedule | None:
        """Return the plan under the cursor."""
        return self.row

    def streams(self) -> list[str]:
        """Return the names of all streams."""
        return [plan.stream.name for plan in plans_of(self.strongroom.reader.config)]

    def opened(self, key: str) -> ScheduleScreen:
        """Show one plan."""
        return ScheduleScreen(key)


class ScheduleScreen(ScheduleActions, TextScreen):
    """One plan: what it wants, what comes next, what is due, and by when that is held."""

    def __init__(self, stream: str) -> None:
        super().__init__(Text("reading …"))
        self.stream = stream

    @property
    def place(self) -> Place:
        """Return what leads here again."""
        return Place("stream", self.stream)

    def question(self) -> ScheduleQuestion:
        """Ask for the plan."""
        return ScheduleQuestion(self.stream)

    @property
    def schedule(self) -> Schedule | None:
        """Return the plan, once it has been read."""
        ahead = self.answer(Ahead)
        return ahead.schedule if ahead is not None else None

    def paint(self) -> None:
        """Show the plan."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, Ahead):
            ahead, now = seen.answer, self.strongroom.clock()
            text = schedule_text(ahead.schedule, ahead.to_come, ahead.due, now)
            asked = pending_of(ahead.schedule.plan, seen.status.waiting)
            self.query_one(TextPane).show(Text("\n\n").join([pending_line(asked, now), text]) if asked else text)


def schedule_text(
    schedule: Schedule,
    to_come: Iterable[tuple[Window, datetime]],
    due: Iterable[tuple[Window, datetime | None]],
    now: datetime,
    *,
    brief: bool = False,
) -> Text:
    """Return a plan: what it wants, what comes next, what is pending, and by when that is archived.

    `brief` is for a narrow pane: times to the minute, and a window by its day alone.
    """
    width = _DAY if brief else _WINDOW
    head = heading(plan_mark(schedule), schedule.plan.stream.name)
    coming = [
        Text(f"{' ' * INDENT}{window_words(window, width)}  exported {_when(at, now, brief=brief)}")
        for window, at in to_come
    ]
    owed = [
        Text(
            f"{' ' * INDENT}{window_words(window, width)}"
            + (f"  deleted from {local_minute(lost) if brief else local(lost)}" if lost else "")
        )
        for window, lost in due
    ]
    return paragraphs(
        head,
        facts_text(_plan_facts(schedule), _LABEL),
        section("Next windows", [] if schedule.paused else coming),
        section("Pending, the oldest first", owed),
    )


def _when(at: datetime, now: datetime, *, brief: bool) -> str:
    return local_minute(at) if brief else f"{local(at)}, in {span(at - now)}"


def _plan_facts(schedule: Schedule) -> Iterator[tuple[str, str]]:
    plan, outlook = schedule.plan, schedule.outlook
    yield "paused", schedule.paused
    yield "source", plan.stream.source
    yield "datasets", ", ".join(plan.stream.datasets)
    yield "filters", ", ".join(f"{name}={value}" for name, value in plan.stream.filters)
    yield "since", local_day_minute(plan.since) if plan.since else "as far back as the provider keeps records"
    yield "windows", f"one for each {plan.span}, in the zone {plan.zone}"
    yield "settles", f"{span(plan.settle)} after the end of a window"
    yield "second pass", f"{span(plan.settled_pass)} after the end of a window" if plan.settled_pass else ""
    yield "class", plan.retention
    yield "priority", str(plan.priority) if plan.priority else ""
    yield "archived to", local_day_minute(schedule.held_until) if schedule.held_until else "nothing is archived yet"
    if outlook is None:
        yield "work ahead", "being calculated"
    elif outlook.exports:
        late = f"; {number(outlook.late)} after the provider begins to delete them" if outlook.late else ""
        yield "work ahead", f"{number(outlook.exports, 'export')}, done by {local(outlook.done_by)}{late}"
    elif not schedule.running:
        yield "work ahead", NOTHING_PENDING if outlook.known else "not known yet: the first day is not known"
    yield "in progress", number(schedule.running, "window") if schedule.running else ""
    yield "failed", f"{number(schedule.failed, 'window')}: a person must act" if schedule.failed else ""


def schedule_row(schedule: Schedule, now: datetime, columns: Columns, asked: str = "") -> TableRow:
    """Return the row of one plan; `asked` says the request for it that waits, in place of its next window."""
    widths = {column.name: column.width for column in columns}
    plan, outlook = schedule.plan, schedule.outlook
    wait = schedule.next_at - now
    when = "" if schedule.paused else f"in {span(wait)}" if wait.total_seconds() > 0 else "now"
    marked = bool(asked) and "exported" not in widths  # where there is no room for when, its mark says it
    cells = {
        "plan": Text(f"{asked[:1]} sent", "yellow") if marked else mark_text(plan_mark(schedule), widths["plan"]),
        "stream": plan.stream.name,
        "every": plan.span,
        "next window": window_words(schedule.next, widths.get("next window", 0)),
        "exported": Text(asked, "yellow") if asked else when,
        "pending": "…" if outlook is None else number(schedule.outstanding),
        "done by": local_minute(outlook.done_by) if outlook is not None and outlook.exports else "",
        "class": plan.retention,
        "source": plan.stream.source,
    }
    return table_row(plan.stream.name, cells, columns)
