"""Footer, help and palette are made from the bindings, so they must agree with them and with each other."""

from __future__ import annotations

import pytest

from kit.tui_bench import Bench, Seat, Sit, make_job
from strongroom.model.job import State
from strongroom_tui.dialogs.help import HelpScreen, usable
from strongroom_tui.screens.jobs import JobsTab

WAYS = {"jobs": [], "archives": ["4"], "detail": ["enter"], "help": ["question_mark"], "filter": ["slash"]}


def in_footer(seat: Seat) -> set[str]:
    return set(seat.keys)


@pytest.mark.parametrize("way", WAYS)
async def test_the_footer_shows_what_works_now(bench: Bench, sit: Sit, way: str) -> None:
    async with sit(bench) as seat:
        await seat.press(*WAYS[way])
        active = [each for each in seat.app.screen.active_bindings.values() if each.binding.show]
        assert in_footer(seat) == {each.binding.description for each in active} | {"palette"}
        assert all(each.enabled for each in active)


@pytest.mark.parametrize(
    ("way", "there", "absent"),
    [
        ("jobs", {"details", "filter", "refresh", "help", "quit"}, {"next page", "page before", "clear", "back"}),
        ("detail", {"back", "help", "quit"}, {"details", "filter"}),
        ("filter", {"apply"}, {"filter", "quit", "details"}),
    ],
)
async def test_keys_come_and_go(bench: Bench, sit: Sit, way: str, there: set[str], absent: set[str]) -> None:
    async with sit(bench) as seat:
        await seat.press(*WAYS[way])
        assert there <= in_footer(seat)
        assert not absent & in_footer(seat)


async def test_page_keys_show_where_there_are_pages(empty: Bench, sit: Sit) -> None:
    empty.write(*(make_job(n, State.ARCHIVED) for n in range(250)))
    async with sit(empty) as seat:
        assert "next page" in in_footer(seat)
        assert "page before" not in in_footer(seat)
        await seat.press("n")
        assert "page before" in in_footer(seat)
        assert "next page" not in in_footer(seat)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_names_every_key_that_works(bench: Bench, sit: Sit, key: str) -> None:
    async with sit(bench, (120, 60)) as seat:
        promised = [each.tooltip or each.binding.description for each in usable(seat.app.screen)]
        await seat.press(key)
        assert isinstance(seat.app.screen, HelpScreen)
        assert len(promised) > 12
        for words in promised:
            assert words in seat.text
        await seat.press(key)  # help on help is no help
        await seat.press("escape")
        assert isinstance(seat.app.screen, JobsTab)


async def test_the_palette_reaches_every_action(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        screen = seat.app.screen
        offered = {command.title for command in seat.app.get_system_commands(screen)}
        assert {each.binding.description.capitalize() for each in usable(screen)} <= offered
        await seat.press("ctrl+p", *"details", "enter")
        await seat.settle()
        assert "job 01kah" in seat.text


async def test_a_click_in_the_footer_is_the_key(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.click_key("help")
        assert isinstance(seat.app.screen, HelpScreen)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "filter"])
@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_quit_works_everywhere(bench: Bench, sit: Sit, way: str, key: str) -> None:
    async with sit(bench) as seat:
        await seat.press(*WAYS[way])
        await seat.pilot.press(key)
        await seat.pilot.pause()
        assert not seat.app.is_running
    assert seat.app.return_code == 0
