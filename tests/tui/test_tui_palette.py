"""The palette finds every action by its name, and no key on no size of terminal makes it fail."""

from __future__ import annotations

import asyncio

import pytest
from textual import events
from textual.command import CommandList, CommandPalette, Hits

from kit.tui_bench import Bench, Seat, Sit
from kit.tui_vault import until
from strongroom_tui.dialogs.help import Palette
from strongroom_tui.dialogs.jump import Jumps
from strongroom_tui.screens.health import HealthTab

PAGES = ("pageup", "pagedown", "pageup")


async def open_palette(seat: Seat) -> Palette:
    await seat.press("ctrl+p")
    palette = seat.app.screen
    assert isinstance(palette, Palette)
    return palette


async def test_an_action_is_found_by_its_name_and_done(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24)) as seat:
        await open_palette(seat)
        await seat.press(*"filt", "enter")
        assert not isinstance(seat.app.screen, CommandPalette)
        assert "filter" in str(seat.app.focused).lower()


async def test_the_colours_are_changed_in_it(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24)) as seat:
        await open_palette(seat)
        await seat.press(*"them", "enter")
        assert isinstance(seat.app.screen, Palette)
        await seat.press(*"high", "enter")
        assert seat.app.theme == "high-contrast"


async def test_where_it_has_no_room_a_sentence_says_so(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24)) as seat:
        for width, height in ((39, 24), (80, 11), (1, 1)):
            await seat.resize(width, height)
            await seat.press("ctrl+p", "pageup", "pageup")
            assert not isinstance(seat.app.screen, CommandPalette)
            told = [each.message for each in seat.app._notifications]
            assert f"too small for the palette: {width}x{height}, needs 40x12" in told


async def test_at_the_least_size_its_pages_turn(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (40, 12)) as seat:
        palette = await open_palette(seat)
        found = palette.query_one(CommandList)
        await seat.press("pagedown")
        assert found.highlighted
        await seat.press("pageup")
        assert found.highlighted == 0


async def test_a_list_that_was_never_laid_out_turns_no_page(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24)) as seat:
        palette = await open_palette(seat)
        found = palette.query_one(CommandList)
        found.styles.height = 0
        await seat.settle()
        assert not found.scrollable_content_region
        found.clear_options().add_options(["one", "two"])
        found.highlighted = 1
        await seat.press(*PAGES)
        assert found.highlighted == 1


async def test_it_closes_when_the_terminal_becomes_too_small(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24)) as seat:
        for size in ((39, 12), (3, 2)):
            await open_palette(seat)
            seat.app.post_message(events.Key("pageup", None))
            await seat.resize(*size)
            await seat.press(*PAGES)
            assert not isinstance(seat.app.screen, CommandPalette)
            await seat.resize(80, 24)
        assert "No jobs yet" in seat.text


async def test_enter_waits_for_the_answer_to_what_was_typed(
    empty: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, search = asyncio.Event(), Jumps.search

    async def late(jumps: Jumps, query: str) -> Hits:
        await answered.wait()
        async for hit in search(jumps, query):
            yield hit

    async with sit(empty, (80, 24)) as seat:
        palette = await open_palette(seat)
        assert palette.query_one(CommandList).option_count  # an older answer, of which nothing is meant
        monkeypatch.setattr(Jumps, "search", late)
        await seat.pilot.press(*"go to health", "enter")
        assert seat.app.screen is palette
        answered.set()
        await until(seat, "Checks of this machine")
        assert isinstance(seat.app.screen, HealthTab)
