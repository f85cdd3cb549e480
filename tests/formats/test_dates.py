"""A record's time is held against the window to the microsecond, in every spelling of RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.formats.plaintext import FindingLog
from strongroom.formats.record_checks import DateTally, read_time
from strongroom.model.inspection import Severity
from strongroom.model.window import Window

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(START, END)
FILLER = ["2026-03-01T12:00:00.000Z"] * 3


def tally(values: list[Any], *, end_inclusive: bool = True, window: Window = WINDOW) -> DateTally:
    dates = DateTally(window, end_inclusive=end_inclusive)
    dates.add(values)
    return dates


def findings(dates: DateTally) -> list[tuple[Severity, str]]:
    log = FindingLog(10)
    dates.report(log, "m")
    return [(finding.severity, finding.code) for finding in log.close()]


BOUNDS: list[tuple[Any, str]] = [  # a time, and where it belongs: before, in, end, after, or undated
    ("2026-02-28T23:59:59Z", "before"),
    ("2026-02-28T23:59:59.999Z", "before"),
    ("2026-02-28T23:59:59.999999Z", "before"),
    ("2026-02-28T23:59:59.999999999Z", "before"),
    ("2026-03-01T00:00:00Z", "in"),
    ("2026-03-01T00:00:00.000Z", "in"),
    ("2026-03-01T00:00:00.000000Z", "in"),
    ("2026-03-01T00:00:00.0Z", "in"),
    ("2026-03-01T00:00:00+00:00", "in"),
    ("2026-03-01T00:00:00.000+00:00", "in"),
    ("2026-03-01T00:00:00-00:00", "in"),
    ("2026-03-01t00:00:00z", "in"),
    ("2026-03-01 00:00:00Z", "in"),
    ("2026-03-01T05:29:59.999+05:30", "before"),
    ("2026-03-01T05:30:00+05:30", "in"),
    ("2026-02-28T19:00:00-05:00", "in"),
    ("2026-03-01T23:59:59.999Z", "in"),
    ("2026-03-01T23:59:59.999999999Z", "in"),
    ("2026-03-02T00:00:00Z", "end"),
    ("2026-03-02T00:00:00.000Z", "end"),
    ("2026-03-02T00:00:00.000000999Z", "end"),
    ("2026-03-02T01:00:00+01:00", "end"),
    ("2026-03-02T00:00:00.001Z", "after"),
    ("2026-03-02T00:00:00.000001Z", "after"),
    ("2026-03-01T23:00:00-02:00", "after"),
    ("2026-03-01", "undated"),
    ("2026-03-01T00:00:00", "undated"),
    ("2026-03-01T00:00Z", "undated"),
    ("20260301T000000Z", "undated"),
    ("2026-13-01T00:00:00Z", "undated"),
    ("2026-02-30T00:00:00Z", "undated"),
    ("2026-03-01T24:00:00Z", "undated"),
    ("2026-03-01T00:60:00Z", "undated"),
    ("2026-03-01T00:00:60Z", "undated"),
    ("2026-03-01T00:00:00.Z", "undated"),
    ("٢٠٢٦-03-01T00:00:00Z", "undated"),
    ("0001-01-01T00:00:00+05:00", "undated"),
    ("", "undated"),
    (None, "undated"),
    (1772323200, "undated"),
    ({}, "undated"),
    (True, "undated"),
]


@pytest.mark.parametrize("crowd", [[], FILLER], ids=["alone", "among others"])
@pytest.mark.parametrize(("value", "place"), BOUNDS)
def test_a_time_is_put_where_it_belongs(value: Any, place: str, crowd: list[str]) -> None:
    dates = tally([*crowd, value, *crowd])
    others = 2 * len(crowd)
    assert dates.in_window == others + (place == "in")
    assert dates.undated == (place == "undated")
    assert dates.at_end == (place == "end")
    assert findings(dates) == {
        "in": [],
        "end": [(Severity.NOTE, "record-at-end")],
        "undated": [(Severity.WARNING, "record-undated")],
    }.get(place, [(Severity.WARNING, "record-outside-window")])


@pytest.mark.parametrize(("value", "place"), BOUNDS)
def test_a_batch_of_one_shape_is_judged_like_a_single_value(value: Any, place: str) -> None:
    dates = tally([value] * 7)
    assert dates.in_window == (7 if place == "in" else 0)
    assert dates.undated == (7 if place == "undated" else 0)


def test_the_end_itself_is_outside_unless_the_request_included_it() -> None:
    assert findings(tally(["2026-03-02T00:00:00.000Z"], end_inclusive=False)) == [
        (Severity.WARNING, "record-outside-window")
    ]


def test_a_warning_counts_and_names_the_extreme() -> None:
    dates = tally(["2026-02-27T00:00:00.000Z", "2026-02-28T00:00:00.000Z", *FILLER, "2027-01-01T00:00:00.000Z"])
    log = FindingLog(10)
    dates.report(log, "m")
    before, after = log.close()
    assert before.message.startswith("2 records lie before")
    assert "2026-02-27T00:00:00Z" in before.message
    assert after.message.startswith("1 record lies after")
    assert "2027-01-01T00:00:00Z" in after.message
    assert (dates.earliest, dates.latest) == (datetime(2026, 2, 27, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_no_records_say_nothing() -> None:
    dates = tally([])
    assert (dates.in_window, dates.undated, dates.earliest, findings(dates)) == (0, 0, None, [])


def test_texts_that_only_look_right_when_joined_are_undated() -> None:
    dates = tally(["2026-03-01T00:00:00Z2", "026-03-01T00:00:00Z"])
    assert (dates.undated, dates.in_window) == (2, 0)
    dates = tally(["2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z2", "026-03-01T00:00:00Z"])
    assert (dates.undated, dates.in_window) == (2, 1)
    assert tally(["2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z" * 2, ""]).undated == 2


def test_mixed_offsets_of_one_shape_are_not_compared_as_text() -> None:
    dates = tally(["2026-03-01T01:00:00+00:00", "2026-03-01T02:00:00+09:00", "2026-03-01T03:00:00+00:00"])
    assert dates.earliest == datetime(2026, 2, 28, 17, tzinfo=UTC)
    assert dates.in_window == 2


def spell(instant: datetime, style: int) -> str:
    zone = timedelta(minutes=(style % 5 - 2) * 90)
    text = (instant + zone).replace(tzinfo=None).isoformat(timespec="milliseconds" if style % 2 else "microseconds")
    sign, minutes = "+" if zone >= timedelta() else "-", abs(int(zone.total_seconds())) // 60
    return text + ("Z" if not minutes and style % 3 else f"{sign}{minutes // 60:02}:{minutes % 60:02}")


MOMENTS = st.integers(-5_000, 100_000_000).map(lambda n: START + timedelta(milliseconds=n))


@given(st.lists(st.tuples(MOMENTS, st.integers(0, 29)), min_size=1, max_size=30), st.booleans(), st.data())
@settings(max_examples=200, deadline=None)
def test_any_mixture_is_counted_like_reading_each_value(
    items: list[tuple[datetime, int]], uniform: bool, data: st.DataObject
) -> None:
    values: list[Any] = [spell(instant, 7 if uniform else style) for instant, style in items]
    cut = data.draw(st.integers(0, len(values)))
    dates = DateTally(WINDOW, end_inclusive=True)
    dates.add(values[:cut])
    dates.add(values[cut:])
    instants = [instant for instant, _ in items]
    assert [read_time(value) for value in values] == instants
    assert dates.in_window == sum(map(WINDOW.holds, instants))
    assert dates.at_end == instants.count(END)
    assert (dates.earliest, dates.latest) == (min(instants), max(instants))
