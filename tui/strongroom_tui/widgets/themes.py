"""The themes: dark, light, high contrast, monochrome, and two that leave all colors to the terminal.

Colors only repeat what a symbol or a word says. Each of them stands out from its background by 4.5 to 1 (WCAG 2.2), in
the theme of high contrast by 7 to 1, and still does when the terminal shows it as grey. People who do not see red or
green can tell the colors of states apart: good is bluish, bad is orange, and they differ in lightness.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.theme import Theme

_Tone = tuple[int, int, int]


def _palette(back: _Tone, front: _Tone, red: _Tone, green: _Tone, yellow: _Tone, cyan: _Tone) -> TerminalTheme:
    """Return what the names of colors mean; blue and magenta are not used and follow cyan and red."""
    tones = [back, red, green, yellow, cyan, red, cyan, front]
    return TerminalTheme(back, front, tones, tones)


DARK = Theme(
    name="strongroom-dark",
    primary="#82c3ff",
    secondary="#46d7a5",
    accent="#f0c83c",
    warning="#f0c83c",
    error="#ff8c64",
    success="#46d7a5",
    foreground="#e8eaed",
    background="#11151a",
    surface="#1c232b",
    panel="#1c232b",
    dark=True,
)
LIGHT = Theme(
    name="strongroom-light",
    primary="#00508c",
    secondary="#005a41",
    accent="#785000",
    warning="#785000",
    error="#8c0028",
    success="#005a41",
    foreground="#14171b",
    background="#fbfaf6",
    surface="#eeece5",
    panel="#eeece5",
    dark=False,
)
HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    warning="#ffff00",
    error="#ffa08c",
    success="#78ffa0",
    foreground="#ffffff",
    background="#000000",
    surface="#1a1a1a",
    panel="#1a1a1a",
    dark=True,
)
"""For eyes that need more than 7 to 1."""

MONOCHROME = Theme(
    name="monochrome",
    primary="#ffffff",
    secondary="#d0d0d0",
    accent="#ffffff",
    warning="#ffffff",
    error="#ffffff",
    success="#ffffff",
    foreground="#e8e8e8",
    background="#121212",
    surface="#242424",
    panel="#242424",
    dark=True,
)

THEMES = (DARK, LIGHT, HIGH_CONTRAST, MONOCHROME)
DEFAULT = DARK.name

_TERMINAL = ("ansi-dark", "ansi-light")
"""Themes of the toolkit that use the colors of the terminal."""

PALETTES: Mapping[str, TerminalTheme] = MappingProxyType(
    {
        DARK.name: _palette(
            (17, 21, 26), (232, 234, 237), (255, 140, 100), (70, 215, 165), (240, 200, 60), (130, 195, 255)
        ),
        LIGHT.name: _palette((251, 250, 246), (20, 23, 27), (140, 0, 40), (0, 90, 65), (120, 80, 0), (0, 80, 140)),
        HIGH_CONTRAST.name: _palette(
            (0, 0, 0), (255, 255, 255), (255, 160, 140), (120, 255, 160), (255, 255, 0), (120, 220, 255)
        ),
        MONOCHROME.name: _palette(
            (18, 18, 18), (232, 232, 232), (255, 255, 255), (232, 232, 232), (255, 255, 255), (232, 232, 232)
        ),
    }
)
"""By theme: what the names of colors mean in text that is drawn with them."""


def keep_themes(app: App[Any]) -> None:
    """Give an app these themes and those of the terminal; of the toolkit's others nobody has checked the contrast."""
    for theme in THEMES:
        app.register_theme(theme)
    for name in set(app.available_themes) - {theme.name for theme in THEMES} - set(_TERMINAL):
        app.unregister_theme(name)


def next_theme(name: str) -> str:
    """Return the theme after this one; after the last one the first one."""
    names = [*(theme.name for theme in THEMES), *_TERMINAL]
    return names[(names.index(name) + 1) % len(names)] if name in names else DEFAULT
