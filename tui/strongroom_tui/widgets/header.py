"""The top of every screen: where a person is, who works in the vault, and what needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from strongroom.engine.queries.lists import Status
from strongroom_tui.widgets.amounts import first_that_fits, local, local_clock, number, span
from strongroom_tui.widgets.text import clip

_PAUSES = 2  # paused sources that are named; the rest are counted
_BROAD = 70  # cells from which on the badges stand beside the state of the work, and not under it


class Beside(Struct, frozen=True):
    """What the top tells besides the vault: how to begin the work, and what is special about this screen."""

    idle: tuple[str, ...]  # what to say where nobody works in the vault, the longest first
    badges: tuple[str, ...] = ()  # such as "read-only"


class Tab(Struct, frozen=True):
    """One of the rooms a person can go to."""

    mode: str
    title: str
    key: str


class Tabs(Widget):
    """The names of the rooms, each with its key; the one a person is in stands out. Where it is narrow, keys alone."""

    class Chosen(Message):
        """A person wants to go to a room."""

        def __init__(self, mode: str) -> None:
            super().__init__()
            self.mode = mode

    def __init__(self, tabs: Sequence[Tab], current: str) -> None:
        super().__init__()
        self._tabs = tabs
        self._current = current
        self._places: list[tuple[int, int, str]] = []

    def render(self) -> Text:
        """Draw the names that fit."""
        full = [f" {tab.key} {tab.title} " for tab in self._tabs]
        labels = full if sum(map(len, full)) <= self.size.width else [self._short(tab) for tab in self._tabs]
        text, self._places = Text(no_wrap=True), []
        for tab, label in zip(self._tabs, labels, strict=True):
            self._places.append((len(text), len(text) + len(label), tab.mode))
            text.append(label, "bold reverse" if tab.mode == self._current else "")
        return text

    def _short(self, tab: Tab) -> str:
        return f" {tab.key} {tab.title} " if tab.mode == self._current else f" {tab.key} "

    def on_click(self, event: events.Click) -> None:
        """Go where the name that was clicked says."""
        for start, end, mode in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(mode))


class StatusHeader(Vertical):
    """The names of the rooms over the state of the vault."""

    def __init__(self, tabs: Sequence[Tab], current: str) -> None:
        super().__init__()
        self._tabs = tabs
        self._current = current

    def compose(self) -> ComposeResult:
        """Put the names over the words."""
        yield Tabs(self._tabs, self._current)
        yield Static(id="state", markup=False)

    def show(self, status: Status | None, trouble: str, read_at: datetime, beside: Beside) -> None:
        """Tell the state of the vault. `status` is None before the first reading."""
        self.query_one("#state", Static).update(state(status, trouble, read_at, self.size.width - 2, beside))


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
    room = max(0, width - len(badges) - bool(badges) * 2 - len(right) - 1)
    variants, style = _workers(status, read_at, beside)
    left = clip(first_that_fits(variants, room), room)
    return Text.assemble((f"{left:<{room}}", style), " ", (badges, "bold"), "  " if badges else "", right)


def _workers(status: Status, now: datetime, beside: Beside) -> tuple[list[str], str]:
    """Return who works in the vault, in ever fewer words, and how that looks; whoever does not answer is trouble."""
    silence = status.silence(now)
    if silence is not None:
        silent = span(silence)
        return [f"✗ the daemon does not answer: silent for {silent}", f"✗ daemon silent for {silent}"], "bold red"
    if not status.worked_on_by:
        return [*beside.idle], "yellow"
    since = f", last entry {span(now - status.last_entry)} ago" if status.last_entry else ""
    who, told = status.worked_on_by, status.worked_on_by.partition(" (")[0]  # without the number of its process
    return [f"● working: {words}" for words in (f"{who}{since}", f"{told}{since}", told)] + ["● working"], "green"


def _pauses(status: Status, width: int) -> list[Text]:
    paused = [source for source in status.sources if source.paused]
    lines = [f"! {source.name} is paused: {source.paused}" for source in paused[:_PAUSES]]
    if len(paused) > _PAUSES:
        lines.append(f"! {number(len(paused) - _PAUSES, 'more source')} paused: 2 shows them")
    return [Text(clip(line, width), "bold yellow") for line in lines]
