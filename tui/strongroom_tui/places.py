"""The rooms, in the order of their keys. The first is where a person begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strongroom_tui.archives import ArchivesRoom
from strongroom_tui.evidence import EvidenceRoom
from strongroom_tui.health import HealthRoom
from strongroom_tui.jobs import JobsRoom
from strongroom_tui.overview import OverviewRoom
from strongroom_tui.retention import RetentionRoom
from strongroom_tui.room import Room
from strongroom_tui.schedules import SchedulesRoom


@dataclass(frozen=True, slots=True)
class Place:
    """One room and how it is reached."""

    key: str
    title: str
    make: Callable[[], Room]
    mode: str


def _place(key: str, title: str, room: type[Room]) -> Place:
    return Place(key, title, room, room.MODE)


PLACES = (
    _place("1", "Overview", OverviewRoom),
    _place("2", "Schedules", SchedulesRoom),
    _place("3", "Jobs", JobsRoom),
    _place("4", "Archives", ArchivesRoom),
    _place("5", "Retention", RetentionRoom),
    _place("6", "Evidence", EvidenceRoom),
    _place("7", "Health", HealthRoom),
)
