"""Which columns a table has at a width. Every width is fixed beforehand: measuring cells is what makes tables slow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column. The one with `grows` takes what the others leave."""

    name: str
    title: str
    width: int  # cells, at least
    right: bool = False  # numbers stand to the right
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that fit from a table width on."""

    least: int  # cells
    columns: tuple[Column, ...]


_STATE = Column("state", "state", 11)
_JOBS = (
    Layout(
        100,
        (_STATE, Column("stream", "stream", 18), Column("window", "window", 24), Column("doing", "", 40, grows=True)),
    ),
    Layout(
        74,
        (_STATE, Column("stream", "stream", 13), Column("window", "window", 23), Column("doing", "", 26, grows=True)),
    ),
    Layout(52, (_STATE, Column("window", "window", 16), Column("doing", "", 20, grows=True))),
    Layout(0, (_STATE, Column("doing", "", 10, grows=True))),
)
_FOUND = Column("found", "read back", 13)
_RECORDS = Column("records", "records", 11, right=True)
_SIZE = Column("size", "size", 9, right=True)
_ARCHIVES = (
    Layout(
        114,
        (
            _FOUND,
            Column("stream", "stream", 16, grows=True),
            Column("window", "window", 24),
            _RECORDS,
            _SIZE,
            Column("durable", "durable", 25),
            Column("verified", "verified", 9),
        ),
    ),
    Layout(
        74,
        (
            _FOUND,
            Column("stream", "stream", 8, grows=True),
            Column("window", "window", 16),
            Column("records", "records", 9, right=True),
            Column("size", "size", 8, right=True),
            Column("durable_short", "durable", 11),
            Column("verified_short", "verif", 5),
        ),
    ),
    Layout(
        52,
        (
            _FOUND,
            Column("window", "window", 16, grows=True),
            Column("records", "records", 9, right=True),
            Column("durable_short", "durable", 11),
        ),
    ),
    Layout(0, (_FOUND, Column("window", "window", 17, grows=True))),
)


def job_columns(width: int) -> tuple[Column, ...]:
    """Return the columns of the jobs at a table width in cells."""
    return _fitted(_JOBS, width)


def archive_columns(width: int) -> tuple[Column, ...]:
    """Return the columns of the archives at a table width in cells."""
    return _fitted(_ARCHIVES, width)


def _fitted(layouts: tuple[Layout, ...], width: int) -> tuple[Column, ...]:
    columns = next(layout.columns for layout in layouts if layout.least <= max(width, 0))
    spare = max(0, width - sum(column.width + 1 for column in columns))
    return tuple(Column(c.name, c.title, c.width + spare if c.grows else c.width, c.right, c.grows) for c in columns)
