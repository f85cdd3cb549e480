"""How a state looks: a symbol and a word say it, colour only repeats it.

What the colour names of this program mean on a dark and on a light screen: each stands out by 4.5 to 1 (WCAG 2.2).

Without colour each becomes the grey of its lightness, and must still stand out: the reason for pale reds and greens.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct
from rich.terminal_theme import TerminalTheme
from rich.text import Text
from textual.theme import Theme

from strongroom.engine.queries.change_preview import Schedule
from strongroom.model.archive import Archive, Holding
from strongroom.model.inspection import Severity
from strongroom.model.job import State
from strongroom_tui.widgets.amounts import number
from strongroom_tui.widgets.text import clip


class Mark(Struct, frozen=True):
    """A symbol one cell wide, the word beside it, and the style of both."""

    symbol: str
    word: str
    style: str = ""

    def text(self, width: int) -> Text:
        """Return symbol and word, cut to a width."""
        return Text(clip(f"{self.symbol} {self.word}", width), self.style, no_wrap=True)


_GOOD, _MOVING, _DOUBT, _BAD = "green", "cyan", "yellow", "bold red"

STATES: Mapping[State, Mark] = MappingProxyType(
    {
        State.PLANNED: Mark("○", State.PLANNED),
        State.UNCERTAIN: Mark("?", State.UNCERTAIN, _DOUBT),
        State.WAITING: Mark("…", State.WAITING),
        State.READY: Mark("◇", State.READY, _MOVING),
        State.FETCHING: Mark("↓", State.FETCHING, _MOVING),
        State.SEALED: Mark("■", State.SEALED, _MOVING),
        State.DEAD: Mark("!", State.DEAD, _DOUBT),
        State.ARCHIVED: Mark("✓", State.ARCHIVED, _GOOD),
        State.REPLACED: Mark("→", State.REPLACED),
        State.FAILED: Mark("✗", State.FAILED, _BAD),
        State.CANCELLED: Mark("–", State.CANCELLED),  # noqa: RUF001 - a dash is meant
    }
)

SEVERITIES: Mapping[Severity, Mark] = MappingProxyType(
    {
        Severity.FAULT: Mark("✗", Severity.FAULT, _BAD),
        Severity.WARNING: Mark("!", Severity.WARNING, _DOUBT),
        Severity.NOTE: Mark("·", Severity.NOTE),
    }
)


PLAN_WORDS = ("paused", "late", "failed", "pending", "running", "waiting")
"""The states of a plan."""


def plan_mark(schedule: Schedule) -> Mark:
    """Return how a plan stands: it waits for its next window only where no window is outstanding."""
    outlook = schedule.outlook
    if schedule.paused:
        return Mark("‖", "paused", _DOUBT)
    if outlook is not None and outlook.late:
        return Mark("▲", "late", _DOUBT)
    if schedule.failed:
        return Mark("✗", "failed", _BAD)
    if outlook is not None and outlook.exports:
        return Mark("○", "pending", _MOVING)
    if schedule.running:
        return Mark("▒", "running", _MOVING)
    return Mark("✓", "waiting", _GOOD)


def soundness(archive: Archive) -> Mark:
    """Return how an archive came through its reading back."""
    if archive.holding is Holding.QUARANTINED:
        return Mark("✗", "quarantined", _BAD)
    told = sum(finding.severity is not Severity.NOTE for finding in archive.inspection.findings)
    if told:
        return Mark("!", number(told, "finding"), _DOUBT)
    return Mark("✓", "empty" if archive.empty else "sound", _GOOD)


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
