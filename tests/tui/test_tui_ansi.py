"""In the terminal's own colours nothing is fixed by us: any palette that its owner can read is readable here."""

from __future__ import annotations

import pytest
from rich.color import ColorType
from rich.style import Style

from kit.tui_bench import Bench, Seat, Sit
from strongroom_tui.widgets.header import TABS

OWN = (ColorType.DEFAULT, ColorType.STANDARD)
NONE = Style()


def styles(seat: Seat, line: int) -> list[tuple[str, Style]]:
    strip = seat.app.screen._compositor.render_strips()[line]
    return [(text, style or NONE) for text, style, _ in strip]


@pytest.mark.slow
async def test_every_tab_keeps_to_the_sixteen_colours_of_the_terminal(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        for tab in TABS:
            await seat.press(tab.key)
            for theme in ("ansi-dark", "ansi-light"):
                seat.app.theme = theme
                await seat.pilot.pause()
                pieces = [piece for line in range(24) for piece in styles(seat, line) if piece[0].strip()]
                assert not [piece for piece in pieces if not readable(piece[1])], (tab.mode, theme)
                assert len({str(style.color) for _, style in pieces}) > 1, tab.mode  # it is not without colour


def readable(style: Style) -> bool:
    front, back = style.color, style.bgcolor
    own = all(each is None or each.type in OWN for each in (front, back))
    return own and not (front and back and front.number == back.number is not None)


async def test_the_chosen_row_stands_out_without_any_colour_of_ours(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        seat.app.theme = "ansi-dark"
        await seat.press("j")
        chosen = next(n for n, line in enumerate(seat.text.splitlines()) if "↓ fetching" in line)
        assert [bool(styles(seat, chosen + step)[0][1].reverse) for step in (-1, 0, 1)] == [False, True, False]
