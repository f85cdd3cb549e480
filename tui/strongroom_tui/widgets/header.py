"""The top of every screen: the tabs, who works in the vault, and what needs a person."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

from msgspec import Struct
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from strongroom.config.load import find_config
from strongroom.engine.queries.lists import Status
from strongroom.model.errors import UsageError
from strongroom.text.layout import clip, first_that_fits
from strongroom.text.sentences import NO_DAEMON, holder_words, silent_words
from strongroom.text.times import local, local_clock
from strongroom.text.units import number, span

_PAUSES = 2  # paused sources that are named; the rest are counted

_BROAD = 70  # cells from which on the badges stand beside the state of the work, and not under it


class Beside(Struct, frozen=True):
    """What the top tells besides the vault: how to begin the work, and what is special about this screen."""

    idle: tuple[str, ...]  # what to say where nobody works in the vault, the longest first
    badges: tuple[str, ...] = ()  # such as "read-only"
    vault: str = ""  # the name of its folder
    next_export: datetime | None = None  # when the next window of any plan is exported


class Tab(Struct, frozen=True):
    """One of the tabs. Its class is imported when somebody first goes there: the first picture waits for no other."""

    key: str
    title: str
    mode: str
    screen: str  # the class, in the module of the same name as the mode

    def load(self) -> type[Screen[None]]:
        """Import the tab."""
        found: type[Screen[None]] = getattr(import_module(f"strongroom_tui.screens.{self.mode}"), self.screen)
        return found

    def open(self) -> Screen[None]:
        """Make the tab."""
        return self.load()()


TABS = (
    Tab("1", "Overview", "overview", "OverviewTab"),
    Tab("2", "Schedules", "schedules", "SchedulesTab"),
    Tab("3", "Jobs", "jobs", "JobsTab"),
    Tab("4", "Archives", "archives", "ArchivesTab"),
    Tab("5", "Retention", "retention", "RetentionTab"),
    Tab("6", "Evidence", "evidence", "EvidenceTab"),
    Tab("7", "Health", "health", "HealthTab"),
    Tab("8", "Search", "search", "SearchTab"),
)


def load_tabs() -> None:
    """Import every tab."""
    for tab in TABS:
        tab.load()


class TabBar(Widget):
    """The names of the tabs, each with its key; the one that is shown stands out. Where it is narrow, keys alone."""

    class Chosen(Message):
        """A person clicked a tab."""

        def __init__(self, mode: str) -> None:
            super().__init__()
            self.mode = mode

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self._places: list[tuple[int, int, str]] = []

    def render(self) -> Text:
        """Draw the names that fit."""
        full = [f" {tab.key} {tab.title} " for tab in TABS]
        close = [f"{tab.key} {tab.title} " for tab in TABS]
        tight = [f"{tab.key}{tab.title} " for tab in TABS]
        fitting = [labels for labels in (full, close, tight) if sum(map(len, labels)) <= self.size.width]
        labels = fitting[0] if fitting else [self._short(tab) for tab in TABS]
        text, self._places = Text(no_wrap=True), []
        for tab, label in zip(TABS, labels, strict=True):
            start = len(text)
            self._places.append((start, start + len(label), tab.mode))
            text.append(label, "bold reverse" if tab.mode == self._current else "")
            if labels is tight:
                text.stylize("underline", start, start + 1)  # else the number would seem to be a part of the name
        return text

    def _short(self, tab: Tab) -> str:
        return f" {tab.key} {tab.title} " if tab.mode == self._current else f" {tab.key} "

    def on_click(self, event: events.Click) -> None:
        """Go to the tab that was clicked."""
        for start, end, mode in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(mode))


class StatusHeader(Vertical):
    """The tabs over the state of the vault."""

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self._state: Callable[[int], Text] = lambda _width: Text()

    def compose(self) -> ComposeResult:
        """Put the names over the words."""
        yield TabBar(self._current)
        yield Static(id="state", markup=False)

    def show(self, status: Status | None, trouble: str, read_at: datetime, beside: Beside) -> None:
        """Tell the state of the vault. `status` is None before the first reading."""
        self._state = lambda width: state(status, trouble, read_at, width, beside)
        self._draw()

    def on_resize(self) -> None:
        """Draw the state again: the width may be known only now."""
        self._draw()

    def _draw(self) -> None:
        self.query_one("#state", Static).update(self._state(self.size.width - 2))


def state(status: Status | None, trouble: str, read_at: datetime, width: int, beside: Beside) -> Text:
    """Return the lines on the state of the vault, each cut to `width` cells."""
    width = max(0, width)
    lines = [Text(clip(f"✗ {trouble}", width), "bold red")] if trouble else []
    under = [Text(clip(" · ".join(beside.badges), width), "bold")] if beside.badges and width < _BROAD else []
    if status is None:
        lines += [] if trouble else [Text("reading the catalogue …")]
        return Text("\n").join([*lines, *under])
    return Text("\n").join([_work(status, read_at, width, beside), *under, *lines, *_pauses(status, width)])


def _work(status: Status, read_at: datetime, width: int, beside: Beside) -> Text:
    badges = " · ".join(beside.badges) if width >= _BROAD else ""
    right = first_that_fits([f"as of {local(read_at)}", local_clock(read_at)], max(8, width // 3 - len(badges)))
    cells = max(0, width - len(badges) - bool(badges) * 2 - len(right) - 1)
    variants, style = _workers(status, read_at, beside)
    words = clip(first_that_fits(variants, cells), cells)
    name = f"{beside.vault}  " if beside.vault and len(beside.vault) + 2 + len(words) <= cells else ""
    left = f"{words:<{cells - len(name)}}"
    return Text.assemble((name, "bold"), (left, style), " ", (badges, "bold"), "  " if badges else "", right)


def _workers(status: Status, now: datetime, beside: Beside) -> tuple[list[str], str]:
    """Return who works in the vault, in ever fewer words, and how that looks; whoever does not answer is trouble."""
    silence = status.silence(now)
    if silence is not None:
        return [f"✗ {silent_words(silence)}", f"✗ daemon silent for {span(silence)}"], "bold red"
    if not status.worked_on_by:
        return [*beside.idle], "yellow"
    since = f", last entry {span(now - status.last_entry)} ago" if status.last_entry else ""
    whole, short = (f"● {holder_words(who)}" for who in (status.worked_on_by, status.worked_on_by.partition(" (")[0]))
    soon = _next_words(status, now, beside)
    return [f"{whole}{soon}{since}", f"{short}{soon}{since}", f"{short}{soon or since}", short, "● running"], "green"


def _next_words(status: Status, now: datetime, beside: Beside) -> str:
    """Say when the daemon exports next; nothing while it does."""
    if beside.next_export is None or status.heartbeat is None:
        return ""
    return f" · next export in {span(max(beside.next_export - now, timedelta(0)))}"


def _pauses(status: Status, width: int) -> list[Text]:
    paused = [source for source in status.sources if source.paused]
    lines = [f"! {source.name} is paused: {source.paused}" for source in paused[:_PAUSES]]
    if len(paused) > _PAUSES:
        lines.append(f"! {number(len(paused) - _PAUSES, 'more source')} paused: 2 shows them")
    return [Text(clip(line, width), "bold yellow") for line in lines]


class Start(Struct, frozen=True):
    """What to say where nobody works in the vault."""

    lines: tuple[str, ...]  # for the top of the screen, the longest first
    help: str = ""  # for the help, empty where there is nothing to start


DEMO = Start(
    (
        "○ the daemon of the demo is starting or has ended",
        "○ the daemon is starting or has ended",
        "○ no daemon",
    )
)

READ_ONLY = Start((f"○ {NO_DAEMON}", "○ no daemon"))


def start_with(*commands: str) -> Start:
    """Return what to say where one of these begins the work: the same program, the longest way to name it first."""
    lines = [f"○ {NO_DAEMON}: start one with  {each} daemon" for each in commands]
    lines += [f"○ no daemon: {each} daemon" for each in commands]
    words = f"To start the daemon:  {commands[0]} daemon\nTo export what is pending once:  {commands[0]} run --once"
    return Start((*lines, "○ no daemon: ? shows how to start one", "○ no daemon"), words)


def commands_for(file: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return how the program is called for a configuration, the longest way first.

    A configuration that is found from every folder is not named; any other is, whatever this shell has set.
    """
    file = file.absolute()
    if _found_anyway(file, env):
        return ("strongroom",)
    ways = [shlex.quote(str(file))]
    home = Path(env["HOME"]) if env.get("HOME") else None
    if home is not None and file.is_relative_to(home) and ways[0] == str(file):
        ways.append(f"~/{file.relative_to(home)}")
    return tuple(f"strongroom --config {way}" for way in ways)


def _found_anyway(file: Path, env: Mapping[str, str]) -> bool:
    unnamed = {name: value for name, value in env.items() if name != "STRONGROOM_CONFIG"}
    try:
        return not env.get("STRONGROOM_CONFIG") and find_config(None, unnamed, Path("/")) == file
    except UsageError:
        return False
