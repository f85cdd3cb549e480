"""What a person asks of whoever works in the vault: a row that is written now and answered when somebody is at work.

Each is said at once, and its answer when it comes (answers.py).
"""

from __future__ import annotations

import os

from msgspec import Struct

from strongroom.engine.core.heartbeat import stands_by
from strongroom.engine.core.people import acting_person
from strongroom.engine.queries.lists import heartbeat_of_holder, worked_on_by
from strongroom.engine.queries.requests import Request, RequestKind, ask
from strongroom.text.sentences import request_words
from strongroom_tui.reader import Deed, VaultSession
from strongroom_tui.screens.screen import TabScreen


def person() -> str:
    """Return the name that this person's acts are written down under."""
    return acting_person().name


class SentRequest(Struct, frozen=True):
    """A request that was written down, and what to tell about it."""

    request: Request
    words: str


def ask_for(room: TabScreen, what: RequestKind, subject: str) -> None:
    """Ask for something, say so, and have its answer told when it comes."""

    def written(asked: SentRequest) -> None:
        room.strongroom.answers.expect(asked.request)
        room.tell(asked.words)

    room.do(wish(what, subject), written)


def wish(what: RequestKind, subject: str) -> Deed[SentRequest]:
    """Return the deed of asking for something."""

    def asking(session: VaultSession) -> SentRequest:
        request = ask(session.vault, what, subject, person(), session.clock, os.urandom)
        return SentRequest(request, f"asked: {request_words(request)}{_wait(session)}")

    return asking


def _wait(session: VaultSession) -> str:
    """Say what the request waits for, where nobody is there to answer it."""
    if not worked_on_by(session.vault):
        return "; no daemon is running, so it waits for the daemon or the next run"
    if stands_by(session.vault):
        return "; the clock is wrong, so it waits until the clock is right"
    told = heartbeat_of_holder(session.vault)
    return "" if told is None or told.fresh(session.clock()) else "; the daemon does not answer, so it waits"
