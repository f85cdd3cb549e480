"""Any size will do: too small is said in words, and growing back finds everything where it was."""

from __future__ import annotations

import random

import pytest

from kit.tui_bench import Bench, Sit
from strongroom_tui.widgets.table import Pane


@pytest.mark.parametrize("size", [(39, 24), (80, 11), (20, 5), (1, 1)])
async def test_too_small_is_said(bench: Bench, sit: Sit, size: tuple[int, int]) -> None:
    async with sit(bench, size) as seat:
        words = " ".join(seat.text.split())
        assert words.startswith(f"terminal too small: {size[0]}x{size[1]}"[: size[0]])
        assert "archived" not in words
        await seat.press("j", "enter", "escape", "q")
    assert seat.app.return_code == 0


@pytest.mark.parametrize("size", [(40, 12), (60, 20), (80, 24), (250, 60)])
async def test_nothing_is_wider_than_the_terminal(bench: Bench, sit: Sit, size: tuple[int, int]) -> None:
    async with sit(bench, size) as seat:
        table = seat.app.screen.query_one("#jobs", Pane).table
        assert table.max_scroll_x == 0
        assert "too small" not in seat.text
        assert "fetching" in seat.text


async def test_selection_and_scroll_survive_sizes(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (100, 30)) as seat:
        table = seat.app.screen.query_one("#jobs", Pane).table
        await seat.press(*["j"] * 25)
        chosen = table.chosen
        for size in ((60, 20), (30, 8), (100, 30), (120, 40), (100, 30)):
            await seat.pilot.resize_terminal(*size)
            await seat.settle()
            assert table.chosen == chosen
            assert seat.app.focused is table
        top, height = table.scroll_y, table.scrollable_content_region.height - 1
        assert top <= table.cursor_row < top + height


@pytest.mark.slow
async def test_a_storm_of_sizes_and_keys(bench: Bench, sit: Sit) -> None:
    random_bytes = random.Random(20261120)
    keys = ["j", "k", "enter", "escape", "tab", "pagedown", "end", "home", "slash", "question_mark", "r", "n"]
    async with sit(bench, (80, 24)) as seat:
        for _ in range(25):
            await seat.pilot.resize_terminal(random_bytes.randint(1, 140), random_bytes.randint(1, 50))
            await seat.pilot.press(random_bytes.choice(keys))
        await seat.press(*["escape"] * 4)
        await seat.pilot.resize_terminal(120, 40)
        await seat.settle()
        assert "Jobs  1-44 of 44" in seat.text
