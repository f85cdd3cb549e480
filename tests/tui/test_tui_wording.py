"""Words of the screen that were false: each against the state that it stands for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from kit.tui_bench import NOW, window
from strongroom.engine.queries.change_preview import Schedule
from strongroom.model.backlog_forecast import StreamOutlook
from strongroom.model.job import Cause
from strongroom.model.plan import Plan, Stream
from strongroom.model.retention import Fate, Verdict
from strongroom.model.waiting import cause_words
from strongroom.text.states import plan_mark
from strongroom_tui.screens.detail_text import retention_facts
from strongroom_tui.screens.health import health_text, unarchived_words

NOTHING = StreamOutlook("s", 0, None, NOW, None, 0)
SCHEDULE = Schedule(Plan(Stream("s", "zavu", ("messages",)), NOW), "", window(1), NOW, None, NOTHING)


@pytest.mark.parametrize(
    ("schedule", "word", "outstanding"),
    [
        (SCHEDULE, "✓ waiting", 0),
        (replace(SCHEDULE, running=21), "▒ running", 21),
        (replace(SCHEDULE, failed=2), "✗ failed", 2),
        (replace(SCHEDULE, outlook=replace(NOTHING, exports=3), running=4), "○ pending", 7),
        (replace(SCHEDULE, outlook=replace(NOTHING, exports=3, late=1), failed=1), "▲ late", 4),
        (replace(SCHEDULE, paused="by ana", failed=1), "‖ paused", 1),
    ],
)
def test_a_plan_waits_only_where_nothing_is_outstanding(schedule: Schedule, word: str, outstanding: int) -> None:
    mark = plan_mark(schedule)
    assert f"{mark.symbol} {mark.word}" == word
    assert schedule.outstanding == outstanding


@pytest.mark.parametrize("covers", [{"lost": 2}, {"missing": 1}, {"lost": 1, "missing": 3}])
def test_no_green_word_stands_beside_what_is_lost_or_failed(covers: dict[str, int]) -> None:
    told = health_text((), None, (), NOW, unarchived_words({"s": covers, "t": {"proven": 5}}), offline=True).plain
    assert "✓ no alert" not in told
    assert "no alert is active, but:" in told
    for cover, words in (("lost", "lost: the provider deleted"), ("missing", "failed: a person must act")):
        assert (words in told) is (cover in covers)


def test_where_nothing_is_lost_no_alert_is_said_to_be_active() -> None:
    assert (
        "✓ no alert is active"
        in health_text((), None, (), NOW, unarchived_words({"s": {"proven": 1}}), offline=True).plain
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("the disk has 5 bytes free, 9 are needed for the reserve", "full disk"),
        ("the disk is full while writing payload.age", "full disk"),
        ("the disk reports an error at payload.age", "disk"),
    ],
)
def test_a_full_disk_is_called_one(words: str, shown: str) -> None:
    assert cause_words(Cause.DISK, words) == shown
    assert cause_words(Cause.QUOTA, words) == "quota"


def test_a_hold_has_no_end_date_and_the_period_has_its_own() -> None:
    verdict = Verdict("a", Fate.HELD, datetime(2033, 11, 2, tzinfo=UTC), None, ("h",), "held for the matter Doe")
    facts = dict(retention_facts(verdict, (), (), 0))
    assert "2033" not in facts["verdict"]
    assert "no end date" in facts["hold ends"]
    assert facts["period"] == "ends 2033-11-02"
    kept = dict(
        retention_facts(replace(verdict, fate=Fate.KEEP, reason="retained until 2033-11-02, standard"), (), (), 0)
    )
    assert "until 2033-11-02" in kept["verdict"]
    assert "hold ends" not in kept
