from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.model_objects import NOW
from strongroom.model.names import make_id
from strongroom.model.times import format_instant, parse_instant, require_utc

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
MODERN = st.datetimes(datetime(1970, 1, 1), datetime(9900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001


def number_of(made: str) -> int:
    number = 0
    for digit in made:
        number = number * 32 + DIGITS.index(digit)
    return number


@given(MODERN, st.binary(min_size=10, max_size=10))
def test_an_id_holds_its_time_and_its_chance_exactly(at: datetime, random_bytes: bytes) -> None:
    made = make_id(at, lambda count: random_bytes[:count])
    number = number_of(made)
    assert re.fullmatch("[0-9a-hjkmnp-tv-z]{26}", made)
    assert number >> 80 == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert number & ((1 << 80) - 1) == int.from_bytes(random_bytes, "big")


@given(MODERN, st.timedeltas(timedelta(milliseconds=1), timedelta(days=400)))
def test_ids_sort_by_time(at: datetime, later: timedelta) -> None:
    assert make_id(at, lambda count: b"\xff" * count) < make_id(at + later, lambda count: b"\0" * count)


def test_the_last_two_characters_spread_over_every_folder() -> None:
    folders = {make_id(NOW, lambda n, low=low: low.to_bytes(n, "big"))[-2:] for low in range(1024)}  # type: ignore[misc]
    assert len(folders) == 1024


def test_an_id_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="a time needs a zone"):
        make_id(NAIVE, lambda count: b"\0" * count)


@given(INSTANTS)
def test_an_instant_is_read_as_it_was_written(at: datetime) -> None:
    assert parse_instant(format_instant(at)) == at


@given(INSTANTS, st.integers(-1439, 1439))
def test_every_offset_names_the_same_instant(at: datetime, minutes: int) -> None:
    local = at.astimezone(timezone(timedelta(minutes=minutes)))
    assert format_instant(local) == format_instant(at)
    assert parse_instant(local.isoformat()) == at
    assert parse_instant(local.isoformat()).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-31T23:59:59Z", "2026-01-31T23:59:59Z"),
        ("2026-01-31t23:59:59z", "2026-01-31T23:59:59Z"),
        (" 2026-01-31 23:59:59+00:00 ", "2026-01-31T23:59:59Z"),
        ("2026-02-01T05:44:59+05:45", "2026-01-31T23:59:59Z"),
        ("2026-01-31T23:59:59.5Z", "2026-01-31T23:59:59.500Z"),
        ("2026-01-31T23:59:59.999999999Z", "2026-01-31T23:59:59.999999Z"),  # cut: the day must not change
        ("2024-02-29T00:00:00-00:00", "2024-02-29T00:00:00Z"),
    ],
)
def test_reads_times(text: str, shown: str) -> None:
    assert format_instant(parse_instant(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T23:59:59",
        "2026-02-29T00:00:00Z",
        "2026-01-31T24:00:01Z",
        "2026-01-31T23:60:00Z",
        "2026-01-31T23:59:59+24:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        "1769903999",
        "2026-01-31T23:59:59Z; rm",
    ],
)
def test_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


def test_a_time_without_a_zone_is_refused_everywhere() -> None:
    for door in (require_utc, format_instant):
        with pytest.raises(ValueError, match="a time needs a zone"):
            door(NAIVE)
