"""Pieces of pages in HTML: text from anywhere made safe, and tables that can be read aloud."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Row = Sequence[str]  # cells, already HTML


def table(caption: str, headings: Sequence[str], rows: Sequence[Row], *, right: int = 0, none: str = "") -> str:
    """Return a table; the last `right` columns are figures. Without rows it is the sentence `none`."""
    if not rows:
        return f"<p>{escaped(none)}</p>" if none else ""
    edge = len(headings) - right
    head = "".join(f'<th scope="col"{_side(place, edge)}>{escaped(each)}</th>' for place, each in enumerate(headings))
    body = "\n".join(f"<tr>{''.join(_cell(place, each, edge) for place, each in enumerate(row))}</tr>" for row in rows)
    name = escaped(caption)
    inner = f"<table><caption>{name}</caption><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f'<div class="wide" role="region" aria-label="{name}" tabindex="0">{inner}</div>'


def _cell(place: int, content: str, edge: int) -> str:
    return f'<th scope="row">{content}</th>' if place == 0 else f"<td{_side(place, edge)}>{content}</td>"


def _side(place: int, edge: int) -> str:
    return ' class="figure"' if place >= edge else ""


def escaped(words: str) -> str:
    """Return text as HTML shows it; what cannot be printed is replaced."""
    return escape("".join(each if each.isprintable() else "\ufffd" for each in words))
