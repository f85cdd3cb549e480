"""The conventions of good terminal programs, each with its test, in every tab.

Those that stand elsewhere: pages and keys of the list (test_tui_lists), the same by key and by click (test_tui_clicks),
greys, copies and signals on a real terminal (test_tui_pty), sizes (test_tui_resize), contrast (test_tui_colours), words
and times (test_tui_words), how far and how long (test_tui_progress), stopping (test_tui_stopping), holds and typed
names (test_tui_retention).
"""

from __future__ import annotations

import pytest
from textual.widgets import Button, Input

from kit.tui_bench import Bench, Seat, Sit, make_job
from strongroom.model.job import State
from strongroom.text.states import JOBS, SEVERITIES, WINDOWS, Mark
from strongroom.vault.requests import waiting_requests
from strongroom_tui.dialogs.dialog import Confirm
from strongroom_tui.dialogs.help import HelpScreen, usable
from strongroom_tui.widgets.header import TABS

MODES = [tab.mode for tab in TABS]
DEEPER = {"holds": ("5", "l"), "plans": ("5", "u"), "job": ("3", "enter"), "archive": ("4", "enter")}
OPENED = {**DEEPER, "entry": ("6", "enter"), "question": ("3", "x")}


async def go(seat: Seat, tab: str) -> None:
    """Go to a tab, or to what opens from one; from wherever somebody is."""
    while len(seat.app.screen_stack) > 1:
        await seat.pilot.press("escape")
    if tab in MODES:
        seat.app.action_go(tab)
        await seat.settle()
    for key in OPENED.get(tab, ()):
        await seat.press(key)
    assert (len(seat.app.screen_stack) > 1) == (tab in OPENED), tab


@pytest.mark.slow
async def test_footer_help_and_palette_are_the_bindings(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (200, 76)) as seat:
        for tab in [*MODES, *DEEPER]:
            await go(seat, tab)
            screen = seat.app.screen
            active = [each for each in screen.active_bindings.values() if each.binding.show]
            assert set(seat.keys) == {each.binding.description for each in active} | {"palette"}, tab
            assert all(each.enabled for each in active)
            offered = {command.title for command in seat.app.get_system_commands(screen)}
            assert {each.binding.description.capitalize() for each in usable(screen)} <= offered
            promised = {each.tooltip or each.binding.description for each in usable(screen)}
            await seat.pilot.press("question_mark")
            assert isinstance(seat.app.screen, HelpScreen)
            for words in promised:
                assert words in seat.text, words
            await seat.pilot.press("escape")


async def test_no_key_is_half_shown_and_what_is_cut_is_behind_one_that_is_not(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        for width in (80, 40):
            await seat.resize(width, 24)
            for tab in [*MODES, *OPENED]:
                await go(seat, tab)
                keys = seat.keys
                assert all(each.start + each.width <= width for each in keys.values()), tab
                shown = {
                    each.binding.description for each in seat.app.screen.active_bindings.values() if each.binding.show
                }
                assert shown <= set(keys) or keys["more"].key == "question_mark", tab
                assert "back" in keys or "back" not in shown
                last = seat.text.splitlines()[-1]
                assert last.split() == " ".join(f"{each.shown} {each.name}" for each in keys.values()).split(), tab


async def test_a_dialog_shows_its_own_keys(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        await seat.press("x")
        assert seat.text.splitlines()[-1].split() == ["⏎", "choose", "tab", "next", "esc", "back"]
        await seat.click_key("back")
        assert "cancel" in seat.keys
        await seat.press("5", "t")
        assert set(seat.keys) == {"continue", "next", "back"}
        await seat.press("escape", "ctrl+p")
        assert "close" in seat.text.splitlines()[-1]
        assert "holds" not in seat.text.splitlines()[-1]
        await seat.press("escape")
        assert "holds" in seat.text.splitlines()[-1]


@pytest.mark.slow
async def test_tab_goes_round_all_panes_and_esc_leads_home(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        for tab in [*MODES, *DEEPER, "entry", "question"]:
            await go(seat, tab)
            panes, seen = seat.app.screen.focus_chain, [seat.app.focused]
            for _ in panes:
                await seat.pilot.press("tab")
                seen.append(seat.app.focused)
            assert seen[-1] is seen[0], tab
            assert set(seen) == set(panes) != set(), tab
            for _ in range(max(1, len(seat.app.screen_stack) - 1)):
                await seat.pilot.press("escape")
            assert len(seat.app.screen_stack) == 1, tab


@pytest.mark.parametrize("tab", ["overview", "retention", "holds", "archive"])
async def test_q_leaves(bench: Bench, sit: Sit, tab: str) -> None:
    async with sit(bench) as seat:
        await go(seat, tab)
        await seat.pilot.press("q")
        await seat.pilot.pause()
        assert not seat.app.is_running


@pytest.mark.parametrize("marks", [JOBS, SEVERITIES, WINDOWS], ids=["jobs", "findings", "cells"])
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


EMPTY = {
    "overview": "No stream is configured: add a [[stream]]",
    "schedules": "No stream is configured, so nothing is exported. Add a [[stream]]",
    "jobs": "No jobs yet: no window has been exported. The daemon exports each when its time comes",
    "archives": "No archives yet: one appears here when",
    "retention": "No archive has a retention period that ends.",
    "evidence": "The log is empty: its first entry comes with the first job",
    "health": "✓ no alert is active",
    "search": "Nothing was searched yet. Press / and type what to find:",
    "holds": "No hold was ever placed. Press a to place one.",
    "plans": "Nothing is to be destroyed. D proposes what is past its retention period",
}


async def test_an_empty_vault_says_why_and_what_to_do(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24), tab="overview") as seat:
        for tab, words in EMPTY.items():
            await go(seat, tab)
            assert words in " ".join(seat.text.split()), tab


async def test_the_filter_is_the_catalogues_and_esc_takes_it_away(empty: Bench, sit: Sit) -> None:
    """What fits stands pages further on: who filtered the page that is shown would find nothing."""
    empty.write(make_job(0, State.FAILED), *(make_job(n, State.ARCHIVED) for n in range(1, 450)))
    async with sit(empty) as seat:
        assert "Jobs  1-200 of 450" in seat.text
        assert "✗ failed" not in seat.text
        await seat.press("slash", *"failed", "enter")
        assert "Jobs  1-1 of 1  filter: failed" in seat.text
        assert "✗ failed" in seat.text
        await seat.press("escape")
        assert "Jobs  1-200 of 450" in seat.text
