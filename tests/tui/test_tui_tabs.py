"""How things are looked at: tabs by key and by mouse, UTC on demand, colours, and what is remembered of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.tui_bench import NOW, STREAMS, Bench, Seat, Sit
from kit.tui_views import configure
from strongroom.text.times import Zone
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.state import ListView, Memory, SavedView
from strongroom_tui.widgets.header import TABS, TabBar


@pytest.fixture(autouse=True)
def local_again() -> None:
    Zone.utc = False


def test_every_tab_has_a_key_of_its_own_in_order() -> None:
    assert [tab.key for tab in TABS] == [str(number) for number in range(1, 9)]
    assert len({tab.title for tab in TABS}) == 8


async def test_every_tab_is_a_key_away_and_says_where_one_is(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        for tab in TABS:
            await seat.press(tab.key)
            assert seat.app.current_mode == tab.mode
            assert isinstance(seat.app.screen, TabScreen)
            assert tab.title in seat.text.splitlines()[0]


async def test_the_mouse_goes_there_too(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        line = seat.text.splitlines()[0]
        for title, mode in (("Evidence", "evidence"), ("Jobs", "jobs")):
            await seat.pilot.click(TabBar, offset=(line.index(title) + 1, 0))
            await seat.settle()
            assert seat.app.current_mode == mode


async def test_names_give_way_where_it_is_narrow(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (40, 14)) as seat:
        line = seat.text.splitlines()[0]
        assert "3 Jobs" in line
        assert "Evidence" not in line
        assert " 6 " in line


async def test_times_are_in_utc_on_demand(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        assert "14:03:07+01:00" in seat.text
        await seat.press("U")
        assert "13:03:07+00:00" in seat.text
        await seat.press("U")
        assert "14:03:07+01:00" in seat.text


async def test_the_view_is_remembered_and_nothing_of_the_vault(bench: Bench, tmp_path: Path) -> None:
    memory = Memory({"XDG_STATE_HOME": str(tmp_path / "state")})
    reader = VaultReader(configure(bench).config, lambda: NOW)
    try:
        for turn in range(2):
            app = StrongroomApp(reader, lambda: NOW, memory=memory)
            async with app.run_test(size=(100, 30)) as pilot:
                await pilot.pause()
                if turn == 0:
                    seat = Seat(app, pilot)
                    await seat.press("1", "z", "4", "slash", *f"{STREAMS[0]} 2026-04", "enter", "escape", "s")
                    await seat.press("slash", *STREAMS[1], "enter", "6", "U")
                    app.theme = "high-contrast"
                    await pilot.pause()
                else:
                    assert app.current_mode == "evidence"
                    assert app.theme == "high-contrast"
                    assert Zone.utc
                    await Seat(app, pilot).press("4")
                    assert f"Archives by window  1-11  filter: {STREAMS[1]}" in Seat(app, pilot).text
                    await Seat(app, pilot).press("1")
                    assert "Coverage by week" in Seat(app, pilot).text
    finally:
        reader.close()
    kept = (tmp_path / "state" / "strongroom" / "screen.json").read_text()
    assert set(json.loads(kept)) == {"tab", "theme", "utc", "zoom", "lists"}
    assert json.loads(kept)["lists"]["archives"] == {"stream": STREAMS[1], "kind": "", "when": "", "sort": "window"}
    assert not [each for each in ("01ka", "exp_", "age1", "sha") if each in kept]


async def test_what_was_remembered_and_means_nothing_here_is_let_go(bench: Bench) -> None:
    app = StrongroomApp(VaultReader(configure(bench).config, lambda: NOW), lambda: NOW)
    app.list_views = {"archives": ListView("another:stream", "no-kind", "2026-13", "no-order")}
    app.zoom = "century"
    async with app.run_test(size=(100, 30)) as pilot:
        seat = Seat(app, pilot)
        await seat.press("4")
        assert "Archives  1-33 of 33" in seat.text
        assert "filter:" not in seat.text
        await seat.press("1")
        assert "Coverage by day" in seat.text
    app.reader.close()


VIEW = '"tab": "x", "theme": "y", "utc": "yes"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"tab": 1}',
        f"{{{VIEW}}}",
        f'{{{VIEW}, "lists": []}}',
        f'{{{VIEW}, "lists": {{"jobs": 3}}}}',
        f'{{{VIEW}, "zoom": "{"x" * 101}"}}',
        '{"tab": "\\u001b[31m", "theme": "y", "utc": true}',
    ],
)
def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "strongroom" / "screen.json"
    path.parent.mkdir()
    path.write_text(text)
    found = Memory({"XDG_STATE_HOME": str(tmp_path)}).recall()
    assert found == SavedView() or found == SavedView("x", "y", False)


def test_a_memory_that_cannot_be_written_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "strongroom").write_text("a file in its place")
    Memory({"XDG_STATE_HOME": str(tmp_path)}).keep(SavedView("jobs"))


def test_what_an_older_version_remembered_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "strongroom" / "screen.json"
    path.parent.mkdir()
    path.write_text('{"room": "jobs", "theme": "high-contrast", "utc": true, "zoom": "week", "lists": {}}')
    found = Memory({"XDG_STATE_HOME": str(tmp_path)}).recall()
    assert found == SavedView("jobs", "high-contrast", True, "week", {})
