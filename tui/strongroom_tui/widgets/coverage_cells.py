"""How a cell of the heat map is drawn, what its symbols mean, and which gap comes next. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from types import MappingProxyType

from msgspec import Struct
from rich.text import Text

from strongroom.engine.queries.coverage_gaps import Gap
from strongroom.engine.queries.overview import Overview, Strip
from strongroom.model.coverage_strip import Heat, Zoom
from strongroom.model.window import Window
from strongroom.text.layout import clip, first_that_fits
from strongroom.text.states import GOOD, WINDOWS

LEAST: Mapping[Zoom, int] = MappingProxyType({Zoom.DAY: 1, Zoom.WEEK: 2, Zoom.MONTH: 3, Zoom.YEAR: 4})
"""Columns of the smallest cell: one that is longer than a day has room for a share and a state."""

LENGTHS: Mapping[Zoom, timedelta] = MappingProxyType(
    {
        Zoom.DAY: timedelta(days=1),
        Zoom.WEEK: timedelta(days=7),
        Zoom.MONTH: timedelta(days=30),
        Zoom.YEAR: timedelta(days=365),
    }
)
"""About how long a cell is."""

_FILLS = "▁▂▃▄▅▆▇"
_WHOLE = frozenset({Heat.OUTSIDE, Heat.NOTHING, Heat.HELD, Heat.EMPTY, Heat.DESTROYED})
"""States of a cell of which nothing is left to archive."""

_SHOWN = (
    Heat.HELD,
    Heat.EMPTY,
    Heat.OPEN,
    Heat.DUE,
    Heat.NOTHING,
    Heat.RISK,
    Heat.MISSING,
    Heat.LOST,
    Heat.DESTROYED,
)
"""The order of the legend: the common ones first."""

_SHORT: Mapping[Heat, str] = MappingProxyType(
    {
        Heat.HELD: "ok",
        Heat.EMPTY: "0",
        Heat.OPEN: "now",
        Heat.DUE: "pend",
        Heat.NOTHING: "later",
        Heat.RISK: "risk",
        Heat.MISSING: "fail",
        Heat.LOST: "lost",
        Heat.DESTROYED: "gone",
    }
)
"""The words of the legend where there is little room."""


def legends(found: Iterable[Heat]) -> tuple[str, str, str]:
    """Return what the symbols that occur mean: with room, closer, and in the shortest words."""
    heats = [heat for heat in _SHOWN if heat in set(found)]
    words = [f"{WINDOWS[heat].symbol} {WINDOWS[heat].word}" for heat in heats]
    return "  ".join(words), " ".join(words), " ".join(f"{WINDOWS[heat].symbol}{_SHORT[heat]}" for heat in heats)


def legend_text(found: Iterable[Heat], width: int) -> Text:
    """Return the legend in the colors of the states, as much of it as fits."""
    text = Text(clip(first_that_fits([*legends(found)], width), width), no_wrap=True)
    for heat in found:
        text.highlight_regex(re.escape(WINDOWS[heat].symbol), WINDOWS[heat].style)
    return text


def title(zoom: Zoom, shown: str, width: int, found: Iterable[Heat] = ()) -> str:
    """Return the line over the map. The legend, where it stands there, is the last to go: it explains the cells."""
    full, close, short = legends(found)
    long, brief, least = f"Coverage by {zoom}{shown}", f"By {zoom}{shown}", f"{zoom.capitalize()}{shown}"
    starts = [(long, full), (long, close), (brief, full), (brief, close), (least, close), (long, short), (brief, short)]
    return first_that_fits([*(f"{start}  {words}".rstrip() for start, words in starts), short or long], width)


def cell_text(heat: Heat, share: float | None, wide: int) -> Text:
    """Draw one cell. One that is archived in part shows how much of it, and beside that the worst of its states."""
    mark = WINDOWS[heat]
    if share is None or share >= 1 or heat in _WHOLE or wide == 1:
        return Text(mark.symbol * wide, mark.style)
    fill = _FILLS[min(len(_FILLS) - 1, int(share * len(_FILLS)))] if share > 0 else " "
    return Text.assemble((fill * (wide - 1), GOOD), (mark.symbol, mark.style))


def strip_text(strip: Strip, skipped: int, wide: int, marked: range) -> Text:
    """Draw the cells of a stream from the first one that is not skipped; the marked ones stand out.

    A style for each run, not for each cell: of two thousand cells, nearly all are like their neighbors.
    """
    text = Text(no_wrap=True)
    shares = strip.shares or (None,) * len(strip.cells)
    cells = list(enumerate(zip(strip.cells, shares, strict=True)))[skipped:]
    for ((heat, share), here), run in groupby(cells, lambda cell: (cell[1], cell[0] in marked)):
        many = len(list(run))
        whole = share is None or share >= 1
        drawn = cell_text(heat, None, wide * many) if whole else Text("").join([cell_text(heat, share, wide)] * many)
        if here:
            drawn.stylize("reverse")
        text.append_text(drawn)
    return text


class Cell(Struct, frozen=True):
    """One cell of one stream."""

    stream: str
    window: Window
    heat: Heat
    cause: str = ""  # why it is missing or lost
    snapshot: bool = False  # a copy of all there was, and not records of that time
    blind: tuple[str, ...] = ()  # what the stream leaves out
    share: float | None = None  # how much is archived, for a cell longer than a day
    job: str = ""  # of a cell in progress or failed
    keeps: timedelta | None = None  # how long the provider keeps records


def next_gap(gaps: Sequence[Gap], row: int, window: Window, steps: int) -> Gap:
    """Return the gap after or before a cell: by stream, newest first; after the last one the first one."""
    here = (row, -window.start.timestamp())
    places = [(gap.row, -gap.window.start.timestamp()) for gap in gaps]
    touched = [place for place, gap in enumerate(gaps) if gap.row == row and gap.window.overlaps(window)]
    if steps > 0:
        after = touched[-1] + 1 if touched else sum(place <= here for place in places)
        return gaps[after % len(gaps)]
    before = touched[0] - 1 if touched else sum(place < here for place in places) - 1
    return gaps[before]


def cells_for(period: Window, room: int) -> tuple[Zoom, int]:
    """Return the shortest cells in which a period fits into so many columns, and how many of them it takes."""
    counts = {zoom: max(2, round(period.length / LENGTHS[zoom])) for zoom in Zoom}
    fitting = [zoom for zoom in Zoom if counts[zoom] * LEAST[zoom] <= room]
    zoom = fitting[0] if fitting else Zoom.YEAR
    return zoom, counts[zoom]


def column_of(windows: Sequence[Window], instant: datetime) -> int:
    """Return the cell of an instant, from the right; the nearest one where none has it."""
    later = sum(window.start > instant for window in windows)
    return -min(len(windows), later + 1)


def heats_of(overview: Overview) -> set[Heat]:
    """Return the states that occur on the map."""
    return {heat for strip in overview.strips for heat in strip.cells}


def leading_blanks(overview: Overview) -> int:
    """Return how many of the first cells are before the start of every plan."""
    if overview.look.last is not None or len(overview.strips) < overview.streams:
        return 0
    firsts = [
        next((place for place, heat in enumerate(strip.cells) if heat is not Heat.OUTSIDE), len(strip.cells))
        for strip in overview.strips
    ]
    return min([*firsts, max(0, len(overview.windows) - 1)])
