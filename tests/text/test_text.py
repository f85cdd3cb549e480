"""The shared words: layout in cells, one mark for each state, and sentences that both faces say alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from strongroom.engine.core.check import CheckResult
from strongroom.engine.monitor.system_status import AlertDelivery, Quota
from strongroom.model.alert import Level
from strongroom.model.backlog_forecast import DiskForecast
from strongroom.model.coverage import Cover
from strongroom.model.coverage_strip import Heat
from strongroom.model.destruction import Stage
from strongroom.model.hold import HoldRule
from strongroom.model.inspection import Severity
from strongroom.model.job import State
from strongroom.model.retention import Fate
from strongroom.text import states
from strongroom.text.layout import bar, cells, clip, first_that_fits
from strongroom.text.sentences import delivery_words, disk_words, drill_words, hold_scope, quota_words, request_wait
from strongroom.text.units import brief, size, span, time_left

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "members"),
    [
        (states.JOBS, State),
        (states.WINDOWS, Heat),
        (states.FATES, Fate),
        (states.STAGES, Stage),
        (states.SEVERITIES, Severity),
        (states.CHECKS, CheckResult),
        (states.LEVELS, Level),
    ],
)
def test_every_state_has_a_symbol_of_one_cell_and_a_word(table: dict[str, states.Mark], members: type) -> None:
    assert list(table) == list(members) or set(table) == set(members)
    assert all(cells(mark.symbol) == 1 and mark.word for mark in table.values())


def test_stored_codes_of_coverage_read_as_the_words_of_the_screen() -> None:
    assert {code: mark.word for code, mark in states.COVERS.items()} == {
        **{cover.value: cover.words for cover in Cover},
        "due": "pending",
    }


def test_an_alert_of_an_unknown_severity_is_a_note_and_a_past_one_is_over() -> None:
    assert states.alert_mark("loud", active=True).word == "note"
    assert states.alert_mark("critical", active=False).word == "over"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("a b", 2, "a…"),
        ("x", 0, ""),
    ],
)
def test_text_is_cut_to_its_cells(text: str, width: int, shown: str) -> None:
    assert clip(text, width) == shown


def test_wide_characters_take_two_cells() -> None:
    assert cells("日本") == 4
    assert clip("日本語", 5) == "日本…"
    assert first_that_fits(["日本語", "日本"], 4) == "日本"


def test_a_bar_is_full_only_at_the_end() -> None:
    assert (bar(0.999, 4), bar(1.0, 4), bar(-1.0, 2)) == ("███░", "████", "░░")


@pytest.mark.parametrize(
    ("seconds", "words", "short"),
    [
        (45, "45 s", "45s"),
        (720, "12 min", "12m"),
        (12_000, "3 h 20 min", "3h"),
        (432_000, "5 d", "5d"),
        (10**8, "3 years", "3y"),
    ],
)
def test_durations(seconds: int, words: str, short: str) -> None:
    assert (span(timedelta(seconds=seconds)), brief(timedelta(seconds=seconds))) == (words, short)


def test_the_time_left() -> None:
    assert time_left(100, None) == "time left unknown"
    assert time_left(100, 10) == "10 s left"
    assert time_left(10**12, 1) == "more than a year left"


@pytest.mark.parametrize(("count", "words"), [(999_949, "999.9 KB"), (999_950, "1.0 MB"), (10**15, "1.0 PB")])
def test_sizes_round_into_the_next_unit(count: int, words: str) -> None:
    assert size(count) == words


def test_what_a_hold_covers() -> None:
    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    assert hold_scope(HoldRule()) == "the whole vault"
    assert (
        hold_scope(HoldRule("zavu", start=midnight, end=NOON))
        == "source zavu, from 2026-11-01, before 2026-11-01 12:00:00Z"
    )
    assert hold_scope(HoldRule(archives=("a" * 26, "b" * 26))) == "2 archives"


def test_what_a_request_waits_for() -> None:
    assert request_wait("", "") == "no daemon is running, so it waits for the daemon or the next run"
    assert "clock" in request_wait("daemon", "standing by: x")
    assert request_wait("daemon", "") == ""
    assert "does not answer" in request_wait("daemon", "", timedelta(minutes=3))


def test_machine_and_sources() -> None:
    assert quota_words(Quota("a", 3, 10, 1, 3)) == "3 of 10 exports created in the last hour, 1 of 3 in progress"
    assert quota_words(Quota("a", 1, None, 0, None)) == "1 export created in the last hour, 0 in progress"
    assert disk_words(DiskForecast(2_000_000, 1_000_000, 0, None)) == "2.0 MB free, the reserve is 1.0 MB"
    assert delivery_words(AlertDelivery((), 0, None, 0), "").startswith("no channel is configured")
    assert (
        delivery_words(AlertDelivery(("a command",), 2, NOON, 1), "today")
        == "to a command; 2 sent, the last today; 1 waiting"
    )


def test_when_the_last_drill_was() -> None:
    assert drill_words(None, NOON) == "never: strongroom key drill"
    assert drill_words(NOON - timedelta(days=1), NOON) == "2026-10-31, 1 day ago"
