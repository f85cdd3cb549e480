"""Alarms that stand: raised once, told once, cleared and told again. Nothing is repeated while nothing changes.

`told_at` is compared with the other two times: what happened to a notice after it was last told has not been heard of.
One that was cleared before anybody heard of it needs no telling at all.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from msgspec import Struct

from strongroom.vault.catalogue import Catalogue
from strongroom.vault.rows import readable, reads, to_instant, to_instant_or_none, to_text, to_text_or_none

_NOTICE_COLUMNS = "key, severity, title, body, raised_at, told_at, cleared_at"
NOTICE = f"SELECT {_NOTICE_COLUMNS} FROM notices WHERE key = ?"
NOTICES = f"SELECT {_NOTICE_COLUMNS} FROM notices ORDER BY raised_at DESC, key LIMIT ?"
NOTICES_STANDING = f"SELECT {_NOTICE_COLUMNS} FROM notices WHERE cleared_at IS NULL ORDER BY raised_at, key"
NOTICES_UNTOLD = f"""
SELECT {_NOTICE_COLUMNS} FROM notices
WHERE (told_at IS NULL AND cleared_at IS NULL) OR told_at < raised_at OR told_at < cleared_at ORDER BY raised_at, key
"""
PUT_NOTICE = f"""
INSERT INTO notices ({_NOTICE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET severity = excluded.severity, title = excluded.title, body = excluded.body,
    raised_at = excluded.raised_at, told_at = excluded.told_at, cleared_at = excluded.cleared_at
"""


class AlertRecord(Struct, frozen=True):
    """One alarm. `key` says what it is about, so that the same trouble is one notice."""

    key: str  # "at-risk zavu-messages", "source-paused zavu"
    severity: str  # critical, warning or info
    title: str
    body: str
    raised_at: datetime  # since when it stands at this severity
    told_at: datetime | None = None  # when the channels last heard of it
    cleared_at: datetime | None = None


def get_alert(catalogue: Catalogue, key: str) -> AlertRecord | None:
    """Return the notice under this key."""
    row = catalogue.read_one(NOTICE, key)
    return _notice(row) if row else None


def put_alert(catalogue: Catalogue, alert: AlertRecord) -> None:
    """Write a notice; inside a transaction."""
    catalogue.write(
        PUT_NOTICE,
        alert.key,
        alert.severity,
        alert.title,
        alert.body,
        to_text(alert.raised_at),
        to_text_or_none(alert.told_at),
        to_text_or_none(alert.cleared_at),
    )


def standing_alerts(catalogue: Catalogue) -> list[AlertRecord]:
    """Return the alarms that stand now, oldest first."""
    return list(readable(catalogue.read(NOTICES_STANDING), _notice))


def undelivered_alerts(catalogue: Catalogue) -> list[AlertRecord]:
    """Return what the channels have not heard of yet: alarms raised, changed or cleared."""
    return list(readable(catalogue.read(NOTICES_UNTOLD), _notice))


def newest_alerts(catalogue: Catalogue, most: int = 50) -> list[AlertRecord]:
    """Return notices, newest first, cleared ones too."""
    return list(readable(catalogue.read(NOTICES, most), _notice))


@reads("notices", "key")
def _notice(row: sqlite3.Row) -> AlertRecord:
    return AlertRecord(
        key=row["key"],
        severity=row["severity"],
        title=row["title"],
        body=row["body"],
        raised_at=to_instant(row["raised_at"]),
        told_at=to_instant_or_none(row["told_at"]),
        cleared_at=to_instant_or_none(row["cleared_at"]),
    )
