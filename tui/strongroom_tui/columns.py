"""Which columns a table has at a width. Every width is fixed beforehand: measuring cells is what makes tables slow.

Where it is narrow, what tells rows apart stays longest: the stream, shortened, and the day of its window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Column:
    """One column. The one with `grows` takes what the others leave."""

    name: str
    title: str
    width: int  # cells, at least
    right: bool = False  # numbers stand to the right
    grows: bool = False


Columns = tuple[Column, ...]

_STATE = Column("state", "state", 11)
_JOBS = (
    (_STATE, Column("stream", "stream", 18), Column("window", "window", 24), Column("doing", "", 40, grows=True)),
    (_STATE, Column("stream", "stream", 13), Column("window", "window", 23), Column("doing", "", 26, grows=True)),
    (_STATE, Column("stream", "stream", 10), Column("window", "window", 11), Column("doing", "", 15, grows=True)),
    (_STATE, Column("stream", "stream", 8, grows=True), Column("window", "window", 11)),
)
_FOUND = Column("found", "verified", 13)
_RECORDS = Column("records", "records", 11, right=True)
_SIZE = Column("size", "size", 9, right=True)
_HELD = Column("held", "hold", 6)
_ID = Column("id", "archive", 9)
_ARCHIVES = (
    (
        _FOUND,
        _HELD,
        Column("stream", "stream", 16, grows=True),
        Column("window", "window", 24),
        _RECORDS,
        _SIZE,
        Column("durable", "stored", 25),
        Column("verified", "after", 9),
        _ID,
    ),
    (
        _FOUND,
        _HELD,
        Column("stream", "stream", 12, grows=True),
        Column("window", "window", 24),
        _RECORDS,
        _SIZE,
        Column("durable_short", "stored", 14),
        Column("verified", "after", 8),
        _ID,
    ),
    (
        _FOUND,
        Column("stream", "stream", 8, grows=True),
        Column("window", "window", 11),
        Column("records", "records", 9, right=True),
        Column("size", "size", 8, right=True),
        Column("durable_short", "stored", 14),
        Column("verified_short", "after", 5),
    ),
    (
        _FOUND,
        Column("stream", "stream", 10, grows=True),
        Column("window", "window", 11),
        Column("durable_short", "stored", 14),
    ),
    (_FOUND, Column("stream", "stream", 8, grows=True), Column("window", "window", 11)),
)


_SCHEDULES = (
    (
        Column("plan", "plan", 9),
        Column("stream", "stream", 18, grows=True),
        Column("every", "every", 6),
        Column("next", "next window", 24),
        Column("at", "exported", 18),
        Column("due", "pending", 8, right=True),
        Column("by", "done by", 14),
        Column("class", "class", 14),
    ),
    (
        Column("plan", "plan", 9),
        Column("stream", "stream", 14, grows=True),
        Column("every", "every", 6),
        Column("at", "exported", 16),
        Column("due", "pending", 7, right=True),
        Column("by", "done by", 14),
    ),
    (Column("plan", "plan", 9), Column("stream", "stream", 12, grows=True), Column("due", "pending", 7, right=True)),
    (Column("plan", "plan", 9), Column("stream", "stream", 10, grows=True)),
)


def schedule_columns(width: int) -> Columns:
    """Return the columns of the plans at a table width in cells."""
    return _fitted(_SCHEDULES, width)


_MOMENTS = (
    (
        Column("seq", "entry", 9, right=True),
        Column("at", "at", 25),
        Column("kind", "kind", 24),
        Column("subject", "about", 14),
        Column("facts", "facts", 20, grows=True),
    ),
    (
        Column("seq", "entry", 8, right=True),
        Column("at_short", "at", 14),
        Column("kind", "kind", 22),
        Column("facts", "facts", 20, grows=True),
    ),
    (Column("at_short", "at", 14), Column("kind", "kind", 16), Column("facts", "facts", 12, grows=True)),
    (Column("kind", "kind", 13), Column("at_short", "at", 14), Column("facts", "facts", 8, grows=True)),
)


def moment_columns(width: int) -> Columns:
    """Return the columns of the log at a table width in cells."""
    return _fitted(_MOMENTS, width)


_VERDICTS = (
    (
        Column("fate", "verdict", 11),
        Column("until", "until", 12),
        Column("stream", "stream", 16),
        Column("window", "window", 24),
        Column("why", "why", 30, grows=True),
    ),
    (
        Column("fate", "verdict", 11),
        Column("until", "until", 11),
        Column("stream", "stream", 13),
        Column("window", "window", 11),
        Column("why", "why", 20, grows=True),
    ),
    (
        Column("fate", "verdict", 11),
        Column("until", "until", 11),
        Column("stream", "stream", 10, grows=True),
        Column("window", "window", 11),
    ),
    (Column("fate", "verdict", 10), Column("stream", "stream", 8, grows=True), Column("window", "window", 11)),
)
_HOLDS = (
    (
        Column("stands", "hold", 11),
        Column("matter", "matter", 20),
        Column("keeps", "covers", 24, grows=True),
        Column("placed", "placed", 12),
        Column("by", "by", 16),
    ),
    (Column("stands", "hold", 11), Column("matter", "matter", 16), Column("keeps", "covers", 20, grows=True)),
    (Column("stands", "hold", 11), Column("matter", "matter", 12, grows=True)),
)
_PLANS = (
    (
        Column("stage", "state", 12),
        Column("count", "archives", 9, right=True),
        Column("at", "proposed", 12),
        Column("by", "by", 14),
        Column("why", "why", 24, grows=True),
    ),
    (Column("stage", "state", 12), Column("count", "archives", 9, right=True), Column("why", "why", 12, grows=True)),
    (Column("stage", "state", 12), Column("count", "archives", 9, right=True, grows=True)),
)


def verdict_columns(width: int) -> Columns:
    """Return the columns of the verdicts at a table width in cells."""
    return _fitted(_VERDICTS, width)


def hold_columns(width: int) -> Columns:
    """Return the columns of the holds at a table width in cells."""
    return _fitted(_HOLDS, width)


def plan_columns(width: int) -> Columns:
    """Return the columns of the plans of destruction at a table width in cells."""
    return _fitted(_PLANS, width)


def job_columns(width: int) -> Columns:
    """Return the columns of the jobs at a table width in cells."""
    return _fitted(_JOBS, width)


def archive_columns(width: int) -> Columns:
    """Return the columns of the archives at a table width in cells."""
    return _fitted(_ARCHIVES, width)


def _fitted(choices: tuple[Columns, ...], width: int) -> Columns:
    """Take the first choice that fits, or else the last one; a gap of one cell follows each column."""
    columns = next((columns for columns in choices if _taken(columns) <= width), choices[-1])
    spare = max(0, width - _taken(columns))
    return tuple(replace(each, width=each.width + spare) if each.grows else each for each in columns)


def _taken(columns: Columns) -> int:
    return sum(column.width + 1 for column in columns)
