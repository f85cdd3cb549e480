"""The dates over the cells of the heat map: months and days, as many as stand apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom.model.coverage_strip import Zoom
from strongroom.model.window import Window

_MARKED_DAYS = frozenset({8, 15, 22})


class _Label(Struct, frozen=True):
    place: int  # the first column
    words: str
    rank: int  # labels of a low rank are placed first


def axis(windows: Sequence[Window], zoom: Zoom, zone: str = "UTC", wide: int = 1) -> str:
    """Return dates over the cells, each `wide` columns. No label is cut, and two stand at least a column apart."""
    days = [window.start.astimezone(ZoneInfo(zone)).date() for window in windows]
    return _placed(sorted(_labels(days, zoom, wide), key=lambda label: label.rank), wide * len(windows))


def _placed(labels: Iterable[_Label], width: int) -> str:
    line = [" "] * width
    for label in labels:
        start, end = label.place, label.place + len(label.words)
        if end <= width and not "".join(line[max(0, start - 1) : end + 1]).strip():
            line[start:end] = label.words
    return "".join(line).rstrip()


def _labels(days: Sequence[date], zoom: Zoom, wide: int) -> Iterator[_Label]:
    """Yield every label that could be placed: years and months, then the first cell, then days."""
    for place, day in enumerate(days):
        before = days[place - 1] if place else None
        yield from _label(place * wide, day, before, zoom)
    if days:
        yield _Label(0, _first(days[0], zoom), 2)


def _label(column: int, day: date, before: date | None, zoom: Zoom) -> Iterator[_Label]:
    new_year = before is not None and day.year != before.year
    if zoom is Zoom.YEAR or (new_year and zoom is Zoom.MONTH):
        yield _Label(column, f"{day:%Y}", 0)
    elif zoom is Zoom.MONTH:
        yield _Label(column, f"{day:%b}", 1 + (day.month % 3 != 1) + (day.month % 2 == 0))
    elif before is not None and day.month != before.month:
        yield _Label(column, f"{day:%b %Y}" if new_year else f"{day:%b}", int(not new_year))
        yield _Label(column, f"{day:%b}", 2)
    elif zoom is Zoom.DAY and day.day in _MARKED_DAYS:
        yield _Label(column, str(day.day), 3 if day.day == 15 else 4)


def _first(day: date, zoom: Zoom) -> str:
    if zoom is Zoom.DAY:
        return f"{day.day} {day:%b}"
    return f"{day:%b %Y}"
