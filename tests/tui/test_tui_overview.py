"""The overview: coverage as strips, the most urgent risk in words, what runs now, and how old the last proof is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from kit.tui_bench import DAY, NOW, SIZES, STREAMS, Bench, Seat, Sit, window
from kit.tui_views import KEY, configure, hold
from strongroom.config.sources import SourceSettings, StreamSettings
from strongroom.engine.core.heartbeat import beat
from strongroom.engine.monitor.system_status import Quota
from strongroom.engine.queries.lists import status_of
from strongroom.engine.queries.overview import Look, read_overview
from strongroom.model.coverage import Cover
from strongroom.model.coverage_strip import Heat, Zoom
from strongroom.text.states import WINDOWS
from strongroom_tui.screens.archives import ArchivesTab
from strongroom_tui.screens.overview import OverviewTab, risk_lines, vault_lines
from strongroom_tui.widgets.heatmap import CoverageStrips, axis, legends, title


def line_of(seat: Seat, stream: str) -> str:
    return next(line for line in seat.text.splitlines() if line.startswith(f" {stream}"))


async def test_the_first_screen_answers_the_questions(bench: Bench, sit: Sit) -> None:
    configure(bench)
    for stream in STREAMS:
        hold(bench, stream, range(1, 200))
    hold(bench, STREAMS[1], range(40, 41), Cover.LOST, "older than the provider keeps")
    async with sit(bench, (100, 30), tab="overview") as seat:
        assert isinstance(seat.app.screen, OverviewTab)
        for words in (
            "✓ nothing else is at risk",
            "1 period lost",
            "Coverage by day",
            "fetching",
            "interrupted",
            "32 archives",
            "quota 10 of 10 left this hour",
            "never scrubbed",
        ):
            assert words in seat.text, words
        assert "█" * 50 in line_of(seat, STREAMS[0])
        assert line_of(seat, STREAMS[1]).count("x") == 1


async def test_the_most_urgent_risk_is_told_with_its_date(bench: Bench, sit: Sit) -> None:
    configure(bench)
    for stream in STREAMS:
        hold(bench, stream, range(1, 200))
    with bench.vault.catalogue.transaction():
        bench.vault.catalogue.write(
            "DELETE FROM coverage WHERE stream = ? AND window_start LIKE '2026-08-25%'", STREAMS[2]
        )
    async with sit(bench, (120, 30), tab="overview") as seat:
        assert f"▲ {STREAMS[2]}: 24 h not archived; deleted from 2026-11-23 01:00+01, " in seat.text


async def test_a_cell_is_told_in_words_with_its_cause(bench: Bench, sit: Sit) -> None:
    configure(bench)
    hold(bench, STREAMS[0], range(1, 200))
    hold(bench, STREAMS[0], range(3, 4), Cover.MISSING, "not-offered")
    async with sit(bench, (100, 30), tab="overview") as seat:
        await seat.press("left", "left", "left")
        assert "! failed (not-offered)  zavu:messages  2026-11-17" in seat.text


async def test_cells_become_longer_and_time_goes_back(bench: Bench, sit: Sit) -> None:
    configure(bench)
    hold(bench, STREAMS[0], range(1, 200))
    async with sit(bench, (100, 30), tab="overview") as seat:
        for word in ("week", "month", "year", "year"):
            await seat.press("z")
            assert f"Coverage by {word}" in seat.text
        await seat.press("Z", "Z", "Z")
        assert "Coverage by day" in seat.text
        newest = line_of(seat, STREAMS[0])
        await seat.press("pageup")
        older = line_of(seat, STREAMS[0])
        assert older != newest
        assert "○" not in older
        await seat.press("pagedown", "pagedown")
        assert line_of(seat, STREAMS[0]) == newest


async def test_enter_opens_the_archives_of_the_stream(bench: Bench, sit: Sit) -> None:
    configure(bench)
    async with sit(bench, (100, 30), tab="overview") as seat:
        await seat.press("j", "enter")
        assert isinstance(seat.app.screen, ArchivesTab)
        assert f"filter: {STREAMS[1]}" in seat.text


async def test_more_streams_than_lines_are_scrolled(bench: Bench, sit: Sit) -> None:
    names = tuple(f"zavu:stream-{n:03}" for n in range(200))
    configure(bench, streams=names)
    async with sit(bench, (80, 24), tab="overview") as seat:
        assert "of 200" in seat.text
        assert names[0] in seat.text
        await seat.press("end")
        assert names[199] in seat.text
        assert f" {names[1]} " not in seat.text
        await seat.press("home")
        assert names[0] in seat.text


async def test_no_stream_at_all_is_explained(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24), tab="overview") as seat:
        assert "No stream is configured" in seat.text
        await seat.press("z", "left", "j", "enter", "pageup", "end")
        assert "No stream is configured" in seat.text


async def test_how_long_records_are_kept_may_be_unknown(empty: Bench, sit: Sit) -> None:
    source = SourceSettings("nowhere", "none", KEY)
    streams = (StreamSettings("nowhere:all", "nowhere", ("messages",), since=NOW - 9 * DAY),)
    empty.config = replace(empty.config, sources=(source,), streams=streams)
    async with sit(empty, (100, 24), tab="overview") as seat:
        assert "it is not known how long nowhere keeps records" in seat.text


async def test_a_silent_daemon_is_told(bench: Bench, sit: Sit) -> None:
    beat(bench.vault, NOW - timedelta(hours=3), 1, "waiting")
    async with sit(configure(bench), (100, 30), tab="overview") as seat:
        assert "daemon silent for 3 h" in seat.text


async def test_it_fits(bench: Bench, sit: Sit) -> None:
    configure(bench)
    async with sit(bench, tab="overview") as seat:
        for size in SIZES:
            await seat.resize(*size)
            assert "zavu:mess" in seat.text, size
            assert all(len(line) <= size[0] for line in seat.text.splitlines())


async def test_a_click_chooses_a_cell(bench: Bench, sit: Sit) -> None:
    configure(bench)
    hold(bench, STREAMS[0], range(1, 200))
    async with sit(bench, (100, 30), tab="overview") as seat:
        await seat.pilot.click("CoverageStrips", offset=(40, 1))
        await seat.settle()
        assert "█ archived  zavu:messages" in seat.text


@pytest.mark.parametrize("legend", legends())
def test_every_symbol_of_the_legend_has_its_word(legend: str) -> None:
    for heat in (each for each in WINDOWS if each not in (Heat.NOTHING, Heat.DESTROYED)):
        _before, _symbol, after = legend.partition(WINDOWS[heat].symbol)
        assert after.strip()[0].isalnum()


@pytest.mark.parametrize("width", [36, 60, 76, 96])
@pytest.mark.parametrize("shown", ["", " 1-12 of 200"])
def test_the_title_gives_way_before_the_legend(width: int, shown: str) -> None:
    words = title(Zoom.MONTH, shown, width)
    assert len(words) <= width
    assert all(WINDOWS[heat].symbol in words for heat in (Heat.HELD, Heat.MISSING, Heat.LOST))
    assert "lost" in words
    assert ("month" in words) == (width >= 60)


def test_dates_stand_over_cells_of_any_width() -> None:
    days = tuple(window(day) for day in range(40, 0, -1))
    for wide in (1, 2, 4):
        dates = axis(days, Zoom.DAY, wide=wide)
        assert dates.startswith("Oct 11")
        assert dates.index("Oct 26" if wide == 4 else "Oct 20" if wide == 1 else "Oct 21") in range(9 * wide, 70)
        assert len(dates) <= 40 * wide


async def test_few_streams_grow_into_the_room_and_begin_where_they_are_wanted(bench: Bench, sit: Sit) -> None:
    configure(bench, days=45)
    hold(bench, STREAMS[1], range(3, 4), Cover.MISSING, "not-offered")
    async with sit(bench, (200, 60), tab="overview") as seat:
        lines = seat.text.splitlines()
        place = next(n for n, line in enumerate(lines) if STREAMS[0] in line and "○○○" in line)
        assert lines[place].count("○") >= 44 * 3  # a cell is several columns wide
        assert all("○○○" in line for line in lines[place : place + 5])  # and several lines tall
        await seat.press("down", "left", "left", "left")
        assert "! failed (not-offered)" in seat.text
        strips = seat.app.screen.query_one(CoverageStrips)
        x, y = next((n, line) for line, words in enumerate(seat.text.splitlines()) if (n := words.find("!!!")) >= 0)
        await seat.press("up", "right")
        assert "failed" not in seat.text.splitlines()[-12]
        await seat.pilot.click(strips, offset=(x - strips.region.x + 1, y - strips.region.y + 2))
        await seat.settle()
        assert "! failed (not-offered)" in seat.text
        await seat.press(*["left"] * 60)  # stays where anything was wanted
        assert "2026-10-06" in seat.text


def test_no_fact_of_the_vault_is_told_by_half(bench: Bench) -> None:
    quotas = tuple(Quota(name, 3, 10, 1, 2) for name in ("zavu-demo", "hookbridge-demo", "qlara-demo"))
    look = Look(Zoom.DAY, NOW, 8, 0, 4)
    glance = replace(read_overview(bench.vault, [], {}, NOW, look), quotas=quotas)
    status = status_of(bench.vault)
    whole = set(" · ".join(vault_lines(glance, status, NOW, 500).plain.splitlines()).split(" · "))
    for width in (78, 118):
        lines = vault_lines(glance, status, NOW, width).plain.splitlines()
        assert all(cell_len(line) <= width for line in lines)
        assert {fact for line in lines for fact in line.split(" · ")} - whole <= {"1 more: 7", "2 more: 7"}
    assert "2 more: 7" in vault_lines(glance, status, NOW, 78).plain


@pytest.mark.parametrize("width", [38, 58, 78, 118])
def test_what_nobody_said_is_told_whole(bench: Bench, width: int) -> None:
    look = Look(Zoom.DAY, NOW, 8, 0, 4)
    glance = replace(read_overview(bench.vault, [], {}, NOW, look), unknown=("qlara",))
    words = risk_lines(glance, NOW, width).plain
    assert "how long qlara keeps records" in words
    assert "…" not in words
