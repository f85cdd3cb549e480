"""The SQL of the lists that a person turns the pages of: each query walks one index, in order, from where a page ended.

A stretch of time is looked at in the order of windows, the one order in which an index can find it.

Pages of archives and jobs in the orders that a person chooses, by keys that the page before ended with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

from strongroom.model.archive import Archive, Sort
from strongroom.model.errors import UsageError
from strongroom.model.job import Job
from strongroom.model.window import Window
from strongroom.vault.archives import read_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.jobs import JOB_ROWS
from strongroom.vault.rows import RowUnreadable, leave_out, read_page, to_text
from strongroom.vault.streams import archived_as

KEYS = {Sort.ARCHIVED: "verified_at", Sort.WINDOW: "window_start", Sort.SIZE: "size", Sort.RECORDS: "records"}
"""The column of each order."""

# A plus before a column keeps its own index out of it: what does not fit is passed over in the index of the order. That
# costs nothing where nearly all is held; the few that are quarantined have indexes of their own, which must be named.
_FEW = {at: f"archives_quarantined_by_{sort.value}" for sort, at in KEYS.items()}


def _archives(stream: bool, holding: str, at: str, stretch: str = "") -> str:
    of_stream = "stream = ? AND " if stream else ""
    plus = "" if at == KEYS[Sort.ARCHIVED] or stream else "+"
    named = f"INDEXED BY {_FEW[at]} " if plus and holding == "quarantined" else ""
    held = f"{'' if named else plus}holding = '{holding}' AND " if holding else ""
    return (
        f"SELECT id, manifest FROM archives {named}WHERE {of_stream}{held}{stretch}({at}, id) < (?, ?) "
        f"ORDER BY {at} DESC, id DESC LIMIT ?"
    )


def _jobs(asked: tuple[bool, ...], at: str, stretch: str = "") -> str:
    words = [word for word, wanted in zip(("stream", "state", "purpose"), asked, strict=True) if wanted]
    where = "".join(f"{'+' if stretch and word != 'stream' else ''}{word} = ? AND " for word in words)
    return f"{JOB_ROWS.select} WHERE {where}{stretch}({at}, id) < (?, ?) ORDER BY {at} DESC, id DESC LIMIT ?"


_STRETCH = "window_start >= ? AND window_end > ? AND "
_HOLDINGS = ("", "held", "quarantined")
_EITHER = (False, True)

ARCHIVES_SORTED = {
    (sort, stream, holding): _archives(stream, holding, at)
    for sort, at in KEYS.items()
    for stream, holding in product(_EITHER, _HOLDINGS)
}
"""One page of archives, by the order, by whether a stream is given, and by the holding."""

ARCHIVES_IN_STRETCH = {
    (stream, holding): _archives(stream, holding, KEYS[Sort.WINDOW], _STRETCH)
    for stream, holding in product(_EITHER, _HOLDINGS)
}
"""One page of the archives whose windows touch a stretch of time."""

JOBS_SORTED = {asked: _jobs(asked, "created_at") for asked in product(_EITHER, repeat=3)}
"""One page of jobs, by whether a stream, a state and a purpose are given."""

JOBS_IN_STRETCH = {asked: _jobs(asked, "window_start", _STRETCH) for asked in product(_EITHER, repeat=3)}
"""One page of the jobs whose windows touch a stretch of time."""

# A window that touches a stretch begins at most one longest window before it: that is where the walk may end.
LONGEST_ARCHIVED = """
SELECT julianday(window_end) - julianday(window_start) AS days FROM archives
ORDER BY julianday(window_end) - julianday(window_start) DESC LIMIT 1
"""
LONGEST_ASKED = """
SELECT julianday(window_end) - julianday(window_start) AS days FROM jobs
ORDER BY julianday(window_end) - julianday(window_start) DESC LIMIT 1
"""


BEYOND = ("~", "~")
"""Where the first page of a list begins: a time and an id that sort after all others."""

_LARGEST = (1 << 63) - 1
_MARGIN = timedelta(seconds=1)  # a Julian day is a float


def list_archives(
    catalogue: Catalogue,
    *,
    stream: str = "",
    holding: str = "",
    sort: Sort = Sort.ARCHIVED,
    period: Window | None = None,
    before: Archive | None = None,
    most: int = 100,
    unread: Callable[[str], None] = lambda _archive_id: None,
) -> list[Archive]:
    """Return one page of archives, the newest or largest first; `before` is the last archive of the page before.

    With a period only archives whose windows touch it; that goes by windows. Raises UsageError for another order then.
    `unread` is called with the id of each row that cannot be read; the others fill the page.
    """
    wanted, names = most, archived_as(catalogue, stream) if stream else ("",)
    while True:
        pages = [_archive_rows(catalogue, each, holding, sort, period, before, wanted) for each in names]
        found, broken = _readable([row for page in pages for row in page])
        if all(len(page) < wanted for page in pages) or len(found) >= most:
            break
        wanted += len(broken)
    if len(names) > 1:
        found.sort(key=lambda each: _edge(each, sort), reverse=True)
    for archive_id in broken:
        unread(archive_id)
    return found[:most]


def _readable(rows: list[sqlite3.Row]) -> tuple[list[Archive], list[str]]:
    found, broken = list[Archive](), list[str]()
    for row in rows:
        try:
            found.append(read_archive(row))
        except RowUnreadable as error:
            leave_out(error)
            broken.append(str(row["id"]))
    return found, broken


def _archive_rows(
    catalogue: Catalogue,
    stream: str,
    holding: str,
    sort: Sort,
    period: Window | None,
    before: Archive | None,
    most: int,
) -> list[sqlite3.Row]:
    asked, which = [stream] if stream else [], (bool(stream), holding)
    if which not in ARCHIVES_IN_STRETCH:
        return []  # what was destroyed is no archive any more
    if period is None:
        return catalogue.read(ARCHIVES_SORTED[sort, *which], *asked, *_edge(before, sort), most)
    if sort is not Sort.WINDOW:
        raise UsageError("a stretch of time is listed by its windows", hint="leave the order out, or sort by window")
    window = before.spec.window if before else None
    bounds = _bounds(catalogue, LONGEST_ARCHIVED, period, window, before.id if before else "")
    return catalogue.read(ARCHIVES_IN_STRETCH[which], *asked, *bounds, most)


def list_jobs(
    catalogue: Catalogue,
    *,
    stream: str = "",
    state: str = "",
    purpose: str = "",
    period: Window | None = None,
    before: Job | None = None,
    most: int = 100,
) -> list[Job]:
    """Return one page of jobs, newest first; with a period those whose windows touch it, the latest window first."""
    asked = [word for word in (stream, state, purpose) if word]
    which = (bool(stream), bool(state), bool(purpose))
    if period is None:
        edge = (to_text(before.created_at), before.id) if before else BEYOND
        return read_page(lambda rows: catalogue.read(JOBS_SORTED[which], *asked, *edge, rows), JOB_ROWS.read, most)
    window = before.spec.window if before else None
    bounds = _bounds(catalogue, LONGEST_ASKED, period, window, before.id if before else "")
    query = JOBS_IN_STRETCH[which]
    return read_page(lambda rows: catalogue.read(query, *asked, *bounds, rows), JOB_ROWS.read, most)


def count_listed_archives(
    catalogue: Catalogue, *, stream: str = "", holding: str = "", period: Window | None = None
) -> int:
    """Return how many archives such a list has on all of its pages. Reads one index, and no manifest."""
    which = (bool(stream), holding)
    if which not in ARCHIVES_IN_STRETCH:
        return 0
    page = ARCHIVES_SORTED[(Sort.ARCHIVED, *which)] if period is None else ARCHIVES_IN_STRETCH[which]
    edge = BEYOND if period is None else _bounds(catalogue, LONGEST_ARCHIVED, period, None, "")
    names = archived_as(catalogue, stream) if stream else ("",)
    return sum(_count(catalogue, page, *([name] if stream else []), *edge) for name in names)


def count_listed_jobs(
    catalogue: Catalogue, *, stream: str = "", state: str = "", purpose: str = "", period: Window | None = None
) -> int:
    """Return how many jobs such a list has on all of its pages."""
    asked = [word for word in (stream, state, purpose) if word]
    which = (bool(stream), bool(state), bool(purpose))
    page = JOBS_SORTED[which] if period is None else JOBS_IN_STRETCH[which]
    edge = BEYOND if period is None else _bounds(catalogue, LONGEST_ASKED, period, None, "")
    return _count(catalogue, page, *asked, *edge)


def _count(catalogue: Catalogue, page: str, *values: str) -> int:
    columns = page[: page.index(" FROM ")]
    row = catalogue.read_one(f"SELECT count(*) AS rows FROM ({page.replace(columns, 'SELECT id', 1)})", *values, -1)
    return int(row["rows"]) if row else 0


def _edge(before: Archive | None, sort: Sort) -> tuple[Any, str]:
    if before is None:
        return (_LARGEST if sort in (Sort.SIZE, Sort.RECORDS) else BEYOND[0], BEYOND[1])
    key: dict[Sort, Any] = {
        Sort.ARCHIVED: to_text(before.verified_at),
        Sort.WINDOW: to_text(before.spec.window.start),
        Sort.SIZE: before.seal.size,
        Sort.RECORDS: before.inspection.records,
    }
    return key[sort], before.id


def _bounds(
    catalogue: Catalogue, longest: str, period: Window, last: Window | None, last_id: str
) -> tuple[str, str, str, str]:
    """Return where the walk ends, what a window must reach, and after which window and id the page begins."""
    row = catalogue.read_one(longest)
    reach = timedelta(days=float(row["days"])) + _MARGIN if row else _MARGIN
    end = period.start - reach if period.start.timestamp() > reach.total_seconds() else None
    after = to_text(last.start) if last else to_text(period.end)
    return (to_text(end) if end else "", to_text(period.start), after, last_id)
