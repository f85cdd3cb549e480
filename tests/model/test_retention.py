from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from strongroom.model.clock_check import ClockFault, check_trust
from strongroom.model.hold import Hold, HoldRule, catches, matters
from strongroom.model.retention import (
    AtEnd,
    Basis,
    Fate,
    Period,
    PeriodUnit,
    RetentionRecord,
    RetentionRule,
    end_of,
    is_shorter,
    judge,
    longest,
)
from strongroom.model.window import Window

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(START, START + DAY)
RULE = RetentionRule("standard", Period.parse("7y"), citation="company policy")
RECORD = RetentionRecord(
    "x", "chat", "zavu", ("messages",), WINDOW, "standard", RULE, end_of(RULE, WINDOW, START), START, START + DAY
)
HOLD = Hold("h", "Smith v. Acme", HoldRule(), START, "alice", "a letter")
PERIODS = st.builds(Period, st.integers(1, 800), st.sampled_from(PeriodUnit))


def rule(text: str, basis: Basis = Basis.WINDOW_END, **more: AtEnd) -> RetentionRule:
    return RetentionRule(text, Period.parse(text), basis, **more)


@pytest.mark.parametrize(
    ("narrowed", "caught"),
    [
        ({}, True),
        ({"source": "zavu"}, True),
        ({"source": "qlara"}, False),
        ({"stream": "chat", "dataset": "messages"}, True),
        ({"dataset": "calls"}, False),
        ({"source": "ZAVU", "stream": "Chat", "dataset": "MESSAGES"}, True),  # names are compared without case
        ({"archives": ("x", "y")}, True),
        ({"archives": ("y",)}, False),
        ({"start": START + DAY}, True),  # a record at the window's very end may lie in it
        ({"start": START + DAY + timedelta(seconds=1)}, False),
        ({"end": START}, False),
        ({"end": START + timedelta(seconds=1)}, True),
        ({"stream": "chat", "end": START}, False),
    ],
)
def test_a_hold_catches_what_fits_everything_it_names(narrowed: dict[str, object], caught: bool) -> None:
    hold = replace(HOLD, rule=HoldRule(**narrowed))  # type: ignore[arg-type] - a table of keywords
    assert catches(hold, RECORD) is caught
    assert not catches(replace(hold, released_at=START), RECORD)


def test_records_without_a_time_are_in_every_range() -> None:
    hold = replace(HOLD, rule=HoldRule(start=START + 900 * DAY))
    assert not catches(hold, RECORD)
    assert catches(hold, replace(RECORD, earliest=None, latest=None))


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="must end after"):
        HoldRule(start=START, end=START)


def test_holds_of_one_matter_stand_together() -> None:
    released = replace(HOLD, id="i", released_at=START)
    found = matters([HOLD, replace(HOLD, id="j", matter="other", released_at=START), released])
    assert [(each.name, len(each.holds), each.open) for each in found] == [
        ("Smith v. Acme", 2, True),
        ("other", 1, False),
    ]


@pytest.mark.parametrize(
    ("record", "holds", "after", "fate"),
    [
        (RECORD, [], -timedelta(seconds=1), Fate.KEEP),
        (RECORD, [], timedelta(0), Fate.DUE),
        (RECORD, [HOLD], 9000 * DAY, Fate.HELD),
        (RECORD, [replace(HOLD, released_at=START)], timedelta(0), Fate.DUE),
        (replace(RECORD, rule=None, until=None), [], 90_000 * DAY, Fate.UNKNOWN),
        (replace(RECORD, rule=None, until=None), [HOLD], timedelta(0), Fate.HELD),
        (replace(RECORD, destroyed=True), [HOLD], timedelta(0), Fate.DESTROYED),
    ],
)
def test_a_verdict_is_the_most_careful_that_applies(
    record: RetentionRecord, holds: list[Hold], after: timedelta, fate: Fate
) -> None:
    end = end_of(RULE, WINDOW, START)
    verdict = judge(record, holds, end + after)
    assert verdict.fate is fate
    assert verdict.holds == (("h",) if fate is Fate.HELD else ())
    assert verdict.reason


def test_the_reason_names_what_decides() -> None:
    kept = judge(RECORD, [], START).reason
    assert kept == "retained until 2033-03-02, standard: 7y from its window's end"
    assert judge(RECORD, [HOLD], START).reason == "a legal hold of the matter Smith v. Acme"


def test_of_several_rules_the_one_that_ends_last_decides() -> None:
    late = START + 1000 * DAY
    assert longest([rule("90d"), rule("1y")], WINDOW, START).name == "1y"
    assert longest([rule("30d", Basis.INGEST), rule("1y")], WINDOW, late).name == "30d"
    twins = [replace(rule("1y"), at_end=AtEnd.DESTROY), rule("1y")]
    assert longest(twins, WINDOW, START).at_end is AtEnd.ASK
    assert longest(twins[::-1], WINDOW, START).at_end is AtEnd.ASK


@pytest.mark.parametrize(
    ("new", "old", "shorter"),
    [
        ("7y", "7y", False),
        ("6y", "7y", True),
        ("8y", "7y", False),
        ("365d", "12m", True),  # a leap year has a day more
        ("366d", "12m", False),
        ("12m", "1y", False),
        ("31d", "1m", False),
        ("30d", "1m", True),
    ],
)
def test_what_is_shorter_on_any_day_is_shorter(new: str, old: str, shorter: bool) -> None:
    assert is_shorter(rule(new), rule(old)) is shorter
    assert is_shorter(rule(new, Basis.INGEST), rule(old)) is shorter
    assert is_shorter(rule(new), rule(old, Basis.INGEST))


@settings(deadline=None)  # it walks nine years of days, on a machine that may be busy
@given(new=PERIODS, old=PERIODS, day=st.integers(0, 20_000))
def test_what_is_not_shorter_never_ends_earlier(new: Period, old: Period, day: int) -> None:
    first, second = RetentionRule("new", new), RetentionRule("old", old)
    window = Window(START + day * DAY, START + (day + 1) * DAY)
    if not is_shorter(first, second):
        assert end_of(first, window, window.end) >= end_of(second, window, window.end)


def test_a_period_past_the_last_year_never_ends() -> None:
    far = Window(datetime(9500, 1, 1, tzinfo=UTC), datetime(9500, 1, 2, tzinfo=UTC))
    assert end_of(rule("900y"), far, far.end).year == 9999


@pytest.mark.parametrize(
    ("ahead", "mark", "last", "skews", "fault"),
    [
        (0, 0, 0, {}, None),
        (21, 0, 0, {}, ClockFault.FORWARD),  # weeks switched off, and nobody to ask
        (21, 0, 0, {"zavu": None}, ClockFault.FORWARD),
        (21, 0, 0, {"zavu": timedelta(0)}, None),
        (21, 0, 21, {}, ClockFault.FORWARD),  # our own log speaks for nobody
        (21, 0, 0, {"zavu": -21 * DAY}, ClockFault.SKEWED),
        (21, 0, 0, {"zavu": timedelta(0), "qlara": -21 * DAY}, ClockFault.SKEWED),
        (0, None, 0, {}, ClockFault.UNPROVEN),
        (0, None, 0, {"zavu": timedelta(0)}, None),
        (-3, 0, 0, {}, ClockFault.BACK),
        (0, 0, 3, {"zavu": timedelta(0)}, ClockFault.BACK),
    ],
)
def test_whoever_contradicts_the_clock_stops_it(
    ahead: int, mark: int | None, last: int, skews: dict[str, timedelta | None], fault: ClockFault | None
) -> None:
    known = None if mark is None else START + mark * DAY
    assert check_trust(START + ahead * DAY, known, START + last * DAY, skews, DAY).fault is fault


def test_names_are_compared_however_their_accents_are_composed() -> None:
    record = replace(RECORD, stream="Bu\u0308ro")
    assert catches(replace(HOLD, rule=HoldRule(stream="B\u00fcRO")), record)
