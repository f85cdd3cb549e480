"""The heat strips: a line for each stream, a cell for each stretch of time, a cursor that tells one cell in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from strongroom.engine.glance import Glance, Look, Strip
from strongroom.model.heat import Heat, Zoom
from strongroom.model.window import Window
from strongroom_tui.marks import Mark
from strongroom_tui.plain import clip

HEATS: Mapping[Heat, Mark] = MappingProxyType(
    {
        Heat.NOTHING: Mark(" ", Heat.NOTHING),
        Heat.DESTROYED: Mark("-", Heat.DESTROYED),
        Heat.EMPTY: Mark("·", Heat.EMPTY, "green"),
        Heat.HELD: Mark("█", Heat.HELD, "green"),
        Heat.OPEN: Mark("▒", Heat.OPEN, "cyan"),
        Heat.DUE: Mark("○", Heat.DUE),
        Heat.RISK: Mark("▲", Heat.RISK, "bold yellow"),
        Heat.MISSING: Mark("!", Heat.MISSING, "bold red"),
        Heat.LOST: Mark("x", Heat.LOST, "bold red"),
    }
)
"""The symbols are those of `strongroom coverage`."""

_NAME = 20  # cells of the widest name
_AXIS: Mapping[Zoom, str] = MappingProxyType({Zoom.DAY: "%b %d", Zoom.WEEK: "%b %Y", Zoom.MONTH: "%Y", Zoom.YEAR: "%Y"})
_APART = 9  # cells between two dates of the axis


def legend() -> str:
    """Return what the symbols mean, the common ones first."""
    shown = (Heat.HELD, Heat.EMPTY, Heat.OPEN, Heat.DUE, Heat.RISK, Heat.MISSING, Heat.LOST)
    return "  ".join(f"{HEATS[each].symbol} {HEATS[each].word}" for each in shown)


@dataclass(frozen=True, slots=True)
class Spot:
    """One cell of one stream."""

    stream: str
    window: Window
    heat: Heat
    cause: str = ""  # why it is missing or lost
    snapshot: bool = False  # a copy of all there was, and not records of that time
    blind: tuple[str, ...] = ()  # what the stream leaves out


class Strips(Widget, can_focus=True):
    """Coverage of all streams, as many as there is room for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "zoom(1)", "zoom out", tooltip="Longer cells: days, weeks, months, years"),
        Binding("Z", "zoom(-1)", "zoom in", show=False, tooltip="Shorter cells"),
        Binding("enter", "open", "archives", tooltip="The archives of this stream"),
        Binding("left,h", "move(0, -1)", "earlier", show=False),
        Binding("right,l", "move(0, 1)", "later", show=False),
        Binding("up,k", "move(-1, 0)", "stream above", show=False),
        Binding("down,j", "move(1, 0)", "stream below", show=False),
        Binding("pageup", "leap(-1)", "a strip earlier", show=False),
        Binding("pagedown", "leap(1)", "a strip later", show=False),
        Binding("home,g", "edge(0)", "first stream", show=False),
        Binding("end,G", "edge(1)", "last stream", show=False),
    ]

    class Moved(Message):
        """Another part is looked at."""

    class Opened(Message):
        """A person wants the archives of a stream."""

        def __init__(self, stream: str) -> None:
            super().__init__()
            self.stream = stream

    def __init__(self) -> None:
        super().__init__()
        self._glance: Glance | None = None
        self._zoom = Zoom.DAY
        self._last: datetime | None = None
        self._row = 0  # of the chosen stream, among all
        self._column = -1  # of the chosen cell, from the right
        self._first = 0
        self._read_at = datetime.max.replace(tzinfo=UTC)

    @property
    def wanted(self) -> Look:
        """Return which part there is room for."""
        return Look(self._zoom, self._last, max(1, self.size.width - self._label_width - 1), self._first, self._lines)

    @property
    def spot(self) -> Spot | None:
        """Return the chosen cell."""
        glance = self._glance
        place = self._row - glance.look.first if glance else -1
        if glance is None or not 0 <= place < len(glance.strips) or not glance.windows:
            return None
        column = max(self._column, -len(glance.windows))
        strip = glance.strips[place]
        cause = strip.causes.get(len(strip.cells) + column, "")
        return Spot(strip.stream, glance.windows[column], strip.cells[column], cause, strip.snapshot, strip.blind)

    def show(self, glance: Glance, read_at: datetime) -> None:
        """Show an answer, read at an instant past which nobody looks."""
        self._glance, self._read_at = glance, read_at
        self._row = min(self._row, max(0, glance.streams - 1))
        self.refresh()

    def render(self) -> Text:
        """Draw the axis and the strips."""
        glance = self._glance
        if glance is None:
            return Text("")
        if not glance.streams:
            return Text(
                "No stream is configured: add a [[stream]] to the configuration,\nthen: strongroom config check"
            )
        lines = [Text(" " * (self._label_width + 1) + axis(glance.windows, glance.look.zoom), "dim", no_wrap=True)]
        lines += [self._line(strip, glance.look.first + place) for place, strip in enumerate(glance.strips)]
        return Text("\n", no_wrap=True).join(lines)

    def on_click(self, event: events.Click) -> None:
        """Choose the cell that was clicked."""
        glance = self._glance
        if glance is None or not 0 < event.y <= len(glance.strips):
            return
        self._row = glance.look.first + event.y - 1
        self._column = min(-1, event.x - self._label_width - 1 - len(glance.windows))
        self._moved()

    def action_zoom(self, steps: int) -> None:
        """Make cells longer or shorter."""
        zooms = list(Zoom)
        place = zooms.index(self._zoom) + steps
        if 0 <= place < len(zooms):
            self._zoom, self._column = zooms[place], -1
            self._ask()

    def action_move(self, rows: int, columns: int) -> None:
        """Choose a neighbouring cell; past the strip's edge the strip moves."""
        glance = self._glance
        if glance is None:
            return
        self._row = min(max(0, self._row + rows), max(0, glance.streams - 1))
        column = self._column + columns
        if -len(glance.windows) <= column <= -1:
            self._column = column
        elif columns:
            self.action_leap(columns)
        self._moved()

    def action_leap(self, steps: int) -> None:
        """Go a strip earlier or later; never past now."""
        glance = self._glance
        if glance is None or (steps > 0 and self._last is None):
            return
        length = glance.windows[-1].end - glance.windows[0].start
        moved = glance.windows[-1].start + steps * length
        self._last = None if moved >= self._read_at else moved
        self._column = -1 if steps < 0 else -len(glance.windows)
        self._ask()

    def action_edge(self, end: int) -> None:
        """Choose the first or the last stream."""
        self._row = (self._glance.streams - 1) if end and self._glance else 0
        self._moved()

    def action_open(self) -> None:
        """Ask for the archives of the chosen stream."""
        spot = self.spot
        if spot is not None:
            self.post_message(self.Opened(spot.stream))

    @property
    def _label_width(self) -> int:
        return min(_NAME, max(8, self.size.width // 4))

    @property
    def _lines(self) -> int:
        return max(1, self.size.height - 1)

    def _moved(self) -> None:
        first = min(self._first, self._row)
        first = max(first, self._row - self._lines + 1)
        if first != self._first:
            self._first = first
            self._ask()
        self.refresh()
        self.post_message(self.Moved())

    def _ask(self) -> None:
        self.refresh()
        self.post_message(self.Moved())

    def _line(self, strip: Strip, row: int) -> Text:
        chosen = row == self._row
        name = clip(f"{'‖ ' if strip.paused else ''}{strip.stream}", self._label_width)
        text = Text(f"{name:<{self._label_width}} ", "bold" if chosen else "", no_wrap=True)
        column = len(strip.cells) + max(self._column, -len(strip.cells)) if chosen and self.has_focus else -1
        for place, heat in enumerate(strip.cells):
            mark = HEATS[heat]
            text.append(mark.symbol, f"{mark.style} reverse".strip() if place == column else mark.style)
        return text


def axis(windows: tuple[Window, ...], zoom: Zoom, zone: str = "UTC") -> str:
    """Return dates over the cells, as many as stand apart."""
    line = ""
    for place, window in enumerate(windows):
        if place >= len(line) + 2 * bool(line) and place % _APART == 0:
            words = window.start.astimezone(ZoneInfo(zone)).strftime(_AXIS[zoom])
            if place + len(words) <= len(windows):
                line = f"{line:<{place}}{words}"
    return line
