"""The filter: words become parameters of the catalogue's queries, and a wrong word is told."""

from __future__ import annotations

import pytest

from kit.tui_bench import Bench, Seat, Sit
from strongroom.model.errors import UsageError
from strongroom_tui.widgets.filter_line import Filter, FilterLine, parse_filter

KINDS = ("failed", "quarantined")
STREAMS = ("zavu:messages", "zavu:contacts", "hook:messages")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Filter()),
        ("contacts", Filter(stream="zavu:contacts")),
        ("CONT failed", Filter(stream="zavu:contacts", kind="failed")),
        ("Quarantined", Filter(kind="quarantined")),
        ("zavu:messages", Filter(stream="zavu:messages")),
        ("2026-03", Filter(when="2026-03")),
        ("failed 2026-03-01..2026-04-15 cont", Filter("zavu:contacts", "failed", "2026-03-01..2026-04-15")),
    ],
)
def test_words_become_a_filter(text: str, found: Filter) -> None:
    assert parse_filter(text, STREAMS, KINDS) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [("messages", "several streams"), ("nothing", "no stream or state"), ("2026-13", "not a period")],
)
def test_a_word_that_fits_nothing_or_too_much_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_filter(text, STREAMS, KINDS)


async def search(seat: Seat, words: str) -> None:
    await seat.press("slash", *words, "enter")


async def test_a_stream_alone(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await search(seat, "contacts")
        assert "filter: zavu:contacts" in seat.text
        assert "zavu:calls" not in seat.text
        assert "Jobs  1-15  filter" in seat.text
        await seat.press("escape")
        assert "Jobs  1-44 of 44" in seat.text


async def test_a_state_is_counted_by_the_status(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await search(seat, "failed")
        assert "Jobs  1-1 of 1  filter: failed" in seat.text
        await search(seat, "")  # the line opens with the filter that stands
        assert "Jobs  1-1 of 1  filter: failed" in seat.text
        await seat.press("4")
        await search(seat, "quarantined")
        assert "Archives  1-1 of 1  filter: quarantined" in seat.text


async def test_nothing_found_is_said(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        await search(seat, "calls cancelled")
        assert "Nothing matches the filter zavu:calls cancelled. Press Esc to clear it." in seat.text
        await seat.press("escape")
        assert "Jobs  1-44 of 44" in seat.text


async def test_a_wrong_word_keeps_the_line_open(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await search(seat, "[/x]")
        assert "no stream or state matches '[/x]'" in seat.text
        assert seat.app.screen.query_one(FilterLine).display
        await seat.press("escape")
        assert not seat.app.screen.query_one(FilterLine).display
        assert "Jobs  1-44 of 44" in seat.text


async def test_letters_in_the_line_are_letters(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press("slash", "q", "r", "n", "question_mark")
        assert seat.app.screen.query_one(FilterLine).value == "qrn?"
