"""The overview: the verdict, what waits for a person, the tiles, and the heat map with its keys and the mouse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from textual.events import MouseScrollDown, MouseScrollUp

from kit.tui_bench import DAY, NOW, SIZES, STREAMS, Bench, Seat, Sit, window
from kit.tui_views import KEY, configure, hold, toasts
from strongroom.config.sources import SourceSettings, StreamSettings
from strongroom.engine.bootstrap import open_looking
from strongroom.engine.core.heartbeat import beat
from strongroom.engine.core.sources import Dependencies, plans_of
from strongroom.engine.monitor.system_status import Quota
from strongroom.engine.queries.coverage_gaps import Gap
from strongroom.engine.queries.coverage_report import coverage_of_plans
from strongroom.engine.queries.lists import status_of
from strongroom.engine.queries.overview import Look, read_overview
from strongroom.engine.queries.problems import health_of
from strongroom.model.coverage import HELD, Cover
from strongroom.model.coverage_strip import Heat, Zoom
from strongroom.model.window import Window
from strongroom.text.states import WINDOWS
from strongroom_tui.screens.archives import ArchivesTab
from strongroom_tui.screens.jobs import JobsTab
from strongroom_tui.screens.overview import OverviewTab
from strongroom_tui.screens.overview_text import coverage_facts, percent, quota_facts
from strongroom_tui.widgets.attention import AttentionList
from strongroom_tui.widgets.coverage_cells import cell_text, legends, next_gap, title
from strongroom_tui.widgets.heatmap import CoverageStrips
from strongroom_tui.widgets.tile import Tile
from strongroom_tui.widgets.time_axis import axis


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
            "need your attention",
            "1 period lost",
            "Coverage by day",
            "fetching",
            "interrupted",
            "32 archives",
            "0 of 10 used",
            "never scrubbed",
        ):
            assert words in seat.text, words
        assert "█" * 50 in line_of(seat, STREAMS[0])
        assert line_of(seat, STREAMS[1]).count("x") == 1


async def test_where_nothing_is_wrong_the_verdict_says_so_first(empty: Bench, sit: Sit) -> None:
    configure(empty, days=30)
    for stream in STREAMS:
        hold(empty, stream, range(1, 31))
    with empty.vault.catalogue.transaction():  # nothing is claimed that no archive backs
        empty.vault.catalogue.write("UPDATE coverage SET cover = 'empty'")
    async with sit(empty, (100, 30), tab="overview") as seat:
        waiting = seat.app.screen.query_one(AttentionList)
        same = health_of(empty.vault, empty.config, status_of(empty.vault, NOW), NOW)
        assert ("✓ Covered. Nothing is at risk. No checkpoint yet." in seat.text) is not same.problems
        assert len(same.problems) + len(same.notes) == len(waiting._errands)


async def test_what_waits_is_what_status_says_and_is_worked_off(bench: Bench, sit: Sit) -> None:
    configure(bench)
    for stream in STREAMS:
        hold(bench, stream, range(1, 200))
    hold(bench, STREAMS[0], range(3, 5), Cover.MISSING, "not-offered")
    async with sit(bench, (120, 40), tab="overview") as seat:
        health = health_of(bench.vault, bench.config, status_of(bench.vault, NOW), NOW)
        shown = seat.app.screen.query_one(AttentionList)._errands
        assert [each.body.rpartition("or run: ")[2] for each in shown] == [
            each.next for each in (*health.problems, *health.notes)
        ]
        assert f"{len(health.problems)} problems need your attention" in seat.text
        await seat.press("up")
        failed = next(place for place, each in enumerate(health.problems) if each.kind == "failed")
        await seat.press(*["down"] * failed)
        assert "run: strongroom jobs --state failed" in seat.text
        await seat.press("enter")
        assert isinstance(seat.app.screen, JobsTab)
        assert f"filter: {STREAMS[0]} failed" in seat.text


async def test_every_line_leads_somewhere_and_past_the_last_one_is_the_map(bench: Bench, sit: Sit) -> None:
    async with sit(configure(bench), (120, 40), tab="overview") as seat:
        waiting = seat.app.screen.query_one(AttentionList)
        for place in range(len(waiting._errands)):
            await seat.press("1")
            waiting.focus()
            await seat.press("home", *["down"] * place, "enter")
            assert seat.app.screen is not waiting.screen or waiting.screen.query_one(CoverageStrips).has_focus
        await seat.press("escape", "1")
        waiting.focus()
        await seat.press("end", "down")
        assert waiting.screen.query_one(CoverageStrips).has_focus


async def test_a_click_on_a_tile_or_a_line_goes_there(bench: Bench, sit: Sit) -> None:
    configure(bench)
    async with sit(bench, (120, 40), tab="overview") as seat:
        for tile, mode in (("#tile-now", "jobs"), ("#tile-vault", "archives"), ("#tile-evidence", "evidence")):
            await seat.press("1")
            await seat.pilot.click(tile, offset=(3, 1))
            await seat.settle()
            assert seat.app.current_mode == mode
        await seat.press("1")
        await seat.pilot.click(AttentionList, offset=(5, 1))
        await seat.settle()
        assert seat.app.current_mode == "evidence"  # the catalogue has coverage that no archive backs


async def test_a_risk_has_its_date_in_the_list_and_under_the_map(bench: Bench, sit: Sit) -> None:
    configure(bench)
    for stream in STREAMS:
        hold(bench, stream, range(1, 200))
    with bench.vault.catalogue.transaction():
        bench.vault.catalogue.write(
            "DELETE FROM coverage WHERE stream = ? AND window_start LIKE '2026-08-25%'", STREAMS[2]
        )
    async with sit(bench, (120, 40), tab="overview") as seat:
        assert f"1 day of {STREAMS[2]} will be deleted by the provider, from 2026-11-23 on" in seat.text
        assert "▲ deleted in 2 d, 2026-11-23" in seat.text
        await seat.press("n")
        assert f"▲ at risk  {STREAMS[2]}  2026-08-25" in seat.text
        assert "the provider deletes it from 2026-11-23" in seat.text


async def test_a_cell_is_told_in_words_with_its_cause(bench: Bench, sit: Sit) -> None:
    configure(bench)
    hold(bench, STREAMS[0], range(1, 200))
    hold(bench, STREAMS[0], range(3, 4), Cover.MISSING, "not-offered")
    async with sit(bench, (100, 30), tab="overview") as seat:
        await seat.press("left", "left", "left")
        assert "! failed (not-offered)  zavu:messages  2026-11-17" in seat.text


async def test_keys_go_from_gap_to_gap_however_far_they_are(bench: Bench, sit: Sit) -> None:
    configure(bench, days=600)
    for stream in STREAMS:
        hold(bench, stream, range(1, 600))
    hold(bench, STREAMS[0], range(5, 7), Cover.MISSING, "not-offered")
    hold(bench, STREAMS[0], range(400, 402), Cover.LOST, "older than the provider keeps")
    hold(bench, STREAMS[2], range(9, 10), Cover.LOST, "older than the provider keeps")
    async with sit(bench, (100, 30), tab="overview") as seat:
        strips = seat.app.screen.query_one(CoverageStrips)
        places = []
        for _ in range(4):
            await seat.press("n")
            assert strips.cell is not None
            places.append((strips.cell.stream, strips.cell.heat, (NOW - strips.cell.window.start).days))
        assert places == [
            (STREAMS[0], Heat.MISSING, 5),
            (STREAMS[0], Heat.LOST, 400),
            (STREAMS[2], Heat.LOST, 9),
            (STREAMS[0], Heat.MISSING, 5),
        ]
        await seat.press("N")
        assert strips.cell is not None and strips.cell.stream == STREAMS[2]


async def test_where_there_is_no_gap_that_is_said(empty: Bench, sit: Sit) -> None:
    configure(empty, days=9)
    for stream in STREAMS:
        hold(empty, stream, range(1, 10))
    async with sit(empty, (80, 24), tab="overview") as seat:
        await seat.press("n")
        assert "There is no gap" in toasts(seat)


async def test_the_share_is_that_of_the_command_line(bench: Bench) -> None:
    configure(bench, days=60)
    hold(bench, STREAMS[0], range(1, 50))
    hold(bench, STREAMS[1], range(10, 61))
    hold(bench, STREAMS[1], range(2, 5), Cover.MISSING, "not-offered")
    hold(bench, STREAMS[2], range(55, 61), Cover.LOST, "older than the provider keeps")
    with open_looking(bench.config, Dependencies(clock=lambda: NOW)) as engine:
        told = coverage_of_plans(engine, plans_of(bench.config))
        limits = {name: source.provider.limits for name, source in engine.sources.items()}
    glance = read_overview(bench.vault, list(plans_of(bench.config)), limits, NOW, Look())
    period = Window(NOW - 60 * DAY, NOW)
    held = [each.window.within(period) for stream in told for each in stream.intervals if each.cover in HELD]
    days = sum(part.length / DAY for part in held if part is not None)
    assert glance.share.since == period.start
    assert glance.share.wanted / DAY == pytest.approx(3 * (59 + 657 / 1440), abs=0.01)
    assert (glance.share.wanted - glance.share.lacking) / DAY == pytest.approx(days)
    assert coverage_facts(glance, NOW)[0].plain.startswith(percent(days * DAY / glance.share.wanted))


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


async def test_enter_opens_what_is_behind_the_cell(bench: Bench, sit: Sit) -> None:
    configure(bench)
    hold(bench, STREAMS[1], range(3, 4), Cover.MISSING, "not-offered")
    async with sit(bench, (99, 30), tab="overview") as seat:
        await seat.press("j", "enter")
        assert isinstance(seat.app.screen, ArchivesTab)
        assert f"filter: {STREAMS[1]} 2026-11-20" in seat.text
        await seat.press("1", "left", "left", "left", "enter")
        assert isinstance(seat.app.screen, JobsTab)
        assert f"filter: {STREAMS[1]} failed 2026-11-17" in seat.text
        await seat.press("1", "z", "z", "enter")
        assert f"filter: {STREAMS[1]} failed 2026-11-01..2026-11-30" in seat.text


async def test_more_streams_than_lines_are_scrolled(bench: Bench, sit: Sit) -> None:
    names = tuple(f"zavu:stream-{n:03}" for n in range(200))
    configure(bench, streams=names)
    async with sit(bench, (80, 24), tab="overview") as seat:
        assert "of 200" in seat.text
        assert names[0] in seat.text
        await seat.press("end")
        assert names[199] in seat.text
        assert names[1] not in str(seat.app.screen.query_one(CoverageStrips).render())
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
        assert "It is not known how long nowhere keeps records" in seat.text


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
        await seat.pilot.click("CoverageStrips", offset=(40, 2))
        await seat.settle()
        assert "█ archived  zavu:messages" in seat.text


EVERY = [heat for heat in WINDOWS if heat is not Heat.OUTSIDE]


@pytest.mark.parametrize("legend", legends(EVERY))
def test_every_symbol_of_the_legend_has_its_word(legend: str) -> None:
    for heat in EVERY:
        _before, _symbol, after = legend.partition(WINDOWS[heat].symbol)
        assert after.strip()[0].isalnum()


def test_the_legend_has_only_what_occurs() -> None:
    assert legends([Heat.LOST, Heat.HELD, Heat.OUTSIDE])[0] == "█ archived  x lost"


@pytest.mark.parametrize("width", [36, 60, 76, 96])
@pytest.mark.parametrize("shown", ["", " 1-12 of 200"])
def test_the_title_gives_way_before_the_legend(width: int, shown: str) -> None:
    words = title(Zoom.MONTH, shown, width, [Heat.HELD, Heat.RISK, Heat.MISSING, Heat.LOST])
    assert len(words) <= width
    assert all(WINDOWS[heat].symbol in words for heat in (Heat.HELD, Heat.MISSING, Heat.LOST))
    assert "lost" in words
    assert ("month" in words) == (width >= 60 or not shown)


def test_dates_stand_over_their_cells() -> None:
    days = tuple(window(day) for day in range(40, 0, -1))
    for wide in (1, 2, 4):
        dates = axis(days, Zoom.DAY, wide=wide)
        assert dates.startswith("11 Oct")
        assert dates.index("Nov") == 21 * wide
        assert dates.index("8 ") == 28 * wide
        assert len(dates) <= 40 * wide


def test_dates_are_those_of_the_zone_of_the_plans() -> None:
    days = tuple(Window(at, at + DAY) for at in (datetime(2026, 12, 28, 23, tzinfo=UTC) + n * DAY for n in range(12)))
    assert axis(days, Zoom.DAY, "Europe/Berlin", 3).startswith("29 Dec")
    assert axis(days, Zoom.DAY, "UTC", 3).startswith("28 Dec")


@pytest.mark.parametrize(
    ("heat", "share", "wide", "drawn"),
    [
        (Heat.HELD, 1.0, 3, "███"),
        (Heat.LOST, 0.97, 3, "▇▇x"),
        (Heat.LOST, 0.0, 3, "  x"),
        (Heat.RISK, 0.5, 4, "▄▄▄▲"),
        (Heat.MISSING, 0.01, 2, "▁!"),
        (Heat.LOST, None, 2, "xx"),
        (Heat.OUTSIDE, 1.0, 2, "  "),
        (Heat.NOTHING, 1.0, 2, "░░"),
    ],
)
def test_a_cell_shows_how_much_of_it_is_archived(heat: Heat, share: float | None, wide: int, drawn: str) -> None:
    assert cell_text(heat, share, wide).plain == drawn


def test_gaps_follow_each_other_and_begin_again() -> None:
    gaps = [Gap("a", 0, window(3), Heat.LOST), Gap("a", 0, window(30), Heat.LOST), Gap("c", 2, window(5), Heat.RISK)]
    assert next_gap(gaps, 0, window(1), 1) is gaps[0]
    assert next_gap(gaps, 0, window(3), 1) is gaps[1]
    assert next_gap(gaps, 0, window(3), -1) is gaps[2]
    assert next_gap(gaps, 1, window(1), 1) is gaps[2]
    assert next_gap(gaps, 1, window(1), -1) is gaps[1]
    assert next_gap(gaps, 2, window(2), 1) is gaps[2]


async def test_cells_are_never_taller_than_two_lines_and_begin_where_they_are_wanted(bench: Bench, sit: Sit) -> None:
    configure(bench, days=45)
    hold(bench, STREAMS[1], range(3, 4), Cover.MISSING, "not-offered")
    async with sit(bench, (200, 60), tab="overview") as seat:
        strips = seat.app.screen.query_one(CoverageStrips)
        lines = seat.text.splitlines()
        place = next(n for n, line in enumerate(lines) if STREAMS[0] in line and "○○○" in line)
        assert lines[place].count("○") >= 44 * 3  # a cell is several columns wide
        assert ["○○○" in line for line in lines[place : place + 3]] == [True, True, False]
        await seat.press("down", "left", "left", "left")
        assert "! failed (not-offered)" in seat.text
        x, y = next((n, line) for line, words in enumerate(seat.text.splitlines()) if (n := words.find("!!!")) >= 0)
        await seat.press("up", "right")
        assert strips.cell is not None and strips.cell.heat is Heat.DUE
        await seat.pilot.click(strips, offset=(x - strips.region.x + 1, y - strips.region.y + 1))
        await seat.settle()
        assert "! failed (not-offered)" in seat.text
        await seat.press(*["left"] * 46)  # stays where anything was wanted
        assert "2026-10-06" in seat.text


async def test_nothing_is_drawn_before_the_start_of_a_plan(bench: Bench, sit: Sit) -> None:
    configure(bench, days=300, streams=STREAMS[:1])
    late = StreamSettings(STREAMS[1], "zavu", ("messages",), since=NOW - 20 * DAY)
    bench.config = replace(bench.config, streams=(*bench.config.streams, late))
    hold(bench, STREAMS[0], range(1, 300))
    async with sit(bench, (100, 30), tab="overview") as seat:
        cells = line_of(seat, STREAMS[1]).split(STREAMS[1])[1].rstrip()
        assert cells.count("○") == 20
        assert cells.strip(" ") == cells.lstrip(" ") and cells.endswith("░")


async def test_a_period_is_dragged_larger_and_the_wheel_zooms(bench: Bench, sit: Sit) -> None:
    configure(bench, days=400)
    hold(bench, STREAMS[0], range(1, 400))
    async with sit(bench, (120, 40), tab="overview") as seat:
        strips = seat.app.screen.query_one(CoverageStrips)
        line = strips.region.y + 2
        await seat.pilot.mouse_down(strips, offset=(40, 2))
        await seat.pilot.hover(strips, offset=(59, 2))
        assert len(strips._marked(strips.size.width)) == 20
        await seat.pilot.mouse_up(strips, offset=(59, 2))
        await seat.settle()
        assert line_of(seat, STREAMS[0]).count("█") == 20 * 4  # the period alone, its days as wide as there is room
        assert strips.cell is not None and strips.cell.window.start < NOW - 40 * DAY
        aimed = strips.cell.window
        for event, zoom in ((MouseScrollDown, Zoom.WEEK), (MouseScrollDown, Zoom.MONTH), (MouseScrollUp, Zoom.WEEK)):
            strips.post_message(event(strips, 0, 0, 0, 0, 0, False, False, False))
            await seat.settle()
            assert strips.wanted.zoom is zoom
            assert strips.cell is not None and strips.cell.window.overlaps(aimed)
        assert line


async def test_zooming_stays_at_the_chosen_time(bench: Bench, sit: Sit) -> None:
    configure(bench, days=600)
    async with sit(bench, (100, 30), tab="overview") as seat:
        strips = seat.app.screen.query_one(CoverageStrips)
        await seat.press("z", "z", *["left"] * 10)
        assert strips.cell is not None
        month = strips.cell.window
        await seat.press("Z", "Z")
        assert strips.cell is not None and strips.cell.window.within(month)
        assert strips.cell.window.length == DAY


def test_a_quota_is_a_bar_where_it_fits() -> None:
    quotas = tuple(Quota(name, 3, 10, 1, 2) for name in ("zavu-demo", "hookbridge-demo", "qlara-demo"))
    for width in (24, 30, 60, 100):
        lines = [line.plain for line in quota_facts(quotas, width)]
        assert all(cell_len(line) <= width for line in lines)
        assert all("3 of 10 used" in line for line in lines) or width < 30
    assert "███░░░░░░░ 3 of 10 used, 1 in progress" in quota_facts(quotas, 100)[0].plain


@pytest.mark.parametrize("size", [(120, 40), (200, 60), (80, 24)])
async def test_tiles_stand_in_rows_or_on_lines(bench: Bench, sit: Sit, size: tuple[int, int]) -> None:
    async with sit(configure(bench), size, tab="overview") as seat:
        tiles = [each for each in seat.app.screen.query(Tile) if each.display]  # there are no copies
        tops = {each.region.y for each in tiles}
        assert len(tops) == {80: 5, 120: 2, 200: 1}[size[0]]
        assert all(each.boxed == (size[0] > 80) for each in tiles)
