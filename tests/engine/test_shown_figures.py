"""Figures that a person is shown: how far a transfer is, what is lost, how a source stands, and which period ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.watched_vault import DAY, NOW, House, days, open_house, plan
from strongroom.engine.access.inventory import each_archive
from strongroom.engine.access.records import reach_of
from strongroom.engine.core.heartbeat import Heartbeat
from strongroom.engine.ingest.transfer import Meter
from strongroom.engine.monitor.stream_status import condition_of, losses_since
from strongroom.engine.monitor.system_status import _source
from strongroom.engine.queries.coverage_report import StreamCoverage
from strongroom.engine.queries.lists import known_matter, running
from strongroom.engine.retention.verdicts import Judged, judge_anew, summarise, verdict
from strongroom.model.alert import AlertKind
from strongroom.model.errors import UsageError
from strongroom.model.inspection import Inspection
from strongroom.model.retention import AtEnd, Fate, Period, RetentionRecord, RetentionRule, Verdict
from strongroom.model.window import Window
from strongroom.vault.alerts import AlertRecord, put_alert
from strongroom.vault.sources import SourceState, put_source

SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
RULE = RetentionRule("standard", Period.parse("7y"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.mark.parametrize("skew", [None, 0.0, 2.5, -90.0])
def test_a_source_s_clock_is_shown_as_it_was_heard(house: House, skew: float | None) -> None:
    with house.vault.catalogue.transaction():
        put_source(house.vault.catalogue, SourceState("zavu", clock_skew=skew))
    shown = _source(house.vault, "zavu", None, NOW).skew
    assert shown == (None if skew is None else timedelta(seconds=skew))


@pytest.mark.parametrize(("after", "stands"), [(timedelta(0), True), (SECOND, False), (-SECOND, True)])
def test_an_alarm_that_was_told_to_nobody_since_the_run_began_is_shown(
    house: House, after: timedelta, stands: bool
) -> None:
    """Where there is no channel an alarm counts as told at once, at the earliest in the moment that the run began."""
    lost = AlertRecord(f"{AlertKind.LOST} chats", "critical", "1 day is lost", "", NOW, told_at=NOW, cleared_at=NOW)
    other = replace(lost, key=f"{AlertKind.SCRUB} vault")
    with house.vault.catalogue.transaction():
        for each in (lost, other):
            put_alert(house.vault.catalogue, each)
    found = losses_since(house.vault, [plan()], {}, NOW + after)
    assert [each.key for each in found.standing] == ([lost.key] if stands else [])
    assert losses_since(house.vault, [plan()], {}).standing == ()


def test_how_far_a_transfer_is_can_be_seen_twice_a_second(house: House) -> None:
    meter = Meter(house.vault.catalogue, house.engine().clock, "job", "download", 1000)
    seen = []
    for milliseconds in (0, 499, 500, 900, 1000):
        house.now = NOW + timedelta(milliseconds=milliseconds)
        meter.add(100)
        seen += [(each.job, each.stage, each.done, each.total) for each in running(house.vault)]
    assert seen == [("job", "download", done, 1000) for done in (100, 100, 300, 300, 500)]


def judged(fate: Fate, days_on: int) -> Judged:
    record = RetentionRecord("A", "chats", "zavu", ("messages",), days(2, 1), "standard", RULE, NOW + days_on * DAY)
    return Judged(record, Verdict("A", fate, NOW + days_on * DAY, RULE, (), ""))


@pytest.mark.parametrize("order", [(30, 10, 20), (10, 20, 30), (30, 20, 10)])
def test_the_next_period_that_ends_is_the_earliest_of_those_that_run(order: tuple[int, ...]) -> None:
    found = [judged(Fate.DUE, -5), *(judged(Fate.KEEP, each) for each in order), judged(Fate.HELD, 1)]
    sums = summarise(found, NOW).classes["standard"]
    assert sums.next_over == NOW + 10 * DAY
    assert sums.fates == {Fate.DUE: 1, Fate.KEEP: 3, Fate.HELD: 1}


def test_only_an_archive_that_the_catalogue_knows_can_be_due(house: House) -> None:
    known = house.archive(days(2, 1), 3, rule=RULE)
    assert verdict(house.vault, known, NOW) == verdict(house.vault, known.id, NOW)
    assert verdict(house.vault, known, NOW).fate is Fate.KEEP
    stranger = replace(known, id="0" * 26)
    for each in (stranger, stranger.id):
        assert verdict(house.vault, each, NOW).fate is Fate.UNKNOWN


def test_a_plan_without_a_start_is_told_while_nobody_knows_how_far_back_the_provider_goes(house: House) -> None:
    plans = [plan("chats", None), plan("calls")]
    assert condition_of(house.engine(keeps=None), plans).unknown == ("chats",)
    assert condition_of(house.engine(), plans).unknown == ()


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (89, True), (90, False), (3600, False)])
def test_a_daemon_is_believed_in_for_a_minute_and_a_half_after_its_last_heartbeat(seconds: int, fresh: bool) -> None:
    assert Heartbeat(NOW, 1, "archiving").fresh(NOW + seconds * SECOND) is fresh


@pytest.mark.parametrize(
    ("rule", "words", "citation", "at_end"),
    [
        (None, "no rule of class standard is known", "", AtEnd.ASK),
        (replace(RULE, citation="GDPR 5(1)(e)", at_end=AtEnd.DESTROY), RULE.words, "GDPR 5(1)(e)", AtEnd.DESTROY),
    ],
)
def test_what_is_proposed_for_destruction_names_the_rule_that_decides(
    house: House, rule: RetentionRule | None, words: str, citation: str, at_end: AtEnd
) -> None:
    found = judge_anew(house.vault, house.archive(days(2, 1), 3, rule=rule), NOW)
    assert (found.rule[: len(words)], found.citation, found.at_end, found.locked) == (words, citation, at_end, False)


def test_every_archive_of_the_catalogue_is_there_to_be_verified(house: House) -> None:
    made = [house.archive(days(day, day - 1), day) for day in (4, 3, 2)]
    assert list(each_archive(house.vault)) == made


@pytest.mark.parametrize(("keeps", "snapshot", "known"), [(None, False, False), (DAY, False, True), (None, True, True)])
def test_what_is_at_risk_is_known_where_it_is_known_how_long_the_provider_keeps_records(
    keeps: timedelta | None, snapshot: bool, known: bool
) -> None:
    found = StreamCoverage("chats", "zavu", None, keeps, "", (), (), (), None, snapshot)
    assert found.known is known


@pytest.mark.parametrize(
    ("latest", "end"),
    [
        (days(2, 1).end, days(2, 1).end + MICROSECOND),  # the record at this very instant is within
        (days(2, 1).end + DAY, days(2, 1).end + DAY + MICROSECOND),
        (days(2, 1).start, days(2, 1).end),
        (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_an_archive_reaches_as_far_as_its_latest_record(house: House, latest: datetime, end: datetime) -> None:
    archive = house.archive(days(2, 1), 3)
    (member,) = archive.inspection.members
    archive = replace(archive, inspection=Inspection((replace(member, latest=latest),), ()))
    assert reach_of(archive) == Window(days(2, 1).start, end)


def test_a_matter_is_known_by_a_hold_that_had_it_and_none_is_wanted_where_none_is_named(house: House) -> None:
    assert known_matter(house.vault, "") == ""
    with pytest.raises(UsageError, match="matter"):
        known_matter(house.vault, "Smith v. Jones")
