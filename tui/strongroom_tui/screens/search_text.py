"""A search in words: one line for each hit, the record in full, and how far the search came."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text

from strongroom.engine.access.hits import Found
from strongroom.model.case import Case, Mark
from strongroom.model.text import clean
from strongroom.search.snippet import make_snippet
from strongroom.search.text import fold
from strongroom.text.layout import cells, clip
from strongroom.text.times import local
from strongroom.text.units import number, short
from strongroom_tui.screens.browse import in_full
from strongroom_tui.search_run import MOST, SearchRun
from strongroom_tui.widgets.table import Columns, TableColumn, TableRow, table_row
from strongroom_tui.widgets.text import moment_words

COLUMNS: Columns = (
    TableColumn("mark", 1, ""),
    TableColumn("time", 19, wide=25),
    TableColumn("parties", 24, "from → to", rank=1, wide=36),
    TableColumn("text", 20, grows=True, wide=48),
    TableColumn("status", 10, rank=3),
    TableColumn("stream", 14, rank=2, wide=22),
)

EMPTY = (
    "Nothing was searched yet. Press / and type what to find:\n"
    'refund "order 4711" from:+14155551234 on:2026-03 -status:failed\n'
    "Your identity opens the archives; nothing clear is stored."
)

MARKS: Mapping[Mark, str] = MappingProxyType({Mark.RELEVANT: "✓", Mark.PRIVILEGED: "§", Mark.NOT_RELEVANT: "✗"})
"""The sign before a record that was marked."""

Marked = Mapping[tuple[str, str, str], Mark]
"""By archive, dataset and folded id of a record: its mark in the case that is chosen."""


class Markup(Struct, frozen=True):
    """What is shown besides the hits themselves."""

    words: tuple[str, ...] = ()  # of the query, folded
    marked: Marked = MappingProxyType({})


def marked_in(case: Case | None) -> Marked:
    """Return the marks of a case."""
    marks = case.marks if case is not None else []
    return {(each.archive, each.dataset, fold(each.record)): each.mark for each in marks}


def mark_of(found: Found, marked: Marked) -> Mark | None:
    """Return the mark of a hit, whichever of its archives it was marked in."""
    keys = ((hit.archive.id, hit.dataset, hit.entry.id) for hit in found.hits)
    return next((marked[key] for key in keys if key in marked), None)


def hit_row(key: str, found: Found, columns: Columns, markup: Markup) -> TableRow:
    """Lay one hit out, with the word that was searched for in the middle of its text."""
    entry, mark = found.hit.entry, mark_of(found, markup.marked)
    widths = {column.name: column.width for column in columns}
    row = table_row(
        key,
        {
            "mark": Text(MARKS[mark], "bold") if mark is not None else "",
            "time": moment_words(entry.at, widths["time"]) if entry.at else "no time",
            "parties": clean(parties_words(found)),
            "text": "",
            "status": clean(entry.status),
            "stream": clean(found.hit.archive.stream),
        },
        columns,
    )
    place = next(place for place, column in enumerate(columns) if column.name == "text")
    text = snippet_text(found, markup.words, columns[place].width)
    return replace(row, cells=(*row.cells[:place], text, *row.cells[place + 1 :]))


def snippet_text(found: Found, words: Sequence[str], width: int) -> Text:
    """Return the text around the first word that is found, in so many cells."""
    part = make_snippet(found.hit.entry.text.split("\n"), words, max(1, width - 2))
    before, hit, after = (clean(each) for each in part)
    if cells(before + hit + after) > width:
        return Text(clip(hit + after if hit else before, width), no_wrap=True)
    return Text.assemble(before, (hit, "bold underline"), after, no_wrap=True)


def parties_words(found: Found) -> str:
    """Return from whom to whom a record is, or whom it is about, as far as that was folded for the search."""
    entry = found.hit.entry
    ends = [", ".join(each) for each in (entry.senders, entry.recipients)]
    return " → ".join(end for end in ends if end) or ", ".join(entry.parties) or entry.dataset


def record_text(found: Found, markup: Markup) -> Text:
    """Return a record as it was delivered, with where it is."""
    hit, mark = found.hit, mark_of(found, markup.marked)
    text = Text()
    facts = {
        "time": local(hit.entry.at) if hit.entry.at else "none",
        "stream": f"{hit.archive.stream}, dataset {hit.dataset}",
        "archive": short(hit.archive.id) + _others(found),
        "marked": f"{MARKS[mark]} {mark.replace('-', ' ')}" if mark is not None else "",
    }
    for name, words in facts.items():
        if words:
            text.append(f"{name:<8} ", "bold").append(f"{clean(words)}\n")
    text.append("\n")
    record = in_full(json.loads(hit.line))
    record.highlight_words([word for word in markup.words if word], "reverse", case_sensitive=False)
    return text.append_text(record)


def _others(found: Found) -> str:
    others = len(found.archives) - 1
    versions = f", {found.versions} versions" if found.versions > 1 else ""
    return (f" and {number(others, 'other')}" if others else "") + versions


def progress_words(run: SearchRun) -> str:
    """Say how far a search came, and what it could not search."""
    progress, hits = run.progress, number(len(run.found), "hit")
    where = f"{number(progress.done)} of {number(progress.archives, 'archive')}"
    if not run.done:
        return f"searching: {where}, {hits}; esc stops"
    if run.full:
        return f"more than {number(MOST)} hits: these are the first. Add a word or a period to the query"
    if progress.stopped:
        return f"stopped after {where}: {hits}"
    parts = [f"{hits}; searched {number(progress.records, 'record')} in {number(progress.done, 'archive')}"]
    if progress.unread:
        parts.append(f"✗ {number(len(progress.unread), 'archive')} could not be read: M shows which")
    if progress.read:
        parts.append(f"{number(progress.read)} without a search segment: run strongroom index build")
    return " · ".join(parts)


def unread_words(run: SearchRun) -> list[str]:
    """Return a line for each archive that could not be read, or whose segment cannot be used."""
    unread = (f"archive {short(name)} could not be read: {why}" for name, why in run.progress.unread.items())
    unusable = (
        f"the search segment of archive {short(name)} cannot be used: {why}. The archive was read instead"
        for name, why in run.progress.unusable.items()
    )
    return [*unread, *unusable]
