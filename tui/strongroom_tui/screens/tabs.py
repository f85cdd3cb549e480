"""The rooms, in the order of their keys. The first is where a person begins.

Each is imported when somebody first goes there, or when `load_rooms` has the time: the first picture waits for none but
the room that it shows.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from msgspec import Struct

if TYPE_CHECKING:
    from strongroom_tui.screens.screen import TabScreen


class TabEntry(Struct, frozen=True):
    """One room and how it is reached."""

    key: str
    title: str
    mode: str
    room: str  # the class, in the module of the same name as the mode

    def load(self) -> type[TabScreen]:
        """Import the room."""
        return cast("type[TabScreen]", getattr(import_module(f"strongroom_tui.screens.{self.mode}"), self.room))


PLACES = (
    TabEntry("1", "Overview", "overview", "OverviewTab"),
    TabEntry("2", "Schedules", "schedules", "SchedulesTab"),
    TabEntry("3", "Jobs", "jobs", "JobsTab"),
    TabEntry("4", "Archives", "archives", "ArchivesTab"),
    TabEntry("5", "Retention", "retention", "RetentionTab"),
    TabEntry("6", "Evidence", "evidence", "EvidenceTab"),
    TabEntry("7", "Health", "health", "HealthTab"),
)


def load_rooms() -> None:
    """Import every room."""
    for place in PLACES:
        place.load()
