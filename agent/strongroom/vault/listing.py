"""Pages of archives and jobs in the orders that a person chooses, by keys that the page before ended with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.model.job import Job
from strongroom.model.listing import Sort
from strongroom.model.window import Window
from strongroom.vault import listqueries, queries
from strongroom.vault.archives import read_archive
from strongroom.vault.catalogue import Catalogue, to_text
from strongroom.vault.jobs import read_job
from strongroom.vault.renames import archived_as
from strongroom.vault.rows import RowUnreadable, leave_out, read_page

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
    `unread` hears the id of each row that cannot be read; the others fill the page.
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
    if which not in listqueries.ARCHIVES_IN_STRETCH:
        return []  # what was destroyed is no archive any more
    if period is None:
        return catalogue.read(listqueries.ARCHIVES_SORTED[sort, *which], *asked, *_edge(before, sort), most)
    if sort is not Sort.WINDOW:
        raise UsageError("a stretch of time is listed by its windows", hint="leave the order out, or sort by window")
    window = before.spec.window if before else None
    bounds = _bounds(catalogue, listqueries.LONGEST_ARCHIVED, period, window, before.id if before else "")
    return catalogue.read(listqueries.ARCHIVES_IN_STRETCH[which], *asked, *bounds, most)


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
        edge = (to_text(before.created_at), before.id) if before else queries.BEYOND
        return read_page(
            lambda rows: catalogue.read(listqueries.JOBS_SORTED[which], *asked, *edge, rows), read_job, most
        )
    window = before.spec.window if before else None
    bounds = _bounds(catalogue, listqueries.LONGEST_ASKED, period, window, before.id if before else "")
    query = listqueries.JOBS_IN_STRETCH[which]
    return read_page(lambda rows: catalogue.read(query, *asked, *bounds, rows), read_job, most)


def _edge(before: Archive | None, sort: Sort) -> tuple[Any, str]:
    if before is None:
        return (_LARGEST if sort in (Sort.SIZE, Sort.RECORDS) else queries.BEYOND[0], queries.BEYOND[1])
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
