"""Everything can be read: on dark, on light, in the terminal's own colours and without any."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES
from tui_bench import Bench, Seat, Sit

LEAST = 4.5  # WCAG 2.2, 1.4.3


def contrast(one: Color, other: Color) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def poor(seat: Seat) -> set[tuple[str, str]]:
    """Return the pieces of text on the screen that stand out too little."""
    found = set()
    for strip in seat.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            if style is None or not text.strip(" ▄▁▃▇▅▂▆█▏▎▍▌▋▊▉▔─━░") or not style.color or not style.bgcolor:
                continue
            front, back = (Color.from_rich_color(each) for each in (style.color, style.bgcolor))
            if style.reverse:
                front, back = back, front
            if contrast(front, back) < LEAST:
                found.add((text.strip(), f"{front.hex} on {back.hex}"))
    return found


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("keys", [[], ["4", "j"], ["4", "j", "j", "j", "enter"], ["question_mark"]])
async def test_text_stands_out(bench: Bench, sit: Sit, theme: str, keys: list[str]) -> None:
    assert theme in BUILTIN_THEMES
    async with sit(bench) as seat:
        seat.app.theme = theme
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
