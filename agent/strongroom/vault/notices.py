"""Alarms that stand: raised once, told once, cleared and told again. Nothing is repeated while nothing changes.

`told_at` is compared with the other two times: what happened to a notice after it was last told has not been heard of.
One that was cleared before anybody heard of it needs no telling at all.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_instant_or_none, to_text, to_text_or_none
from strongroom.vault.rows import readable, reads


@dataclass(frozen=True, slots=True)
class Notice:
    """One alarm. `key` says what it is about, so that the same trouble is one notice."""

    key: str  # "at-risk zavu-messages", "source-paused zavu"
    severity: str  # critical, warning or info
    title: str
    body: str
    raised_at: datetime  # since when it stands at this severity
    told_at: datetime | None = None  # when the channels last heard of it
    cleared_at: datetime | None = None


def get_notice(catalogue: Catalogue, key: str) -> Notice | None:
    """Return the notice under this key."""
    row = catalogue.read_one(queries.NOTICE, key)
    return _notice(row) if row else None


def put_notice(catalogue: Catalogue, notice: Notice) -> None:
    """Write a notice; inside a transaction."""
    catalogue.write(
        queries.PUT_NOTICE,
        notice.key,
        notice.severity,
        notice.title,
        notice.body,
        to_text(notice.raised_at),
        to_text_or_none(notice.told_at),
        to_text_or_none(notice.cleared_at),
    )


def standing_notices(catalogue: Catalogue) -> list[Notice]:
    """Return the alarms that stand now, oldest first."""
    return list(readable(catalogue.read(queries.NOTICES_STANDING), _notice))


def untold_notices(catalogue: Catalogue) -> list[Notice]:
    """Return what the channels have not heard of yet: alarms raised, changed or cleared."""
    return list(readable(catalogue.read(queries.NOTICES_UNTOLD), _notice))


def newest_notices(catalogue: Catalogue, most: int = 50) -> list[Notice]:
    """Return notices, newest first, cleared ones too."""
    return list(readable(catalogue.read(queries.NOTICES, most), _notice))


@reads("notices", "key")
def _notice(row: sqlite3.Row) -> Notice:
    return Notice(
        key=row["key"],
        severity=row["severity"],
        title=row["title"],
        body=row["body"],
        raised_at=to_instant(row["raised_at"]),
        told_at=to_instant_or_none(row["told_at"]),
        cleared_at=to_instant_or_none(row["cleared_at"]),
    )
