"""Everything can be read in every theme, without any color, and by people who do not see red or green."""

from __future__ import annotations

import itertools

import pytest
from textual.color import Color

from kit.tui_bench import STREAMS, Bench, Sit
from kit.tui_views import LEAST, configure, contrast, hold, poor
from strongroom.model.coverage import Cover
from strongroom_tui.widgets.header import TABS
from strongroom_tui.widgets.themes import HIGH_CONTRAST, MONOCHROME, PALETTES, THEMES

PLACES = [[tab.key] for tab in TABS] + [["4", "j", "j", "j", "enter"], ["question_mark"]]


async def test_text_stands_out_in_every_theme(bench: Bench, sit: Sit) -> None:
    hold(configure(bench), STREAMS[0], range(1, 60))
    hold(bench, STREAMS[0], range(9, 12), Cover.LOST, "older than the provider keeps")
    async with sit(bench, tab="overview") as seat:
        for keys in PLACES:
            await seat.press("escape", *keys)
            for theme in THEMES:
                seat.app.theme = theme.name
                await seat.settle()
                assert not poor(seat), (keys, theme.name)
            await seat.press("escape")


def test_high_contrast_is_high() -> None:
    back = Color.parse(HIGH_CONTRAST.background or "")
    for name in ("foreground", "primary", "warning", "error", "success", "accent"):
        assert contrast(Color.parse(getattr(HIGH_CONTRAST, name)), back) >= 7 > LEAST
    for tone in PALETTES[HIGH_CONTRAST.name].ansi_colors._colors[1:8]:
        assert contrast(Color(*tone), back) >= 7


BLIND = {
    "red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "blue": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
"""What is left of a color for somebody without one kind of cones (Machado, Oliveira and Fernandes, 2009)."""


@pytest.mark.parametrize("blind", BLIND)
@pytest.mark.parametrize("theme", [theme.name for theme in THEMES if theme is not MONOCHROME])
def test_the_colors_of_states_differ_for_everybody(theme: str, blind: str) -> None:
    tones = PALETTES[theme].ansi_colors._colors
    seen = {name: _seen_by(tones[place], blind) for name, place in {"bad": 1, "good": 2, "doubt": 3}.items()}
    for one, other in itertools.combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5 >= 24, (one, other)


def _seen_by(tone: tuple[int, ...], blind: str) -> list[float]:
    return [sum(part * weight for part, weight in zip(tone, row, strict=True)) for row in BLIND[blind]]


async def test_a_key_goes_through_the_themes(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24)) as seat:
        seen = [seat.app.theme]
        for _ in range(6):
            await seat.press("T")
            seen.append(seat.app.theme)
        assert seen[:4] == [theme.name for theme in THEMES]
        assert seen[4:] == ["ansi-dark", "ansi-light", seen[0]]
        assert set(seat.app.available_themes) == set(seen)


async def test_without_colour_every_cell_is_grey(bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with sit(bench) as seat:
        assert not poor(seat)
        for strip in seat.app.screen._compositor.render_strips():
            for _, style, _ in strip:
                for colour in (style.color, style.bgcolor) if style else ():
                    assert colour is None or colour.triplet is None or len(set(colour.triplet)) == 1
