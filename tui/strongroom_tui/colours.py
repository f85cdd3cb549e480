"""What the colour names of this program mean on a dark and on a light screen: each stands out by 4.5 to 1 (WCAG 2.2).

Without colour each becomes the grey of its lightness, and must still stand out: the reason for pale reds and greens.
"""

from __future__ import annotations

from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

_Tone = tuple[int, int, int]

_BLACK, _WHITE = (18, 18, 18), (240, 240, 240)


def _theme(back: _Tone, front: _Tone, red: _Tone, green: _Tone, yellow: _Tone, cyan: _Tone) -> TerminalTheme:
    """Fill in a theme; blue and magenta are not used and follow cyan and red."""
    tones = [back, red, green, yellow, cyan, red, cyan, front]
    return TerminalTheme(back, front, tones, tones)


CONTRAST = Theme(
    name="high-contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    warning="#ffff00",
    error="#ff9999",
    success="#66ff66",
    foreground="#ffffff",
    background="#000000",
    surface="#1a1a1a",
    panel="#1a1a1a",
    dark=True,
)
"""For eyes that need more than 7 to 1."""

DARK = _theme(_BLACK, _WHITE, (255, 123, 114), (126, 231, 135), (227, 179, 65), (118, 217, 230))
LIGHT = _theme(_WHITE, _BLACK, (160, 0, 28), (20, 84, 30), (98, 70, 0), (0, 78, 92))
