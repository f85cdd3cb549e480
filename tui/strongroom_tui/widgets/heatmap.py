"""The heat map of coverage: a line for each stream, a cell for each period, and a cursor that describes one cell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from strongroom.engine.queries.overview import Look, Overview, Strip
from strongroom.model.coverage_strip import Zoom
from strongroom.model.window import Window
from strongroom.text.layout import clip
from strongroom_tui.widgets.coverage_cells import (
    LEAST,
    LENGTHS,
    Cell,
    cells_for,
    column_of,
    heats_of,
    leading_blanks,
    legend_text,
    next_gap,
    strip_text,
    title,
)
from strongroom_tui.widgets.time_axis import axis

_NAME = 20  # cells of the widest name
_TALLEST, _WIDEST = 2, 6  # lines and columns of the largest cell
_MOMENT = timedelta(microseconds=1)


class CoverageStrips(Widget, can_focus=True):
    """Coverage of all streams, as many as there is room for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "gap(1)", "next gap", tooltip="The next period that is at risk, failed or lost"),
        Binding("N", "gap(-1)", "gap before", show=False, tooltip="The gap before"),
        Binding("z", "zoom(1)", "zoom out", tooltip="Longer cells: days, weeks, months, years"),
        Binding("Z", "zoom(-1)", "zoom in", show=False, tooltip="Shorter cells"),
        Binding("enter", "open", "open", tooltip="The archives or the failed jobs of this cell"),
        Binding("left,h", "move(0, -1)", "earlier", show=False),
        Binding("right,l", "move(0, 1)", "later", show=False),
        Binding("shift+left", "move(0, -7)", "seven cells earlier", show=False),
        Binding("shift+right", "move(0, 7)", "seven cells later", show=False),
        Binding("up,k", "move(-1, 0)", "stream above", show=False),
        Binding("down,j", "move(1, 0)", "stream below", show=False),
        Binding("pageup", "leap(-1)", "a screen earlier", show=False),
        Binding("pagedown", "leap(1)", "a screen later", show=False),
        Binding("home", "edge(0)", "first stream", show=False),
        Binding("end,G", "edge(1)", "last stream", show=False),
    ]

    class Moved(Message):
        """Another part is looked at."""

    class Opened(Message):
        """A person wants what is behind a cell."""

        def __init__(self, cell: Cell) -> None:
            super().__init__()
            self.cell = cell

    class NoGap(Message):
        """A person looked for a gap, and there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._overview: Overview | None = None
        self._zoom = Zoom.DAY
        self._last: datetime | None = None
        self._span = 0  # cells of the period that a person chose with the mouse; 0 for as many as fit
        self._row = 0  # of the chosen stream, among all
        self._column = -1  # of the chosen cell, from the right
        self._aim: datetime | None = None  # an instant whose cell stays chosen, whatever the map shows of it
        self._first = 0
        self._skipped = 0  # of the first cells, those that are left out
        self._dragged: tuple[int, int] | None = None  # from which column to which, while the button is down
        self._read_at = datetime.max.replace(tzinfo=UTC)

    class Above(Message):
        """The cursor went past the first stream."""

    def begin(self, zoom: str) -> None:
        """Begin with cells as long as somebody had them; what is no length is let go."""
        self._zoom = Zoom(zoom) if zoom in list(Zoom) else Zoom.DAY

    @property
    def _pitch(self) -> int:
        """Return the lines from one stream to the next; cells grow tall where streams are few."""
        each = self._lines // max(1, self._overview.streams if self._overview else 1)
        return min(_TALLEST + 1, max(1, each))

    @property
    def _wide(self) -> int:
        """Return how many columns a cell takes."""
        cells = (len(self._overview.windows) if self._overview else 0) - self._skipped
        return min(_WIDEST, max(1, self._room // max(1, cells)))

    @property
    def _room(self) -> int:
        return max(1, self.size.width - self._label_width - 1)

    @property
    def wanted(self) -> Look:
        """Return which part there is room for."""
        cells = max(1, self._room // LEAST[self._zoom])
        return Look(self._zoom, self._last, min(cells, self._span) or cells, self._first, self._lines)

    @property
    def cell(self) -> Cell | None:
        """Return the chosen cell."""
        overview = self._overview
        place = self._row - overview.look.first if overview else -1
        if overview is None or not 0 <= place < len(overview.strips) or not overview.windows:
            return None
        column = max(self._column, -len(overview.windows))
        strip = overview.strips[place]
        from_left = len(strip.cells) + column
        return Cell(
            strip.stream,
            overview.windows[column],
            strip.cells[column],
            strip.causes.get(from_left, ""),
            strip.snapshot,
            strip.blind,
            strip.shares[column] if strip.shares else None,
            strip.jobs.get(from_left, ""),
            strip.keeps,
        )

    def show(self, overview: Overview, read_at: datetime) -> None:
        """Show an answer, read at an instant after which nothing is shown."""
        self._overview, self._read_at, self._skipped = overview, read_at, leading_blanks(overview)
        self._row = min(self._row, max(0, overview.streams - 1))
        self.styles.max_height = 3 + max(2, overview.streams) * (_TALLEST + 1)  # what is below follows closely
        if self._aim is not None and overview.look == self.wanted:
            self._column = column_of(overview.windows, self._aim)
        self.refresh()

    def render(self) -> Text:
        """Draw the title, the dates, the streams and the legend."""
        overview = self._overview
        if overview is None:
            return Text("")
        if not overview.streams:
            return Text(
                "No stream is configured: add a [[stream]] to the configuration,\nthen run: strongroom config check"
            )
        shown, wide, tall = overview.windows[self._skipped :], self._wide, max(1, self._pitch - 1)
        dates = axis(shown, overview.look.zoom, overview.zone, wide)
        lines = [self._title(overview), Text(" " * (self._label_width + 1) + dates, no_wrap=True)]
        for place, strip in enumerate(overview.strips):
            lines += [self._line(strip, overview.look.first + place, wide, first=not row) for row in range(tall)]
            lines += [Text("")] * (self._pitch - tall)
        lines += [self._legend(overview)] if self._legend_below else []
        return Text("\n", no_wrap=True).join(lines)

    def _title(self, overview: Overview) -> Text:
        first, many = overview.look.first, len(overview.strips)
        shown = f" {first + 1}-{first + many} of {overview.streams}" if many < overview.streams else ""
        words = title(overview.look.zoom, shown, self.size.width, () if self._legend_below else heats_of(overview))
        return Text(clip(words, self.size.width), "bold" if self._legend_below else "", no_wrap=True)

    def _legend(self, overview: Overview) -> Text:
        return Text(" " * (self._label_width + 1)).append_text(legend_text(heats_of(overview), self._room))

    @property
    def _legend_below(self) -> bool:
        """Return whether there is a line for the legend under the map; if not, it is shown after the title."""
        streams = self._overview.streams if self._overview else 1
        return self.size.height >= min(streams, 6) + 3  # the other two are title and dates

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Choose a cell, and begin to choose a period."""
        place = self._place(event.x, event.y)
        if place is not None:
            self._row, column = place
            self._aim = None
            self._column = column - len(self._windows)
            self._dragged = (column, column)
            self.capture_mouse()
            self._moved()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show how far the period reaches."""
        if self._dragged is not None:
            self._dragged = (self._dragged[0], self._column_at(event.x))
            self.refresh()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Zoom into the period, if there is one."""
        if self._dragged is None:
            return
        first, last = sorted((self._dragged[0], self._column_at(event.x)))
        self._dragged = None
        self.release_mouse()
        if first != last:
            self._zoom_into(Window(self._windows[first].start, self._windows[last].end))

    @on(events.MouseScrollUp)
    @on(events.MouseScrollDown)
    def _zoom_at_pointer(self, event: events.MouseScrollUp | events.MouseScrollDown) -> None:
        event.stop()
        place = self._place(event.x, event.y)
        if place is not None:
            self._row, self._column = place[0], place[1] - len(self._windows)
            self._aim = self._aim if self._aim and self._windows[place[1]].holds(self._aim) else None
        self.action_zoom(-1 if isinstance(event, events.MouseScrollUp) else 1)

    def action_zoom(self, steps: int) -> None:
        """Make cells longer or shorter; the chosen instant stays chosen."""
        cell, zooms = self.cell, list(Zoom)
        place = zooms.index(self._zoom) + steps
        if not 0 <= place < len(zooms):
            return
        self._zoom, self._span = zooms[place], 0
        if cell is not None:
            self._aim = self._aim or min(cell.window.end - _MOMENT, self._read_at)
            self._last = self._centered(self._aim) if steps < 0 else self._last
        self._ask()

    def action_move(self, rows: int, columns: int) -> None:
        """Choose a neighboring cell; at the edge of the map, the map moves."""
        if (overview := self._overview) is None:
            return
        if self._row + rows < 0:
            self.post_message(self.Above())
        self._row = min(max(0, self._row + rows), max(0, overview.streams - 1))
        column = self._column + columns
        self._aim = self._aim if not columns else None
        if self._skipped - len(overview.windows) <= column <= -1:
            self._column = column
        elif columns and not (columns < 0 and self._skipped):
            self.action_leap(1 if columns > 0 else -1)
        self._moved()

    def action_leap(self, steps: int) -> None:
        """Go a screen earlier or later; never past now."""
        if (overview := self._overview) is None or (steps > 0 and self._last is None):
            return
        length = overview.windows[-1].end - overview.windows[0].start
        moved = overview.windows[-1].start + steps * length
        self._last = None if moved >= self._read_at else moved
        self._column, self._aim = (-1 if steps < 0 else -len(overview.windows)), None
        self._ask()

    def action_edge(self, end: int) -> None:
        """Choose the first or the last stream."""
        self._row = (self._overview.streams - 1) if end and self._overview else 0
        self._moved()

    def action_gap(self, steps: int) -> None:
        """Go to the next gap: first to older ones of the stream, then to the next stream."""
        overview, cell = self._overview, self.cell
        if overview is None or not overview.gaps or cell is None:
            self.post_message(self.NoGap())
            return
        here = Window(self._aim, self._aim + _MOMENT) if self._aim else cell.window
        gap = next_gap(overview.gaps, self._row, here, steps)
        self._row = gap.row
        self._look_at(gap.window.end - _MOMENT)
        self._moved()

    def go_to(self, stream: str) -> None:
        """Go to the newest gap of a stream, and take the keys."""
        gaps = self._overview.gaps if self._overview else ()
        gap = next((each for each in gaps if each.stream == stream), None)
        self.focus()
        if gap is not None:
            self._row = gap.row
            self._look_at(gap.window.end - _MOMENT)
            self._moved()

    def action_open(self) -> None:
        """Ask for what is behind the chosen cell."""
        cell = self.cell
        if cell is not None:
            self.post_message(self.Opened(cell))

    @property
    def _windows(self) -> tuple[Window, ...]:
        return self._overview.windows if self._overview else ()

    @property
    def _label_width(self) -> int:
        return min(_NAME, max(8, self.size.width // 4))

    @property
    def _lines(self) -> int:
        """Return the lines there are for streams."""
        return max(1, self.size.height - 2 - self._legend_below)

    def _place(self, x: int, y: int) -> tuple[int, int] | None:
        """Return the row among all streams and the column from the left at a place of the widget."""
        overview = self._overview
        if overview is None or not 2 <= y < 2 + len(overview.strips) * self._pitch:
            return None
        return overview.look.first + (y - 2) // self._pitch, self._column_at(x)

    def _column_at(self, x: int) -> int:
        column = (x - self._label_width - 1) // self._wide + self._skipped
        return max(self._skipped, min(len(self._windows) - 1, column))

    def _zoom_into(self, period: Window) -> None:
        """Show a period in the shortest cells for which there is room."""
        self._zoom, self._span = cells_for(period, self._room)
        self._last = min(period.end - _MOMENT, self._read_at)
        self._aim = self._last
        self._ask()

    def _look_at(self, instant: datetime) -> None:
        """Choose the cell of an instant; the map moves there where it does not show it."""
        windows, self._aim = self._windows, instant
        if windows and windows[0].start <= instant < windows[-1].end:
            self._column = column_of(windows, instant)
        else:
            self._last = self._centered(instant)

    def _centered(self, instant: datetime) -> datetime | None:
        """Return the instant with which a map ends that has this one in its middle; None for now."""
        later = instant + self._room // (2 * LEAST[self._zoom]) * LENGTHS[self._zoom]
        return None if later >= self._read_at else later

    def _moved(self) -> None:
        self._first = max(min(self._first, self._row), self._row - self._lines + 1)
        self._ask()

    def _ask(self) -> None:
        self.refresh()
        self.post_message(self.Moved())

    def _line(self, strip: Strip, row: int, wide: int, *, first: bool) -> Text:
        chosen = row == self._row
        name = clip(f"{'‖ ' if strip.paused else ''}{strip.stream}", self._label_width) if first else ""
        text = Text(f"{name:<{self._label_width}} ", "bold" if chosen else "", no_wrap=True)
        marked = self._marked(len(strip.cells)) if chosen else range(0)
        return text.append_text(strip_text(strip, self._skipped, wide, marked))

    def _marked(self, cells: int) -> range:
        """Return which cells of the chosen stream stand out: the cursor, or the period under the mouse."""
        if self._dragged is not None:
            return range(min(self._dragged), max(self._dragged) + 1)
        column = cells + max(self._column, -cells)
        return range(column, column + 1) if self.has_focus else range(0)
