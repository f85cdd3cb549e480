"""Alerts: raised, sent and cleared once each. Nothing is repeated while nothing changes.

`told_at` is compared with the other two times: a change after it has not been sent to the channels yet. An alert that
was cleared before it was ever sent needs no message.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from strongroom.vault.catalogue import Catalogue
from strongroom.vault.rows import Rows


class AlertRecord(Struct, frozen=True):
    """One alert. `key` says what it is about, so that the same problem is one alert."""

    key: str  # "at-risk zavu-messages", "source-paused zavu"
    severity: str  # critical, warning or info
    title: str
    body: str
    raised_at: datetime  # since when it has this severity
    told_at: datetime | None = None  # when it was last sent to the channels
    cleared_at: datetime | None = None


_ALERTS = Rows(AlertRecord, "notices", "key")
NOTICE = f"{_ALERTS.select} WHERE key = ?"
NOTICES = f"{_ALERTS.select} ORDER BY raised_at DESC, key LIMIT ?"
NOTICES_STANDING = f"{_ALERTS.select} WHERE cleared_at IS NULL ORDER BY raised_at, key"
NOTICES_UNTOLD = f"""
{_ALERTS.select}
WHERE (told_at IS NULL AND cleared_at IS NULL) OR told_at < raised_at OR told_at < cleared_at ORDER BY raised_at, key
"""
PUT_NOTICE = _ALERTS.upsert()


def get_alert(catalogue: Catalogue, key: str) -> AlertRecord | None:
    """Return the alert with this key."""
    return _ALERTS.read_one(catalogue.read_one(NOTICE, key))


def put_alert(catalogue: Catalogue, alert: AlertRecord) -> None:
    """Write an alert; inside a transaction."""
    catalogue.write(PUT_NOTICE, *_ALERTS.values(alert))


def open_alerts(catalogue: Catalogue) -> list[AlertRecord]:
    """Return the active alerts, oldest first."""
    return _ALERTS.read_all(catalogue.read(NOTICES_STANDING))


def undelivered_alerts(catalogue: Catalogue) -> list[AlertRecord]:
    """Return the alerts whose last change was not sent to the channels yet."""
    return _ALERTS.read_all(catalogue.read(NOTICES_UNTOLD))


def newest_alerts(catalogue: Catalogue, most: int = 50) -> list[AlertRecord]:
    """Return alerts, newest first, including cleared ones."""
    return _ALERTS.read_all(catalogue.read(NOTICES, most))
