"""What alarms are worked out from ledger, plans, disk and clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.watched_vault import DAY, KEEPS, NOW, House, days, open_house, plan
from strongroom.engine.core.alert_store import open_alerts, reconcile
from strongroom.engine.monitor.alert_rules import alarms, remember_keeps
from strongroom.engine.monitor.stream_status import stream_statuses_of
from strongroom.model.alert import Alert, Level, clock_alarm, happens_once
from strongroom.model.archive import Holding, Seal
from strongroom.model.clock_check import ClockFault, ClockVerdict
from strongroom.model.coverage import Cover, Interval
from strongroom.model.second_look import Doubt, SecondLookOutcome
from strongroom.model.times import format_instant
from strongroom.vault.coverage import put_interval
from strongroom.vault.second_looks import note_doubt, note_outcome
from strongroom.vault.sources import SourceState, put_source
from strongroom.vault.streams import StreamState, put_stream
from strongroom.vault.vault import Vault


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def found(house: House, *plans: object, keeps: object = None, reserve: int = 0) -> dict[str, Alert]:
    wanted = list(plans) or [plan()]
    listed = alarms(house.vault, wanted, keeps or KEEPS, house.now, reserve=reserve)  # type: ignore[arg-type]
    by_key = {alarm.key: alarm for alarm in listed}
    assert len(by_key) == len(listed)
    return by_key


def test_nothing_is_wrong_when_everything_is_held(house: House) -> None:
    house.cover_all()
    assert found(house) == {}


def test_what_is_far_from_its_end_is_no_alarm(house: House) -> None:
    """Sixty days ago leaves thirty: the work may take its time."""
    assert found(house) == {}


@pytest.mark.parametrize(
    ("oldest", "severity"),
    [(70, None), (75.9, None), (76, Level.WARNING), (86.9, Level.WARNING), (87, Level.CRITICAL), (90, Level.CRITICAL)],
)
def test_at_risk_grows_louder_as_the_end_comes_nearer(house: House, oldest: float, severity: Level | None) -> None:
    house.now = NOW.replace(hour=0)
    alarm = found(house, plan(since=house.now - oldest * DAY)).get("at-risk chats")
    assert (alarm.severity if alarm else None) == severity


def test_at_risk_says_how_much_and_until_when_and_names_the_stream_in_its_body_alone(house: House) -> None:
    house.cover_all(first=77)
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("DELETE FROM coverage WHERE window_start < ?", (NOW - 75 * DAY).isoformat()[:10])
    alarm = found(house, plan(since=days(78, 77).start))["at-risk chats"]
    assert alarm.title == "3 days of one stream will be deleted by the provider, from 2026-12-02 on"
    assert alarm.body == (
        "stream chats: 3 days are not archived: 1 gap from 2026-09-03T00:00:00Z to 2026-09-06T00:00:00Z"
    )


def test_work_under_way_and_failed_work_hold_nothing(house: House) -> None:
    house.cover(days(80, 40), Cover.OPEN)
    house.cover(days(40, 0), Cover.MISSING)
    assert "at-risk chats" in found(house, plan(since=days(80, 79).start))


def test_a_paused_stream_is_at_risk_like_any_other(house: House) -> None:
    assert "at-risk chats" in found(house, plan(since=days(85, 84).start, paused=True))


def test_a_plan_without_a_beginning_begins_at_its_floor(house: House) -> None:
    assert found(house, plan(since=None))["at-risk chats"].severity is Level.CRITICAL
    with house.vault.catalogue.transaction():
        put_stream(house.vault.catalogue, StreamState("chats", floor=days(30, 29).start))
    assert found(house, plan(since=None)) == {}


@pytest.mark.parametrize("keeps", [7, 14, 30])
def test_a_short_retention_is_quiet_while_work_keeps_up(house: House, keeps: int) -> None:
    house.cover_all()
    within = {"zavu": timedelta(days=keeps)}
    assert found(house, keeps=within) == {}
    house.now += timedelta(days=keeps) * 2 / 3
    assert found(house, keeps=within)["at-risk chats"].severity is Level.WARNING
    house.now += timedelta(days=keeps) / 4
    assert found(house, keeps=within)["at-risk chats"].severity is Level.CRITICAL


def test_nobody_can_say_what_is_at_risk_where_retention_is_unknown(house: House) -> None:
    assert found(house, plan(since=days(800, 799).start), keeps={"zavu": None}) == {}


def test_adjacent_lost_windows_are_one_loss_and_others_are_others(house: House) -> None:
    house.cover_all()
    for first in (400, 399, 398, 300):
        house.cover(days(first, first - 1), Cover.LOST)
    lost = {key: alarm for key, alarm in found(house).items() if key.startswith("lost")}
    assert list(lost) == ["lost chats 2025-10-16T00:00:00Z", "lost chats 2026-01-24T00:00:00Z"]
    longer, shorter = lost.values()
    assert longer.title.startswith("3 days of one stream are lost")
    assert shorter.title.startswith("1 day of one stream is lost")
    assert longer.severity is Level.CRITICAL
    assert all(happens_once(key) for key in lost)


def test_failed_windows_wait_for_a_person(house: House) -> None:
    house.cover_all()
    house.cover(days(5, 4), Cover.MISSING, cause="content-refused")
    house.cover(days(3, 2), Cover.MISSING, cause="quota")
    alarm = found(house)["failed chats"]
    assert alarm.severity is Level.WARNING
    assert alarm.title == "2 windows of one stream failed: a person must act"
    assert (
        "content-refused (1): the delivered file was not valid; quota (1): the export quota was used up" in alarm.body
    )
    house.cover(days(5, 4))
    house.cover(days(3, 2))
    assert found(house) == {}


@pytest.mark.parametrize(
    ("why", "severity"), [("Zavu refused the API key (401: canary)", Level.CRITICAL), ("paused by eva", Level.WARNING)]
)
def test_a_paused_source(house: House, why: str, severity: Level) -> None:
    house.cover_all()
    with house.vault.catalogue.transaction():
        put_source(house.vault.catalogue, SourceState("zavu", paused=why))
    alarm = found(house)["source-paused zavu"]
    assert alarm.severity is severity
    assert "canary" not in alarm.title + alarm.body
    assert "eva" not in alarm.title + alarm.body


def test_quarantined_files_are_counted(house: House) -> None:
    house.cover_all()
    house.archive(days(2, 1), 5, holding=Holding.QUARANTINED)
    house.archive(days(3, 2), 5, holding=Holding.QUARANTINED)
    alarm = found(house)["quarantined chats"]
    assert alarm.title == "2 exports of one stream are in quarantine: they are not valid"


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (None, ["empty chats 2026-11-18T00:00:00Z"]),
        (SecondLookOutcome.CONFIRMED, []),
        (SecondLookOutcome.REFUTED, ["empty-refuted chats 2026-11-18T00:00:00Z"]),
        (SecondLookOutcome.UNCONFIRMED, ["empty-unconfirmed chats 2026-11-18T00:00:00Z"]),
    ],
)
def test_an_unusually_empty_window_has_one_alert(
    house: House, outcome: SecondLookOutcome | None, told: list[str]
) -> None:
    house.cover_all()
    for day in range(20, 2, -1):
        house.archive(days(day, day - 1), 500)
    empty = Interval("chats", days(2, 1), Cover.EMPTY, house.archive(days(2, 1), 0).id)
    with house.vault.catalogue.transaction():
        put_interval(house.vault.catalogue, empty)
        note_doubt(house.vault.catalogue, empty, Doubt.STREAM, house.now + DAY, house.now)
        if outcome is not None:
            note_outcome(house.vault.catalogue, empty, outcome, house.now)
    listed = found(house, plan())
    assert list(listed) == told
    assert all(alarm.severity is Level.WARNING and "chats" not in alarm.title for alarm in listed.values())
    assert [key for key in found(house, plan("other")) if key.startswith("empty")] == []  # it is planned no more
    house.now += 40 * DAY
    assert [key for key in found(house, plan()) if key.startswith("empty")] == (told if outcome is None else [])


def test_a_busy_stream_that_falls_silent_is_noticed_and_a_quiet_one_is_not(house: House) -> None:
    house.cover_all()
    for day in range(20, 3, -1):
        house.archive(days(day, day - 1), 500)
        house.archive(days(day, day - 1), 3, stream="quiet")
    house.archive(days(3, 2), 20)
    house.archive(days(2, 1), 0)
    house.archive(days(2, 1), 0, stream="quiet")
    house.cover_all("quiet")
    listed = found(house, plan(), plan("quiet"))
    assert {key: alarm.severity for key, alarm in listed.items()} == {
        "volume chats 2026-11-17T00:00:00Z": Level.INFO,
        "volume chats 2026-11-18T00:00:00Z": Level.WARNING,
    }


def test_a_first_shorter_window_is_not_compared_and_a_newer_archive_of_a_window_counts(house: House) -> None:
    house.cover_all()
    for day in range(20, 3, -1):
        house.archive(days(day, day - 1), 500)
    house.archive(days(3, 2.9), 0)
    house.archive(days(2, 1), 0)
    assert list(found(house)) == ["volume chats 2026-11-18T00:00:00Z"]
    house.archive(days(2, 1), 480)
    assert found(house) == {}


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(Vault, "free_bytes", lambda _self: size)


def test_the_disk_below_its_reserve(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.cover_all()
    free(monkeypatch, 1_900_000_000)
    alarm = found(house, reserve=2_000_000_000)["disk"]
    assert (alarm.severity, alarm.body) == (Level.CRITICAL, "1.9 GB are free, the reserve is 2.0 GB")
    assert found(house, reserve=1_900_000_000) == {}


def test_the_disk_is_foreseen_from_the_pace_of_the_records(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.cover_all()
    seal = Seal(10**9, 10**9, "ab" * 32, "cd" * 32, "export.zip")
    for day in range(10, 0, -1):
        house.archive(days(day, day - 1), 5, seal=seal)
    free(monkeypatch, 12 * 10**9)
    alarm = found(house, reserve=2 * 10**9)["disk"]
    assert (alarm.severity, alarm.title) == (Level.WARNING, "the disk will be full in about 10 days")
    free(monkeypatch, 17 * 10**9)
    assert found(house, reserve=2 * 10**9) == {}


def test_what_is_still_to_be_taken_counts_before_the_forecast(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = Seal(10**9, 10**9, "ab" * 32, "cd" * 32, "export.zip")
    for day in range(10, 0, -1):
        house.cover(days(day, day - 1))
        house.archive(days(day, day - 1), 5, seal=seal)
    free(monkeypatch, 60 * 10**9)
    assert found(house)["disk"].title.startswith("the disk will be full in about 10 days")
    free(monkeypatch, 20 * 10**9)
    assert "less than a minute" in found(house)["disk"].title


def test_a_retention_that_shrinks_is_the_highest_alarm(house: House) -> None:
    house.cover_all()
    remember_keeps(house.vault, KEEPS, NOW)
    assert found(house) == {}
    shorter = {"zavu": timedelta(days=30)}
    alarm = found(house, keeps=shorter)["retention zavu"]
    assert alarm.severity is Level.CRITICAL
    assert alarm.title == "a provider keeps its records for 30 days only; it was 90 days"
    assert "source zavu, seen on 2026-11-20" in alarm.body
    remember_keeps(house.vault, shorter, NOW)
    assert found(house, keeps=shorter) == {}
    assert found(house, keeps={"zavu": None}) == {}  # unknown is not shorter
    remember_keeps(house.vault, {"zavu": None}, NOW)
    assert "retention zavu" in found(house, keeps={"zavu": timedelta(days=29)})
    assert found(house, keeps={"zavu": timedelta(days=60)}) == {}
    assert b"source.retention-changed" in house.vault.layout.log.read_bytes()


def test_a_log_that_was_changed_or_taken_away(house: House) -> None:
    house.cover_all()
    log, whole = house.vault.layout.log, house.vault.layout.log.read_bytes()
    log.write_bytes(whole.replace(b"vault.created", b"vault.crEated"))
    assert found(house)["log"].severity is Level.CRITICAL
    log.unlink()
    assert found(house) == {}  # what has happened is no alarm of this look, and must not end with the next one
    (told,) = open_alerts(house.vault)
    assert (told.key, told.severity) == (f"log remade {format_instant(house.now)}", "critical")
    assert log.read_bytes().startswith(whole)
    reconcile(house.vault, [], house.now + timedelta(days=1))
    assert open_alerts(house.vault) == [told]


def test_the_clock(house: House) -> None:
    assert clock_alarm(ClockVerdict()) is None
    alarm = clock_alarm(ClockVerdict(ClockFault.BACK, "our clock was set back by 3 hours"))
    assert alarm is not None
    assert (alarm.key, alarm.severity, alarm.body) == ("clock", Level.CRITICAL, "our clock was set back by 3 hours")


def test_no_title_names_anything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule that lets titles leave the machine."""
    free(monkeypatch, 1)
    remember_keeps(house.vault, {"zavu": timedelta(days=400)}, NOW)
    for day in range(20, 3, -1):
        house.archive(days(day, day - 1), 500)
    house.archive(days(3, 2), 0)
    house.archive(days(2, 1), 1, holding=Holding.QUARANTINED)
    house.cover(days(200, 199), Cover.LOST)
    house.cover(days(9, 8), Cover.MISSING)
    with house.vault.catalogue.transaction():
        put_source(house.vault.catalogue, SourceState("zavu", paused="because"))
    log = house.vault.layout.log
    log.write_bytes(log.read_bytes().replace(b"vault.created", b"vault.crEated"))
    listed = found(house, plan(since=days(88, 87).start), reserve=5)
    assert {key.partition(" ")[0] for key in listed} == {
        *("at-risk", "lost", "failed", "source-paused", "quarantined", "volume", "disk", "retention", "log")
    }
    for alarm in listed.values():
        assert "chats" not in alarm.title
        assert "zavu" not in alarm.title.lower()
        assert "records" not in alarm.key


def test_the_loudest_come_first(house: House) -> None:
    house.cover(days(5, 4), Cover.MISSING)
    house.cover(days(200, 199), Cover.LOST)
    ranks = [alarm.severity.rank for alarm in found(house).values()]
    assert ranks == sorted(ranks, reverse=True)
    assert len(ranks) == 2


def test_a_look_reads_only_what_the_provider_still_has(house: House) -> None:
    house.cover_all()
    house.cover(replace(days(400, 200)), Cover.PROVEN)
    (stream_status,) = stream_statuses_of(house.vault, [plan(since=days(400, 399).start)], KEEPS, house.now)
    assert stream_status.held_until == NOW
    assert stream_status.risk is not None
    assert stream_status.risk.first_loss == NOW
