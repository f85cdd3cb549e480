"""Everything can be read: on dark, on light, in the terminal's own colours and without any."""

from __future__ import annotations

import pytest
from textual.theme import BUILTIN_THEMES

from kit.tui_bench import Bench, Sit
from kit.tui_views import poor


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("keys", [[], ["4", "j"], ["4", "j", "j", "j", "enter"], ["question_mark"]])
async def test_text_stands_out(bench: Bench, sit: Sit, theme: str, keys: list[str]) -> None:
    assert theme in BUILTIN_THEMES
    async with sit(bench) as seat:
        seat.app.theme = theme
        await seat.settle()
        await seat.press(*keys)
        assert not poor(seat)


async def test_without_colour_every_cell_is_grey(bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with sit(bench) as seat:
        assert not poor(seat)
        for strip in seat.app.screen._compositor.render_strips():
            for _, style, _ in strip:
                for colour in (style.color, style.bgcolor) if style else ():
                    assert colour is None or colour.triplet is None or len(set(colour.triplet)) == 1
