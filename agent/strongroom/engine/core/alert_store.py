"""Alerts as the channels see them: sent once, again when the severity rises, daily while critical, and at the end.

The table alone decides what must be sent, so a restart neither forgets nor repeats an alert. The end of an alert is
sent only after it has lasted a few minutes, so that one that comes and goes is not sent again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from strongroom.model.alert import Alert, Level, happens_once
from strongroom.model.times import format_instant
from strongroom.vault import alerts as rows
from strongroom.vault.alerts import (
    AlertRecord as AlertRecord,  # the daemon, the screen and the command line import it from here
)
from strongroom.vault.vault import Vault

REMIND = timedelta(days=1)
LASTING = timedelta(minutes=10)  # how long an alert must be over before its end is sent


def reconcile(vault: Vault, found: Iterable[Alert], now: datetime, *, whole: bool = True) -> None:
    """Bring the stored alerts level with those found by a check.

    Not `whole` means that the check could see only these: every other alert stays as it is.
    """
    catalogue, seen = vault.catalogue, {alert.key: alert for alert in found}
    changes = [_raised(rows.get_alert(catalogue, alert.key), alert, now) for alert in seen.values()]
    if whole:
        gone = [each for each in rows.open_alerts(catalogue) if each.key not in seen]
        changes += [replace(each, cleared_at=now) for each in gone if not happens_once(each.key)]
    _put(vault, [alert for alert in changes if alert is not None])


def due_alerts(vault: Vault, now: datetime) -> list[AlertRecord]:
    """Return what must be sent now, the most severe first: raised, more severe, over, or critical for another day."""
    unsent = {alert.key: alert for alert in rows.undelivered_alerts(vault.catalogue) if _is_due(alert, now)}
    again = {each.key: each for each in rows.open_alerts(vault.catalogue) if _is_reminder(each, now)}
    return sorted((unsent | again).values(), key=lambda alert: (-Level(alert.severity).rank, alert.raised_at))


def mark_sent(vault: Vault, sent: Iterable[AlertRecord], now: datetime) -> None:
    """Record that these were sent as they were: one that changed meanwhile is sent again."""
    current = [(alert, rows.get_alert(vault.catalogue, alert.key)) for alert in sent]
    _put(vault, [_sent(stored, now) for was, stored in current if stored is not None and _same(was, stored)])


def open_alerts(vault: Vault) -> list[AlertRecord]:
    """Return the active alerts, oldest first."""
    return rows.open_alerts(vault.catalogue)


def newest_alerts(vault: Vault, most: int = 50) -> list[AlertRecord]:
    """Return alerts, newest first, including those that are over."""
    return rows.newest_alerts(vault.catalogue, most)


def alert_document(alert: AlertRecord, *, heard: bool = True) -> dict[str, object]:
    """Return an alert as plain JSON values (docs/notifications.md). `heard`: whether a channel was configured."""
    return {
        "key": alert.key,
        "severity": alert.severity,
        "title": alert.title,
        "body": alert.body,
        "raised_at": format_instant(alert.raised_at),
        "told_at": format_instant(alert.told_at) if alert.told_at and heard else None,
        "cleared_at": format_instant(alert.cleared_at) if alert.cleared_at else None,
    }


def _raised(old: AlertRecord | None, alert: Alert, now: datetime) -> AlertRecord | None:
    """Return what to store for an alert, None where nothing changes."""
    fresh = AlertRecord(alert.key, alert.severity.value, alert.title, alert.body, raised_at=now)
    if old is None:
        return fresh
    unchanged = (old.severity, old.title, old.body) == (fresh.severity, fresh.title, fresh.body)
    if happens_once(alert.key):
        if unchanged or (old.told_at is not None and abs(now - old.told_at) < REMIND):
            return None
        return fresh
    if old.cleared_at is not None and not _is_end_unsent(old):
        return fresh
    if unchanged and old.cleared_at is None:
        return None
    rises = alert.severity.rank > Level(old.severity).rank
    return replace(fresh, raised_at=now if rises else old.raised_at, told_at=old.told_at)


def _is_due(alert: AlertRecord, now: datetime) -> bool:
    return alert.cleared_at is None or abs(now - alert.cleared_at) >= LASTING


def _is_reminder(alert: AlertRecord, now: datetime) -> bool:
    critical = alert.severity == Level.CRITICAL and not happens_once(alert.key)
    return critical and alert.told_at is not None and abs(now - alert.told_at) >= REMIND


def _is_end_unsent(alert: AlertRecord) -> bool:
    return alert.cleared_at is not None and alert.told_at is not None and alert.told_at < alert.cleared_at


def _sent(alert: AlertRecord, now: datetime) -> AlertRecord:
    # A clock that was set back must not make an earlier change look as if it had happened after this.
    at = max(now, alert.raised_at, alert.cleared_at or alert.raised_at)
    return replace(alert, told_at=at, cleared_at=at if happens_once(alert.key) else alert.cleared_at)


def _same(one: AlertRecord, other: AlertRecord) -> bool:
    return (one.severity, one.raised_at, one.cleared_at) == (other.severity, other.raised_at, other.cleared_at)


def _put(vault: Vault, alerts: list[AlertRecord]) -> None:
    if alerts:
        with vault.catalogue.transaction():
            for alert in alerts:
                rows.put_alert(vault.catalogue, alert)
