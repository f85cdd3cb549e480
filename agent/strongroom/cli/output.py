"""JSON for programs: one document, or one a line for a stream. Everything outside ASCII is escaped.

Tables and lists of fields that fit the width there is: the columns that may shrink give way, the others never.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime

import click
from msgspec import Struct

from strongroom.cli.terminal import clean, say, tell
from strongroom.model.times import format_instant
from strongroom.text.layout import cells, clip

Document = Mapping[str, object]

PRINTED: ContextVar[bool] = ContextVar("printed", default=False)
"""Whether this command has printed JSON already: an error after that adds no second document."""


def put_document(document: Document) -> None:
    """Print one document."""
    PRINTED.set(True)
    say(json.dumps(document, indent=2, default=_plain))


def put_line(document: Document) -> None:
    """Print one document of a stream on a line of its own."""
    PRINTED.set(True)
    say(json.dumps(document, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value)


GAP = "  "
LABEL = 14


class TextColumn(Struct, frozen=True):
    """One column. `least` is how narrow it may become; 0 means that its content is always shown whole."""

    title: str
    right: bool = False
    least: int = 0


def render_table(columns: Sequence[TextColumn], rows: Iterable[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table at most `width` columns wide, as far as the columns allow it."""
    body = [[clean(text) for text in row] for row in rows]
    widths = _widths(columns, body, width)
    head = click.style(_line(columns, [column.title for column in columns], widths), bold=True)
    return [head, *(_line(columns, row, widths) for row in body)]


def _widths(columns: Sequence[TextColumn], body: list[list[str]], width: int) -> list[int]:
    widths = [max([cells(column.title), *(cells(row[place]) for row in body)]) for place, column in enumerate(columns)]
    over = sum(widths) + len(GAP) * (len(columns) - 1) - width
    while over > 0:
        room = [widths[place] - max(column.least, 1) if column.least else 0 for place, column in enumerate(columns)]
        widest = max(range(len(columns)), key=lambda place: (room[place] > 0, widths[place] if room[place] > 0 else 0))
        if room[widest] <= 0:
            break
        widths[widest] -= 1
        over -= 1
    return widths


def _line(columns: Sequence[TextColumn], texts: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, text, width in zip(columns, texts, widths, strict=True):
        shown = clip(text, width)
        space = " " * (width - cells(shown))
        parts.append(space + shown if column.right else shown + space)
    return GAP.join(parts).rstrip()


def render_fields(fields: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Return `label  value` lines; a long value goes on under its beginning, one without a value is left out."""
    lines = []
    for label, value in fields:
        if value:
            lines += hang(click.style(f"{label:<{LABEL}}", bold=True), LABEL, value, width)
    return lines


def hang(start: str, start_cells: int, text: str, width: int) -> list[str]:
    """Return text after a start that is `start_cells` wide, wrapped beside it.

    A word that is wider than the room, such as a path, stays whole, so that it can be copied.
    """
    indent = " " * start_cells
    room = max(20, width - start_cells)
    pieces = textwrap.wrap(clean(text), room, break_on_hyphens=False, break_long_words=False) or [""]
    return [start + pieces[0], *(indent + piece for piece in pieces[1:])]


def tell_more(shown: int, limit: int) -> None:
    """Say on standard error that a list was cut at its limit, and how to see more."""
    if shown == limit:
        tell(f"Shown: the first {limit:,}. For more: --limit N")
