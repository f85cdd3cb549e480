"""What a person asks of whoever works in the vault: a row that is written now and answered when somebody is at work.

Each is said at once, and its answer when it comes (answers.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from strongroom.engine.health.heartbeat import stands_by
from strongroom.engine.people import acting_person
from strongroom.engine.phrases import wish_words
from strongroom.engine.readings import heartbeat_of_holder, worked_on_by
from strongroom.engine.requests import Request, Wish, ask
from strongroom_tui.desk import Deed, Desk
from strongroom_tui.room import Room


def person() -> str:
    """Return the name that this person's acts are written down under."""
    return acting_person().name


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was written down, and what to tell about it."""

    request: Request
    words: str


def ask_for(room: Room, what: Wish, subject: str) -> None:
    """Ask for something, say so, and have its answer told when it comes."""

    def written(asked: Asked) -> None:
        room.strongroom.answers.expect(asked.request)
        room.tell(asked.words)

    room.do(wish(what, subject), written)


def wish(what: Wish, subject: str) -> Deed[Asked]:
    """Return the deed of asking for something."""

    def asking(desk: Desk) -> Asked:
        request = ask(desk.vault, what, subject, person(), desk.clock, os.urandom)
        return Asked(request, f"asked: {wish_words(request)}{_wait(desk)}")

    return asking


def _wait(desk: Desk) -> str:
    """Say what the request waits for, where nobody is there to answer it."""
    if not worked_on_by(desk.vault):
        return "; no daemon is running, so it waits for the daemon or the next run"
    if stands_by(desk.vault):
        return "; the clock is wrong, so it waits until the clock is right"
    told = heartbeat_of_holder(desk.vault)
    return "" if told is None or told.fresh(desk.clock()) else "; the daemon does not answer, so it waits"
