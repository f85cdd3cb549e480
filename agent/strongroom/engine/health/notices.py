"""Alarms become notices: each is told once, again when it grows louder, once a day while critical, and when it is over.

The table alone decides what is to be told, so that a restart forgets nothing and repeats nothing. An alarm that comes
and goes within a few minutes is not told as over and raised anew: its end is told only when it has lasted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from strongroom.model.alarm import Alarm, Level, happens_once
from strongroom.model.instants import format_instant
from strongroom.vault import notices as rows
from strongroom.vault.notices import Notice as Notice  # the daemon, the screen and the command line name it from here
from strongroom.vault.vault import Vault

REMIND = timedelta(days=1)
LASTING = timedelta(minutes=10)  # an alarm must be over for so long before that is told


def reconcile(vault: Vault, found: Iterable[Alarm], now: datetime, *, whole: bool = True) -> None:
    """Bring the notices level with the alarms of this look.

    Not `whole` means that the look could see only these: what it did not see stays as it is.
    """
    catalogue, seen = vault.catalogue, {alarm.key: alarm for alarm in found}
    changes = [_raised(rows.get_notice(catalogue, alarm.key), alarm, now) for alarm in seen.values()]
    if whole:
        gone = [each for each in rows.standing_notices(catalogue) if each.key not in seen]
        changes += [replace(each, cleared_at=now) for each in gone if not happens_once(each.key)]
    _put(vault, [notice for notice in changes if notice is not None])


def due_notices(vault: Vault, now: datetime) -> list[Notice]:
    """Return what must be told now, the loudest first: raised, louder, over, or critical for another day."""
    untold = {notice.key: notice for notice in rows.untold_notices(vault.catalogue) if _is_due(notice, now)}
    again = {each.key: each for each in rows.standing_notices(vault.catalogue) if _is_reminder(each, now)}
    return sorted((untold | again).values(), key=lambda notice: (-Level(notice.severity).rank, notice.raised_at))


def mark_told(vault: Vault, told: Iterable[Notice], now: datetime) -> None:
    """Write down that these were told, as they were: one that changed meanwhile is told again."""
    current = [(notice, rows.get_notice(vault.catalogue, notice.key)) for notice in told]
    _put(vault, [_told(now_is, now) for was, now_is in current if now_is is not None and _same(was, now_is)])


def standing_notices(vault: Vault) -> list[Notice]:
    """Return the alarms that stand now, oldest first."""
    return rows.standing_notices(vault.catalogue)


def newest_notices(vault: Vault, most: int = 50) -> list[Notice]:
    """Return notices, newest first, those that are over too."""
    return rows.newest_notices(vault.catalogue, most)


def notice_document(notice: Notice, *, heard: bool = True) -> dict[str, object]:
    """Return a notice as plain JSON values; docs/notifications.md tells them. `heard`: it had a channel."""
    return {
        "key": notice.key,
        "severity": notice.severity,
        "title": notice.title,
        "body": notice.body,
        "raised_at": format_instant(notice.raised_at),
        "told_at": format_instant(notice.told_at) if notice.told_at and heard else None,
        "cleared_at": format_instant(notice.cleared_at) if notice.cleared_at else None,
    }


def _raised(old: Notice | None, alarm: Alarm, now: datetime) -> Notice | None:
    """Return the notice that an alarm makes of the one before it, None where nothing changes."""
    fresh = Notice(alarm.key, alarm.severity.value, alarm.title, alarm.body, raised_at=now)
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


def _is_due(notice: Notice, now: datetime) -> bool:
    return notice.cleared_at is None or abs(now - notice.cleared_at) >= LASTING


def _is_reminder(notice: Notice, now: datetime) -> bool:
    critical = notice.severity == Level.CRITICAL and not happens_once(notice.key)
    return critical and notice.told_at is not None and abs(now - notice.told_at) >= REMIND


def _end_untold(notice: Notice) -> bool:
    return notice.cleared_at is not None and notice.told_at is not None and notice.told_at < notice.cleared_at


def _told(notice: Notice, now: datetime) -> Notice:
    # A clock that was set back must not make what was told look as if it had happened since.
    at = max(now, notice.raised_at, notice.cleared_at or notice.raised_at)
    return replace(notice, told_at=at, cleared_at=at if happens_once(notice.key) else notice.cleared_at)


def _same(one: Notice, other: Notice) -> bool:
    return (one.severity, one.raised_at, one.cleared_at) == (other.severity, other.raised_at, other.cleared_at)


def _put(vault: Vault, notices: list[Notice]) -> None:
    if notices:
        with vault.catalogue.transaction():
            for notice in notices:
                rows.put_notice(vault.catalogue, notice)
