"""The heat strips: a line for each stream, a cell for each stretch of time, a cursor that describes one cell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby
from types import MappingProxyType
from typing import ClassVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from strongroom.engine.queries.overview import Look, Overview, Strip
from strongroom.model.coverage_strip import Heat, Zoom
from strongroom.model.window import Window
from strongroom.text.layout import clip, first_that_fits
from strongroom.text.states import WINDOWS

_NAME = 20  # cells of the widest name
_TALLEST, _WIDEST = 6, 4  # lines and columns of the largest cell
_AXIS: Mapping[Zoom, str] = MappingProxyType({Zoom.DAY: "%b %d", Zoom.WEEK: "%b %Y", Zoom.MONTH: "%Y", Zoom.YEAR: "%Y"})
_APART = 9  # cells between two dates of the axis


_SHORT: Mapping[Heat, str] = MappingProxyType(
    {
        Heat.HELD: "ok",
        Heat.EMPTY: "0",
        Heat.OPEN: "now",
        Heat.DUE: "pend",
        Heat.RISK: "risk",
        Heat.MISSING: "fail",
        Heat.LOST: "lost",
    }
)
"""The words of the legend where there is little room, the common ones first."""


def legends() -> tuple[str, str, str]:
    """Return what the symbols mean, all of them: with room, closer, and in the shortest words."""
    words = [f"{WINDOWS[each].symbol} {WINDOWS[each].word}" for each in _SHORT]
    return "  ".join(words), " ".join(words), " ".join(f"{WINDOWS[each].symbol}{word}" for each, word in _SHORT.items())


def title(zoom: Zoom, shown: str, width: int) -> str:
    """Return the title over the strips. The legend is the last to go: without it nobody reads the cells."""
    full, close, short = legends()
    long, brief = f"Coverage by {zoom}{shown}  ", f"By {zoom}{shown}  "
    least = f"{zoom.capitalize()}{shown}  "
    choices = [long + full, long + close, brief + full, brief + close, least + close, long + short, brief + short]
    return first_that_fits([*(f" {each} " for each in choices), short], width)


class Cell(Struct, frozen=True):
    """One cell of one stream."""

    stream: str
    window: Window
    heat: Heat
    cause: str = ""  # why it is missing or lost
    snapshot: bool = False  # a copy of all there was, and not records of that time
    blind: tuple[str, ...] = ()  # what the stream leaves out


class CoverageStrips(Widget, can_focus=True):
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
        self._overview: Overview | None = None
        self._zoom = Zoom.DAY
        self._last: datetime | None = None
        self._row = 0  # of the chosen stream, among all
        self._column = -1  # of the chosen cell, from the right
        self._first = 0
        self._skipped = 0  # of the first cells, those that are left out
        self._read_at = datetime.max.replace(tzinfo=UTC)

    def begin(self, zoom: str) -> None:
        """Begin with cells as long as somebody had them; what is no length is let go."""
        self._zoom = Zoom(zoom) if zoom in list(Zoom) else Zoom.DAY

    @property
    def _pitch(self) -> int:
        """Return the lines from one stream to the next; strips grow tall where streams are few."""
        return min(_TALLEST + 1, max(1, self._lines // max(1, self._overview.streams if self._overview else 1)))

    @property
    def _wide(self) -> int:
        """Return how many columns a cell takes."""
        cells = (len(self._overview.windows) if self._overview else 0) - self._skipped
        return min(_WIDEST, max(1, (self.size.width - self._label_width - 1) // max(1, cells)))

    @property
    def wanted(self) -> Look:
        """Return which part there is room for."""
        return Look(self._zoom, self._last, max(1, self.size.width - self._label_width - 1), self._first, self._lines)

    @property
    def cell(self) -> Cell | None:
        """Return the chosen cell."""
        overview = self._overview
        place = self._row - overview.look.first if overview else -1
        if overview is None or not 0 <= place < len(overview.strips) or not overview.windows:
            return None
        column = max(self._column, -len(overview.windows))
        strip = overview.strips[place]
        cause = strip.causes.get(len(strip.cells) + column, "")
        return Cell(strip.stream, overview.windows[column], strip.cells[column], cause, strip.snapshot, strip.blind)

    def show(self, overview: Overview, read_at: datetime) -> None:
        """Show an answer, read at an instant after which nothing is shown."""
        self._overview, self._read_at, self._skipped = overview, read_at, _leading_blanks(overview)
        self._row = min(self._row, max(0, overview.streams - 1))
        self.refresh()

    def render(self) -> Text:
        """Draw the axis and the strips."""
        overview = self._overview
        if overview is None:
            return Text("")
        if not overview.streams:
            return Text(
                "No stream is configured: add a [[stream]] to the configuration,\nthen: strongroom config check"
            )
        shown, wide, tall = overview.windows[self._skipped :], self._wide, max(1, self._pitch - 1)
        dates = axis(shown, overview.look.zoom, wide=wide)
        lines = [Text(" " * (self._label_width + 1) + dates, "dim", no_wrap=True)]
        for place, strip in enumerate(overview.strips):
            lines += [self._line(strip, overview.look.first + place, wide, first=not row) for row in range(tall)]
            lines += [Text("")] * (self._pitch - tall)
        return Text("\n", no_wrap=True).join(lines)

    def on_click(self, event: events.Click) -> None:
        """Choose the cell that was clicked."""
        overview = self._overview
        if overview is None or not 0 < event.y <= len(overview.strips) * self._pitch:
            return
        self._row = overview.look.first + (event.y - 1) // self._pitch
        cell = (event.x - self._label_width - 1) // self._wide + self._skipped
        self._column = max(self._skipped - len(overview.windows), min(-1, cell - len(overview.windows)))
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
        overview = self._overview
        if overview is None:
            return
        self._row = min(max(0, self._row + rows), max(0, overview.streams - 1))
        column = self._column + columns
        if self._skipped - len(overview.windows) <= column <= -1:
            self._column = column
        elif columns and not (columns < 0 and self._skipped):
            self.action_leap(columns)
        self._moved()

    def action_leap(self, steps: int) -> None:
        """Go a strip earlier or later; never past now."""
        overview = self._overview
        if overview is None or (steps > 0 and self._last is None):
            return
        length = overview.windows[-1].end - overview.windows[0].start
        moved = overview.windows[-1].start + steps * length
        self._last = None if moved >= self._read_at else moved
        self._column = -1 if steps < 0 else -len(overview.windows)
        self._ask()

    def action_edge(self, end: int) -> None:
        """Choose the first or the last stream."""
        self._row = (self._overview.streams - 1) if end and self._overview else 0
        self._moved()

    def action_open(self) -> None:
        """Ask for the archives of the chosen stream."""
        cell = self.cell
        if cell is not None:
            self.post_message(self.Opened(cell.stream))

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

    def _line(self, strip: Strip, row: int, wide: int, *, first: bool) -> Text:
        chosen = row == self._row
        name = clip(f"{'‖ ' if strip.paused else ''}{strip.stream}", self._label_width) if first else ""
        text = Text(f"{name:<{self._label_width}} ", "bold" if chosen else "", no_wrap=True)
        column = len(strip.cells) + max(self._column, -len(strip.cells)) if chosen and self.has_focus else -1
        # A style for each run, not for each cell: of two thousand cells, nearly all are like their neighbours.
        cells = list(enumerate(strip.cells))[self._skipped :]
        for (heat, here), run in groupby(cells, lambda cell: (cell[1], cell[0] == column)):
            mark = WINDOWS[heat]
            text.append(mark.symbol * wide * len(list(run)), f"{mark.style} reverse".strip() if here else mark.style)
        return text


def _leading_blanks(overview: Overview) -> int:
    """Return how many of the first cells are before anything was wanted of any stream."""
    if overview.look.last is not None or len(overview.strips) < overview.streams:
        return 0
    firsts = [
        next((place for place, heat in enumerate(strip.cells) if heat is not Heat.NOTHING), len(strip.cells))
        for strip in overview.strips
    ]
    return min([*firsts, max(0, len(overview.windows) - 1)])


def axis(windows: tuple[Window, ...], zoom: Zoom, zone: str = "UTC", wide: int = 1) -> str:
    """Return dates over the cells, each `wide` columns, as many as stand apart."""
    line, apart = "", -(-_APART // wide)
    for number, window in enumerate(windows):
        place = number * wide
        if place >= len(line) + 2 * bool(line) and number % apart == 0:
            words = window.start.astimezone(ZoneInfo(zone)).strftime(_AXIS[zoom])
            if place + len(words) <= wide * len(windows):
                line = f"{line:<{place}}{words}"
    return line
