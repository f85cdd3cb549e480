"""What a place looks like: its tab, and the screen over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from textual.screen import Screen

from strongroom_tui.places import Place
from strongroom_tui.screens.detail import ArchiveScreen, JobScreen
from strongroom_tui.screens.holds import HoldsScreen
from strongroom_tui.screens.plans import PlanScreen, PlansScreen
from strongroom_tui.screens.schedules import ScheduleScreen

_OVER: Mapping[str, tuple[str, Callable[[str], Screen[None]]]] = MappingProxyType(
    {
        "job": ("jobs", JobScreen),
        "archive": ("archives", ArchiveScreen),
        "stream": ("schedules", ScheduleScreen),
        "plan": ("retention", PlanScreen),
        "holds": ("retention", lambda _key: HoldsScreen()),
        "plans": ("retention", lambda _key: PlansScreen()),
    }
)
"""By the kind of a place: the tab that it lies over, and how it is made."""


def screen_of(place: Place) -> tuple[str, Screen[None] | None]:
    """Return the mode of the tab that a place lies over, and the screen to open there; None where it is the tab."""
    mode, make = _OVER.get(place.kind, (place.kind, None))
    return mode, make(place.key) if make is not None else None
