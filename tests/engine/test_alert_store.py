"""How alarms become notices: once, louder, again, over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.watched_vault import DAY, House, open_house
from strongroom.engine.core.alert_store import due_alerts, mark_sent, newest_alerts, open_alerts, reconcile
from strongroom.model.alert import Alert, Level

MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def alarm(key: str = "at-risk chats", severity: Level = Level.WARNING, title: str = "3 days") -> Alert:
    return Alert(key, severity, title, "stream chats")


def look(house: House, *found: Alert, whole: bool = True) -> list[str]:
    """Look, tell what is due, and return what was told."""
    reconcile(house.vault, found, house.now, whole=whole)
    due = due_alerts(house.vault, house.now)
    mark_sent(house.vault, due, house.now)
    return [("over " if alert.cleared_at else "") + alert.key for alert in due]


def test_an_alarm_is_told_once(house: House) -> None:
    assert look(house, alarm()) == ["at-risk chats"]
    for minute in range(3000):
        house.now += timedelta(minutes=minute % 3)
        assert look(house, alarm()) == []


def test_words_that_change_are_kept_and_not_told(house: House) -> None:
    look(house, alarm())
    assert look(house, alarm(title="2 days")) == []
    assert open_alerts(house.vault)[0].title == "2 days"


def test_a_louder_alarm_is_told_again_and_a_softer_one_is_not(house: House) -> None:
    look(house, alarm())
    assert look(house, alarm(severity=Level.CRITICAL)) == []  # at the same instant nothing can be later
    house.now += MINUTE
    look(house, alarm(severity=Level.WARNING))
    house.now += MINUTE
    assert look(house, alarm(severity=Level.CRITICAL)) == ["at-risk chats"]
    house.now += MINUTE
    assert look(house, alarm(severity=Level.WARNING)) == []
    assert open_alerts(house.vault)[0].severity == "warning"


def test_what_is_critical_is_told_daily_and_what_is_not_is_not(house: House) -> None:
    both = (alarm(), alarm("disk", Level.CRITICAL))
    look(house, *both)
    told = []
    for _ in range(72):
        house.now += timedelta(hours=1)
        told += look(house, *both)
    assert told == ["disk"] * 3


def test_the_end_is_told_when_it_has_lasted(house: House) -> None:
    look(house, alarm())
    house.now += MINUTE
    assert look(house) == []
    assert open_alerts(house.vault) == []
    house.now += 10 * MINUTE
    assert look(house) == ["over at-risk chats"]
    house.now += 10 * MINUTE
    assert look(house) == []


def test_what_comes_and_goes_is_told_once(house: House) -> None:
    told = []
    for minute in range(60):
        house.now += MINUTE
        told += look(house, *([alarm()] if minute % 5 else []))
    assert told == ["at-risk chats"]


def test_what_was_over_and_told_so_is_raised_anew(house: House) -> None:
    look(house, alarm())
    house.now += MINUTE
    look(house)
    house.now += DAY
    assert look(house) == ["over at-risk chats"]
    house.now += MINUTE
    assert look(house, alarm()) == ["at-risk chats"]


def test_what_nobody_heard_of_needs_no_end(house: House) -> None:
    reconcile(house.vault, [alarm()], house.now)
    house.now += MINUTE
    assert look(house) == []
    house.now += DAY
    assert look(house) == []
    assert look(house, alarm()) == ["at-risk chats"]


def test_what_was_not_told_stays_due(house: House) -> None:
    reconcile(house.vault, [alarm()], house.now)
    for _ in range(3):
        house.now += DAY
        reconcile(house.vault, [alarm()], house.now)
        assert [alert.key for alert in due_alerts(house.vault, house.now)] == ["at-risk chats"]


def test_what_happens_once_is_told_once_and_never_over(house: House) -> None:
    loss = alarm("lost chats 2026-01-01", Level.CRITICAL)
    assert look(house, loss) == ["lost chats 2026-01-01"]
    for _ in range(10):
        house.now += DAY
        assert look(house, loss) == []
    assert look(house) == []
    assert open_alerts(house.vault) == []
    assert [alert.key for alert in newest_alerts(house.vault)] == ["lost chats 2026-01-01"]


def test_what_happens_once_waits_until_it_is_told_even_when_it_is_no_longer_seen(house: House) -> None:
    reconcile(house.vault, [alarm("retention zavu", Level.CRITICAL)], house.now)
    house.now += DAY
    assert look(house) == ["retention zavu"]


def test_a_loss_that_grows_is_told_at_most_daily(house: House) -> None:
    told = []
    for hour in range(72):
        told += look(house, alarm("lost chats 2026-01-01", Level.CRITICAL, f"{hour} hours"))
        house.now += timedelta(hours=1)
    assert len(told) == 3


def test_a_look_that_saw_only_a_part_clears_nothing(house: House) -> None:
    look(house, alarm())
    house.now += DAY
    assert look(house, alarm("clock", Level.CRITICAL), whole=False) == ["clock"]
    assert {alert.key for alert in open_alerts(house.vault)} == {"at-risk chats", "clock"}


def test_a_clock_that_is_set_back_repeats_nothing(house: House) -> None:
    look(house, alarm(), alarm("disk", Level.CRITICAL))
    house.now -= timedelta(hours=20)
    for _ in range(10):
        house.now += MINUTE
        assert look(house, alarm(), alarm("disk", Level.CRITICAL)) == []


def test_what_is_told_after_the_clock_was_set_back_is_told_once(house: House) -> None:
    reconcile(house.vault, [alarm()], house.now)
    house.now -= timedelta(hours=5)
    assert look(house, alarm()) == ["at-risk chats"]
    assert look(house, alarm()) == []


def test_a_notice_that_changed_while_it_was_told_is_told_again(house: House) -> None:
    reconcile(house.vault, [alarm()], house.now)
    told = due_alerts(house.vault, house.now)
    house.now += MINUTE
    reconcile(house.vault, [alarm(severity=Level.CRITICAL)], house.now)
    mark_sent(house.vault, told, house.now)
    assert [alert.severity for alert in due_alerts(house.vault, house.now)] == ["critical"]


def test_a_look_without_news_writes_nothing(house: House) -> None:
    look(house, alarm())
    other = type(house.vault)(house.vault.layout)
    before = other.catalogue.change_count()
    look(house, alarm())
    assert other.catalogue.change_count() == before
    other.close()
