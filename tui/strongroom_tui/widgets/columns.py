"""Which columns a table has at a width. Every width is fixed beforehand: measuring cells is what makes tables slow.

Where it is narrow, what tells rows apart stays longest: the stream, shortened, and the day of its window.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace


class TableColumn(Struct, frozen=True):
    """One column. The one with `grows` takes what the others leave."""

    name: str
    title: str
    width: int  # cells, at least
    right: bool = False  # numbers stand to the right
    grows: bool = False


Columns = tuple[TableColumn, ...]

_STATE = TableColumn("state", "state", 11)
_JOBS = (
    (
        _STATE,
        TableColumn("stream", "stream", 18),
        TableColumn("window", "window", 24),
        TableColumn("doing", "", 40, grows=True),
    ),
    (
        _STATE,
        TableColumn("stream", "stream", 13),
        TableColumn("window", "window", 23),
        TableColumn("doing", "", 26, grows=True),
    ),
    (
        _STATE,
        TableColumn("stream", "stream", 10),
        TableColumn("window", "window", 11),
        TableColumn("doing", "", 15, grows=True),
    ),
    (_STATE, TableColumn("stream", "stream", 8, grows=True), TableColumn("window", "window", 11)),
)
_FOUND = TableColumn("found", "verified", 13)
_RECORDS = TableColumn("records", "records", 11, right=True)
_SIZE = TableColumn("size", "size", 9, right=True)
_HELD = TableColumn("held", "hold", 6)
_ID = TableColumn("id", "archive", 9)
_ARCHIVES = (
    (
        _FOUND,
        _HELD,
        TableColumn("stream", "stream", 16, grows=True),
        TableColumn("window", "window", 24),
        _RECORDS,
        _SIZE,
        TableColumn("durable", "stored", 25),
        TableColumn("verified", "after", 9),
        _ID,
    ),
    (
        _FOUND,
        _HELD,
        TableColumn("stream", "stream", 12, grows=True),
        TableColumn("window", "window", 24),
        _RECORDS,
        _SIZE,
        TableColumn("durable_short", "stored", 14),
        TableColumn("verified", "after", 8),
        _ID,
    ),
    (
        _FOUND,
        TableColumn("stream", "stream", 8, grows=True),
        TableColumn("window", "window", 11),
        TableColumn("records", "records", 9, right=True),
        TableColumn("size", "size", 8, right=True),
        TableColumn("durable_short", "stored", 14),
        TableColumn("verified_short", "after", 5),
    ),
    (
        _FOUND,
        TableColumn("stream", "stream", 10, grows=True),
        TableColumn("window", "window", 11),
        TableColumn("durable_short", "stored", 14),
    ),
    (_FOUND, TableColumn("stream", "stream", 8, grows=True), TableColumn("window", "window", 11)),
)


_SCHEDULES = (
    (
        TableColumn("plan", "plan", 9),
        TableColumn("stream", "stream", 18, grows=True),
        TableColumn("every", "every", 6),
        TableColumn("next", "next window", 24),
        TableColumn("at", "exported", 18),
        TableColumn("due", "pending", 8, right=True),
        TableColumn("by", "done by", 14),
        TableColumn("class", "class", 14),
    ),
    (
        TableColumn("plan", "plan", 9),
        TableColumn("stream", "stream", 14, grows=True),
        TableColumn("every", "every", 6),
        TableColumn("at", "exported", 16),
        TableColumn("due", "pending", 7, right=True),
        TableColumn("by", "done by", 14),
    ),
    (
        TableColumn("plan", "plan", 9),
        TableColumn("stream", "stream", 12, grows=True),
        TableColumn("due", "pending", 7, right=True),
    ),
    (TableColumn("plan", "plan", 9), TableColumn("stream", "stream", 10, grows=True)),
)


def schedule_columns(width: int) -> Columns:
    """Return the columns of the plans at a table width in cells."""
    return _fitted(_SCHEDULES, width)


_MOMENTS = (
    (
        TableColumn("seq", "entry", 9, right=True),
        TableColumn("at", "at", 25),
        TableColumn("kind", "kind", 24),
        TableColumn("subject", "about", 14),
        TableColumn("facts", "facts", 20, grows=True),
    ),
    (
        TableColumn("seq", "entry", 8, right=True),
        TableColumn("at_short", "at", 14),
        TableColumn("kind", "kind", 22),
        TableColumn("facts", "facts", 20, grows=True),
    ),
    (TableColumn("at_short", "at", 14), TableColumn("kind", "kind", 16), TableColumn("facts", "facts", 12, grows=True)),
    (TableColumn("kind", "kind", 13), TableColumn("at_short", "at", 14), TableColumn("facts", "facts", 8, grows=True)),
)


def moment_columns(width: int) -> Columns:
    """Return the columns of the log at a table width in cells."""
    return _fitted(_MOMENTS, width)


_VERDICTS = (
    (
        TableColumn("fate", "verdict", 11),
        TableColumn("until", "until", 12),
        TableColumn("stream", "stream", 16),
        TableColumn("window", "window", 24),
        TableColumn("why", "why", 30, grows=True),
    ),
    (
        TableColumn("fate", "verdict", 11),
        TableColumn("until", "until", 11),
        TableColumn("stream", "stream", 13),
        TableColumn("window", "window", 11),
        TableColumn("why", "why", 20, grows=True),
    ),
    (
        TableColumn("fate", "verdict", 11),
        TableColumn("until", "until", 11),
        TableColumn("stream", "stream", 10, grows=True),
        TableColumn("window", "window", 11),
    ),
    (
        TableColumn("fate", "verdict", 10),
        TableColumn("stream", "stream", 8, grows=True),
        TableColumn("window", "window", 11),
    ),
)
_HOLDS = (
    (
        TableColumn("stands", "hold", 11),
        TableColumn("matter", "matter", 20),
        TableColumn("keeps", "covers", 24, grows=True),
        TableColumn("placed", "placed", 12),
        TableColumn("by", "by", 16),
    ),
    (
        TableColumn("stands", "hold", 11),
        TableColumn("matter", "matter", 16),
        TableColumn("keeps", "covers", 20, grows=True),
    ),
    (TableColumn("stands", "hold", 11), TableColumn("matter", "matter", 12, grows=True)),
)
_PLANS = (
    (
        TableColumn("stage", "state", 12),
        TableColumn("count", "archives", 9, right=True),
        TableColumn("at", "proposed", 12),
        TableColumn("by", "by", 14),
        TableColumn("why", "why", 24, grows=True),
    ),
    (
        TableColumn("stage", "state", 12),
        TableColumn("count", "archives", 9, right=True),
        TableColumn("why", "why", 12, grows=True),
    ),
    (TableColumn("stage", "state", 12), TableColumn("count", "archives", 9, right=True, grows=True)),
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
