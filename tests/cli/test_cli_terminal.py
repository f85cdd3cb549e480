"""What is printed fits, lines up, and cannot steer the terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.cli.output import TextColumn, hang, render_fields, render_table
from strongroom.cli.terminal import clean, escape_hidden, wants_color
from strongroom.model.window import Window
from strongroom.text import units
from strongroom.text.layout import cells, clip
from strongroom.text.times import utc, utc_window

START = datetime(2026, 11, 1, tzinfo=UTC)


@given(st.text())
def test_clean_text_holds_no_control_or_hiding_character(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert text.isprintable() <= (shown == text)


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9)), st.sampled_from(["\t", " ", ""]), st.booleans())
def test_a_record_on_a_terminal_is_the_same_record_and_steers_nothing(
    record: dict[str, str], blank: str, plain: bool
) -> None:
    text = json.dumps(record, ensure_ascii=plain, separators=(f"{blank},", f":{blank}"))
    line = text.encode("utf-8", "backslashreplace")
    shown = escape_hidden(line).decode()
    assert json.loads(shown) == json.loads(line)
    assert shown.replace("\t", "").isprintable()


@given(st.text(alphabet=st.characters(blacklist_categories=("C", "Z")), max_size=60), st.integers(1, 40))
def test_cut_text_fits(text: str, width: int) -> None:
    shown = clip(text, width)
    assert cells(shown) <= width
    assert shown == text or shown.endswith("…")


@given(st.lists(st.tuples(st.text(max_size=90), st.text(max_size=20), st.text(max_size=90)), max_size=6))
def test_a_table_with_room_to_shrink_fits_eighty_columns(rows: list[tuple[str, str, str]]) -> None:
    columns = (TextColumn("NAME", least=8), TextColumn("SIZE", right=True, least=4), TextColumn("WHY", least=8))
    for line in render_table(columns, rows, 80):
        assert cells(click.unstyle(line)) <= 80


def test_a_column_that_may_not_shrink_is_never_cut() -> None:
    lines = render_table((TextColumn("ID"), TextColumn("TEXT", least=4)), [("x" * 30, "y" * 90)], 60)
    assert "x" * 30 in lines[1]
    assert cells(lines[1]) <= 60


def test_columns_line_up_under_wide_characters() -> None:
    lines = [
        click.unstyle(line)
        for line in render_table((TextColumn("A"), TextColumn("B")), [("日本", "1"), ("abcd", "2")], 80)
    ]
    assert lines == ["A     B", "日本  1", "abcd  2"]


@given(st.text(max_size=300), st.integers(40, 120))
def test_hung_text_fits(text: str, width: int) -> None:
    room = width - 7
    for line in hang("12345  ", 7, text, width):
        assert len(line) <= width or (" " not in line[7:] and len(line[7:]) > room)  # a path stays whole


def test_a_field_without_a_value_is_left_out() -> None:
    assert [click.unstyle(line) for line in render_fields([("a", ""), ("b", "x")], 80)] == ["b             x"]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_is_left_out_where_it_is_not_wanted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color() is None
    monkeypatch.setenv(name, value)
    assert wants_color() is False


@pytest.mark.parametrize(
    ("size", "words"), [(None, "-"), (0, "0 B"), (1, "1 B"), (999, "999 B"), (1500, "1.5 KB"), (12_300_000, "12.3 MB")]
)
def test_sizes(size: int | None, words: str) -> None:
    assert units.size(size) == words


@pytest.mark.parametrize(
    ("start", "length", "words"),
    [
        (START, timedelta(days=1), "2026-11-01 +1d"),
        (START, timedelta(days=7), "2026-11-01 +1w"),
        (START + timedelta(hours=5), timedelta(hours=1), "2026-11-01T05:00 +1h"),
        (START + timedelta(seconds=5), timedelta(milliseconds=20), "2026-11-01T00:00:05 +1s"),
    ],
)
def test_windows(start: datetime, length: timedelta, words: str) -> None:
    assert utc_window(Window(start, start + length)) == words


def test_instants_are_told_in_utc() -> None:
    berlin = datetime.fromisoformat("2026-11-01T01:30:00+01:00")
    assert utc(berlin) == "2026-11-01 00:30:00Z"
    assert utc(None) == "-"
