"""Is anything wrong: what stands as an alarm, what a careful operator would check, and who was told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker

from strongroom.engine.assembly import Doors
from strongroom.engine.health.doctor import Check, examine
from strongroom.engine.health.notices import Notice, newest_notices
from strongroom.engine.health.standing import Standing, standing_of
from strongroom_tui.desk import Desk
from strongroom_tui.healthwords import health_story, unarchived_words
from strongroom_tui.reading import Reading
from strongroom_tui.room import Room

MOST = 60  # notices


@dataclass(frozen=True, slots=True)
class Health:
    """What was raised, the newest first, and how machine and sources stand."""

    notices: tuple[Notice, ...]
    standing: Standing


@dataclass(frozen=True, slots=True)
class HealthQuestion:
    """What was raised, and how machine and sources stand."""

    def ask(self, desk: Desk) -> Health:
        """Read it."""
        standing = standing_of(desk.vault, desk.config, desk.limits, desk.clock())
        return Health(tuple(newest_notices(desk.vault, MOST)), standing)


class HealthRoom(Room):
    """Alarms and checks."""

    MODE: ClassVar[str] = "health"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "check(True)", "check here", tooltip="Check everything on this machine again; ask no provider"),
        Binding("C", "check(False)", "check all", tooltip="Check everything, and ask every provider"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._checks: tuple[Check, ...] | None = None  # None while they are being made
        self._offline = True

    def contents(self) -> ComposeResult:
        """Yield the text."""
        yield Reading(Text("looking …"))

    def on_mount(self) -> None:
        """Give the keys to the text, and begin to check."""
        self.query_one(Reading).focus()
        self.action_check(True)

    def question(self) -> HealthQuestion:
        """Ask for the alarms."""
        return HealthQuestion()

    def paint(self) -> None:
        """Tell alarms and checks."""
        seen = self.seen
        health = seen.answer if seen is not None and isinstance(seen.answer, Health) else None
        notices, standing = (health.notices, health.standing) if health else (None, None)
        now = self.strongroom.clock()
        bad = unarchived_words(seen.status.coverage) if seen is not None else []
        story = health_story(notices, standing, self._checks, now, bad, offline=self._offline)
        self.query_one(Reading).show(story)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no provider asked by those who only look on."""
        if action == "check":
            return parameters == (True,) or not self.strongroom.read_only
        return super().check_action(action, parameters)

    def action_check(self, offline: bool) -> None:
        """Make the checks away from the screen: a provider may take its time."""
        config, clock = self.strongroom.reader.config, self.strongroom.clock
        self._checks, self._offline = None, offline
        self.repaint()

        async def work() -> None:
            found = await asyncio.to_thread(lambda: tuple(examine(config, Doors(clock=clock), offline=offline)))
            self._checks = found
            self.repaint()

        _worker: Worker[None] = self.run_worker(work, group="checks", exclusive=True)
