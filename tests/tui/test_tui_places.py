"""Going anywhere: letters after g, the palette, back and forward, breadcrumbs."""

from __future__ import annotations

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from kit.tui_bench import NOW, Bench, Seat, Sit, job_id, make_job
from kit.tui_views import configure
from strongroom.model.hold import Hold, HoldRule
from strongroom.vault.catalogue import IDS_FROM
from strongroom.vault.holds import put_hold
from strongroom_tui.places import History, Place
from strongroom_tui.screens.archives import ArchivesTab
from strongroom_tui.screens.detail import ArchiveScreen, JobScreen
from strongroom_tui.screens.holds import HoldsScreen


def where(seat: Seat) -> str:
    return type(seat.app.screen).__name__


async def test_a_letter_after_g_leads_to_each_tab(empty: Bench, sit: Sit) -> None:
    empty.write(*(make_job(n) for n in range(3)))
    async with sit(empty, (60, 20)) as seat:
        for letter, name in {
            "o": "OverviewTab",
            "s": "SchedulesTab",
            "j": "JobsTab",
            "a": "ArchivesTab",
            "r": "RetentionTab",
            "e": "EvidenceTab",
            "h": "HealthTab",
            "f": "SearchTab",
            "l": "HoldsScreen",
            "p": "PlansScreen",
        }.items():
            await seat.pilot.press("g")
            assert "Legal holds" in seat.text
            await seat.pilot.press(letter)
            assert where(seat) == name
        await seat.type("g", "escape")
        assert where(seat) == "PlansScreen"
        await seat.type("g", "j", "end", "g", "g")
        assert seat.app.screen.query_one("PageTable").cursor_row == 0  # type: ignore[attr-defined]


async def test_the_palette_finds_streams_ids_windows_and_matters(bench: Bench, sit: Sit) -> None:
    hold = Hold("hold", "Smith v. Acme", HoldRule(), NOW, "ana", "asked for")
    with bench.vault.catalogue.transaction():
        put_hold(bench.vault.catalogue, hold)
    async with sit(configure(bench), (80, 24)) as seat:
        await jump(seat, f"01kaj{3:021d}")
        assert isinstance(seat.app.screen, ArchiveScreen)
        assert seat.app.screen.key.endswith("3")
        await jump(seat, job_id(9008))
        assert isinstance(seat.app.screen, JobScreen)
        await jump(seat, "archives of calls")
        assert isinstance(seat.app.screen, ArchivesTab)
        assert seat.app.screen.filter.stream == "zavu:calls"
        await jump(seat, "smith")
        assert isinstance(seat.app.screen, HoldsScreen)
        await jump(seat, "2026-05-03")
        assert isinstance(seat.app.screen, ArchiveScreen | JobScreen)
        await seat.press("ctrl+p")
        await write(seat, "evid")
        assert "Go to Evidence" in seat.text


async def write(seat: Seat, words: str) -> None:
    seat.app.screen.query_one(Input).value = words
    await seat.settle()


async def jump(seat: Seat, words: str) -> None:
    await seat.press("colon")
    assert isinstance(seat.app.screen, CommandPalette)
    await write(seat, words)
    await seat.press("enter")
    assert not isinstance(seat.app.screen, CommandPalette), seat.text


async def test_back_and_forward_lead_through_what_was_visited(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 20)) as seat:
        await seat.press("4", "enter")
        key = seat.app.screen.key  # type: ignore[attr-defined]
        await seat.press("6", "left_square_bracket")
        assert isinstance(seat.app.screen, ArchiveScreen)
        assert seat.app.screen.key == key
        await seat.type("left_square_bracket", "left_square_bracket")
        assert where(seat) == "JobsTab"
        await seat.type("right_square_bracket", "right_square_bracket")
        assert where(seat) == "ArchiveScreen"
        await seat.press("escape", "right_square_bracket")
        assert where(seat) == "ArchiveScreen"


async def test_breadcrumbs_say_where_one_is_and_lead_back(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (90, 24), tab="archives") as seat:
        assert "Archives >" not in seat.text
        await seat.press("enter")
        assert f"Archives > archive {seat.app.screen.key}" in seat.text  # type: ignore[attr-defined]
        await seat.press("enter")
        assert "> job 01kah" in seat.text
        await seat.pilot.click("Breadcrumbs", offset=(3, 0))
        await seat.settle()
        assert where(seat) == "ArchivesTab"
        await seat.resize(40, 12)
        await seat.press("enter")
        assert "Archives >" not in seat.text


def test_a_new_visit_forgets_what_lay_ahead_and_esc_is_a_way_back() -> None:
    history = History()
    a, b, c = (Place(each) for each in "abc")
    for place in (a, b, b, c):
        history.visit(place)
    assert history.move(-1) == b
    history.visit(b)
    assert history.move(1) == c
    history.visit(b)  # esc
    assert history.move(1) == c
    assert history.move(1) is None
    history.move(-1)
    history.visit(Place("d"))
    assert history.move(1) is None
    assert history.move(-1) == b


@pytest.mark.parametrize("table", sorted(IDS_FROM))
def test_ids_are_found_by_their_index(empty: Bench, table: str) -> None:
    rows = empty.vault.catalogue.read(f"EXPLAIN QUERY PLAN {IDS_FROM[table]}", "01k", 3)
    (detail,) = [str(row["detail"]) for row in rows]
    assert detail.startswith("SEARCH")
    assert "id>?" in detail
