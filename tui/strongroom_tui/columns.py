"""Which columns a table has at a width. Every width is fixed beforehand: measuring cells is what makes tables slow."""

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
    (_STATE, Column("window", "window", 16), Column("doing", "", 20, grows=True)),
    (_STATE, Column("doing", "", 10, grows=True)),
)
_FOUND = Column("found", "read back", 13)
_RECORDS = Column("records", "records", 11, right=True)
_SIZE = Column("size", "size", 9, right=True)
_ARCHIVES = (
    (
        _FOUND,
        Column("stream", "stream", 16, grows=True),
        Column("window", "window", 24),
        _RECORDS,
        _SIZE,
        Column("durable", "durable", 25),
        Column("verified", "verified", 9),
    ),
    (
        _FOUND,
        Column("stream", "stream", 8, grows=True),
        Column("window", "window", 16),
        Column("records", "records", 9, right=True),
        Column("size", "size", 8, right=True),
        Column("durable_short", "durable", 11),
        Column("verified_short", "verif", 5),
    ),
    (
        _FOUND,
        Column("window", "window", 16, grows=True),
        Column("records", "records", 9, right=True),
        Column("durable_short", "durable", 11),
    ),
    (_FOUND, Column("window", "window", 17, grows=True)),
)


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
