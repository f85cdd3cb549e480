"""Alarms become notices: each is told once, again when it grows louder, once a day while critical, and when it is over.

The table alone decides what is to be told, so that a restart forgets nothing and repeats nothing. An alarm that comes
and goes within a few minutes is not told as over and raised anew: its end is told only when it has lasted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from strongroom.model.alert import Alert, Level, happens_once
from strongroom.model.times import format_instant
from strongroom.vault import alerts as rows
from strongroom.vault.alerts import (
    AlertRecord as AlertRecord,  # the daemon, the screen and the command line name it from here
)
from strongroom.vault.vault import Vault

REMIND = timedelta(days=1)
LASTING = timedelta(minutes=10)  # an alarm must be over for so long before that is told


def reconcile(vault: Vault, found: Iterable[Alert], now: datetime, *, whole: bool = True) -> None:
    """Bring the notices level with the alarms of this look.

    Not `whole` means that the look could see only these: what it did not see stays as it is.
    """
    catalogue, seen = vault.catalogue, {alarm.key: alarm for alarm in found}
    changes = [_raised(rows.get_alert(catalogue, alarm.key), alarm, now) for alarm in seen.values()]
    if whole:
        gone = [each for each in rows.standing_alerts(catalogue) if each.key not in seen]
        changes += [replace(each, cleared_at=now) for each in gone if not happens_once(each.key)]
    _put(vault, [alert for alert in changes if alert is not None])


def due_alerts(vault: Vault, now: datetime) -> list[AlertRecord]:
    """Return what must be told now, the loudest first: raised, louder, over, or critical for another day."""
    untold = {alert.key: alert for alert in rows.undelivered_alerts(vault.catalogue) if _is_due(alert, now)}
    again = {each.key: each for each in rows.standing_alerts(vault.catalogue) if _is_reminder(each, now)}
    return sorted((untold | again).values(), key=lambda alert: (-Level(alert.severity).rank, alert.raised_at))


def mark_told(vault: Vault, told: Iterable[AlertRecord], now: datetime) -> None:
    """Write down that these were told, as they were: one that changed meanwhile is told again."""
    current = [(alert, rows.get_alert(vault.catalogue, alert.key)) for alert in told]
    _put(vault, [_told(now_is, now) for was, now_is in current if now_is is not None and _same(was, now_is)])


def standing_alerts(vault: Vault) -> list[AlertRecord]:
    """Return the alarms that stand now, oldest first."""
    return rows.standing_alerts(vault.catalogue)


def newest_alerts(vault: Vault, most: int = 50) -> list[AlertRecord]:
    """Return notices, newest first, those that are over too."""
    return rows.newest_alerts(vault.catalogue, most)


def alert_document(alert: AlertRecord, *, heard: bool = True) -> dict[str, object]:
    """Return a notice as plain JSON values; docs/notifications.md tells them. `heard`: it had a channel."""
    return {
        "key": alert.key,
        "severity": alert.severity,
        "title": alert.title,
        "body": alert.body,
        "raised_at": format_instant(alert.raised_at),
        "told_at": format_instant(alert.told_at) if alert.told_at and heard else None,
        "cleared_at": format_instant(alert.cleared_at) if alert.cleared_at else None,
    }


def _raised(old: AlertRecord | None, alarm: Alert, now: datetime) -> AlertRecord | None:
    """Return the notice that an alarm makes of the one before it, None where nothing changes."""
    fresh = AlertRecord(alarm.key, alarm.severity.value, alarm.title, alarm.body, raised_at=now)
    if old is None:
        return fresh
    unchanged = (old.severity, old.title, old.body) == (fresh.severity, fresh.title, fresh.body)
    if happens_once(alarm.key):
        if unchanged or (old.told_at is not None and abs(now - old.told_at) < REMIND):
            return None
        return fresh
    if old.cleared_at is not None and not _end_untold(old):
        return fresh
    if unchanged and old.cleared_at is None:
        return None
    louder = alarm.severity.rank > Level(old.severity).rank
    return replace(fresh, raised_at=now if louder else old.raised_at, told_at=old.told_at)


def _is_due(alert: AlertRecord, now: datetime) -> bool:
    return alert.cleared_at is None or abs(now - alert.cleared_at) >= LASTING


def _is_reminder(alert: AlertRecord, now: datetime) -> bool:
    critical = alert.severity == Level.CRITICAL and not happens_once(alert.key)
    return critical and alert.told_at is not None and abs(now - alert.told_at) >= REMIND


def _end_untold(alert: AlertRecord) -> bool:
    return alert.cleared_at is not None and alert.told_at is not None and alert.told_at < alert.cleared_at


def _told(alert: AlertRecord, now: datetime) -> AlertRecord:
    # A clock that was set back must not make what was told look as if it had happened since.
    at = max(now, alert.raised_at, alert.cleared_at or alert.raised_at)
    return replace(alert, told_at=at, cleared_at=at if happens_once(alert.key) else alert.cleared_at)


def _same(one: AlertRecord, other: AlertRecord) -> bool:
    return (one.severity, one.raised_at, one.cleared_at) == (other.severity, other.raised_at, other.cleared_at)


def _put(vault: Vault, alert_records: list[AlertRecord]) -> None:
    if alert_records:
        with vault.catalogue.transaction():
            for alert in alert_records:
                rows.put_alert(vault.catalogue, alert)
