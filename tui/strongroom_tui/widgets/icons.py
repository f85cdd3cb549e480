"""How a state looks: a symbol and a word say it, colour only repeats it.

What the colour names of this program mean on a dark and on a light screen: each stands out by 4.5 to 1 (WCAG 2.2).

Without colour each becomes the grey of its lightness, and must still stand out: the reason for pale reds and greens.
"""

from __future__ import annotations

from rich.terminal_theme import TerminalTheme
from rich.text import Text
from textual.theme import Theme

from strongroom.engine.queries.change_preview import Schedule
from strongroom.model.archive import Archive, Holding
from strongroom.model.inspection import Severity
from strongroom.text.layout import clip
from strongroom.text.states import BAD, DOUBT, GOOD, MOVING, Mark
from strongroom.text.units import number


def mark_text(mark: Mark, width: int) -> Text:
    """Return symbol and word, cut to a width."""
    return Text(clip(f"{mark.symbol} {mark.word}", width), mark.style, no_wrap=True)


PLAN_WORDS = ("paused", "late", "failed", "pending", "running", "waiting")
"""The states of a plan."""


def plan_mark(schedule: Schedule) -> Mark:
    """Return how a plan stands: it waits for its next window only where no window is outstanding."""
    outlook = schedule.outlook
    if schedule.paused:
        return Mark("‖", "paused", DOUBT)
    if outlook is not None and outlook.late:
        return Mark("▲", "late", DOUBT)
    if schedule.failed:
        return Mark("✗", "failed", BAD)
    if outlook is not None and outlook.exports:
        return Mark("○", "pending", MOVING)
    if schedule.running:
        return Mark("▒", "running", MOVING)
    return Mark("✓", "waiting", GOOD)


def verification(archive: Archive) -> Mark:
    """Return what reading an archive back found."""
    if archive.holding is Holding.QUARANTINED:
        return Mark("✗", "quarantined", BAD)
    told = sum(finding.severity is not Severity.NOTE for finding in archive.inspection.findings)
    if told:
        return Mark("!", number(told, "finding"), DOUBT)
    return Mark("✓", "empty" if archive.empty else "verified", GOOD)


_Tone = tuple[int, int, int]

_BLACK, _WHITE = (18, 18, 18), (240, 240, 240)


def _theme(back: _Tone, front: _Tone, red: _Tone, green: _Tone, yellow: _Tone, cyan: _Tone) -> TerminalTheme:
    """Fill in a theme; blue and magenta are not used and follow cyan and red."""
    tones = [back, red, green, yellow, cyan, red, cyan, front]
    return TerminalTheme(back, front, tones, tones)


HIGH_CONTRAST = Theme(
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
