"""The conventions of good terminal programs, each with its test, in every room.

Those that stand elsewhere: the filter with its count (test_tui_filter), pages and keys of the list (test_tui_lists),
greys and signals on a real terminal (test_tui_pty), sizes (test_tui_resize), contrast (test_tui_colours), words and
times (test_tui_words), progress and cancelling (test_tui_opening).
"""

from __future__ import annotations

import pytest
from textual.binding import ActiveBinding
from textual.widgets import Button, Input
from textual.widgets._footer import FooterKey
from tui_bench import Bench, Seat, Sit

from strongroom.vault.requests import waiting_requests
from strongroom_tui.dialog import Confirm
from strongroom_tui.helping import HelpScreen, usable
from strongroom_tui.marks import SEVERITIES, STATES, Mark
from strongroom_tui.places import PLACES
from strongroom_tui.strips import HEATS

ROOMS = [place.mode for place in PLACES]
DEEPER = {"holds": ("5", "l"), "plans": ("5", "u"), "job": ("3", "enter"), "archive": ("4", "enter")}
LEAVES = ("quit", "app.quit")


async def go(seat: Seat, room: str) -> None:
    if room in ROOMS:
        seat.app.action_go(room)
        await seat.settle()
    for key in DEEPER.get(room, ()):
        await seat.press(key)


def footer(seat: Seat) -> dict[str, FooterKey]:
    return {key.description: key for key in seat.app.screen.query(FooterKey)}


def where(seat: Seat) -> tuple[object, ...]:
    """Return what tells whether two ways have led to the same place."""
    app = seat.app
    return (type(app.screen), app.current_mode, len(app.screen_stack), seat.text)


@pytest.mark.parametrize("rooms", [ROOMS, list(DEEPER)], ids=["rooms", "deeper"])
async def test_footer_help_and_palette_are_the_bindings(bench: Bench, sit: Sit, rooms: list[str]) -> None:
    async with sit(bench, (200, 60)) as seat:
        for room in rooms:
            await go(seat, room)
            screen = seat.app.screen
            active = [each for each in screen.active_bindings.values() if each.binding.show]
            assert set(footer(seat)) == {each.binding.description for each in active} | {"palette"}, room
            assert all(each.enabled for each in active)
            offered = {command.title for command in seat.app.get_system_commands(screen)}
            assert {each.binding.description.capitalize() for each in usable(screen)} <= offered
            promised = {each.tooltip or each.binding.description for each in usable(screen)}
            await seat.press("question_mark")
            assert isinstance(seat.app.screen, HelpScreen)
            for words in promised:
                assert words in seat.text, words
            await seat.press("escape", "escape")


async def test_the_keys_of_a_room_fit_beside_each_other(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        for room in ROOMS:
            await go(seat, room)
            cut = [name for name, key in footer(seat).items() if key.region.right > 80]
            assert cut == [], room


def shown_now(seat: Seat) -> list[ActiveBinding]:
    return [each for each in usable(seat.app.screen) if each.binding.show and each.binding.action not in LEAVES]


@pytest.mark.slow
@pytest.mark.parametrize("room", ["overview", "jobs", "retention"])
async def test_a_click_on_each_footer_entry_is_its_key(bench: Bench, sit: Sit, room: str) -> None:
    async with sit(bench, (200, 60), room=room) as seat:
        names = [(each.binding.description, each.binding.key) for each in shown_now(seat)]
    assert names
    for name, key in names:
        reached = []
        for by_mouse in (False, True):
            async with sit(bench, (200, 60), room=room) as seat:
                if by_mouse:
                    await seat.pilot.click(footer(seat)[name])
                    await seat.settle()
                else:
                    await seat.press(key)
                reached.append(where(seat)[:3])
        assert reached[0] == reached[1], name


async def test_tab_is_no_trap_and_esc_leads_home(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        for room in [*ROOMS, *DEEPER]:
            await go(seat, room)
            first, seen = seat.app.focused, [seat.app.focused]
            for _ in range(8):
                await seat.press("tab")
                seen.append(seat.app.focused)
            assert first in seen[1:], room
            assert None not in seen, room
            await seat.press("escape", "escape", "escape")
            assert len(seat.app.screen_stack) == 1, room


@pytest.mark.parametrize("room", ["overview", "retention", "holds", "archive"])
async def test_q_leaves(bench: Bench, sit: Sit, room: str) -> None:
    async with sit(bench) as seat:
        await go(seat, room)
        await seat.pilot.press("q")
        await seat.pilot.pause()
        assert not seat.app.is_running


@pytest.mark.parametrize("marks", [STATES, SEVERITIES, HEATS], ids=["jobs", "findings", "cells"])
def test_each_state_has_a_symbol_and_a_word_of_its_own(marks: dict[object, Mark]) -> None:
    assert len({mark.word for mark in marks.values()}) == len(marks)
    assert len({mark.symbol for mark in marks.values()}) == len(marks)


async def test_enter_alone_destroys_nothing(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press("x")
        assert isinstance(seat.app.screen, Confirm)
        assert seat.app.focused is seat.app.screen.query_one("#safe", Button)
        await seat.press("enter")
        assert waiting_requests(bench.vault.catalogue) == []
        await seat.press("4", "D")
        seat.app.screen.query_one(Input).focus()
        await seat.press("enter", "escape")
        assert bench.vault.catalogue.read("SELECT * FROM proposals") == []


async def test_an_empty_vault_says_why_and_what_to_do(empty: Bench, sit: Sit) -> None:
    hints = {
        "overview": "add a [[stream]]", "schedules": "Add a [[stream]]", "jobs": "strongroom run --once",
        "archives": "appears here when", "retention": "No archive", "evidence": "log",
    }  # fmt: skip
    async with sit(empty, (80, 24), room="overview") as seat:
        for place in PLACES:
            await seat.press(place.key)
            assert hints.get(place.mode, "") in seat.text, place.mode
