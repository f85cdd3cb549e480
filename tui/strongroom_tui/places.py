"""The rooms, in the order of their keys. The first is where a person begins.

Each is imported when somebody first goes there, or when `load_rooms` has the time: the first picture waits for none but
the room that it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from strongroom_tui.room import Room


@dataclass(frozen=True, slots=True)
class Place:
    """One room and how it is reached."""

    key: str
    title: str
    mode: str
    room: str  # the class, in the module of the same name as the mode

    def load(self) -> type[Room]:
        """Import the room."""
        return cast("type[Room]", getattr(import_module(f"strongroom_tui.{self.mode}"), self.room))


PLACES = (
    Place("1", "Overview", "overview", "OverviewRoom"),
    Place("2", "Schedules", "schedules", "SchedulesRoom"),
    Place("3", "Jobs", "jobs", "JobsRoom"),
    Place("4", "Archives", "archives", "ArchivesRoom"),
    Place("5", "Retention", "retention", "RetentionRoom"),
    Place("6", "Evidence", "evidence", "EvidenceRoom"),
    Place("7", "Health", "health", "HealthRoom"),
)


def load_rooms() -> None:
    """Import every room."""
    for place in PLACES:
        place.load()
