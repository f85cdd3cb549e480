"""Requests to the daemon: sent from the screen, shown while they wait, and their answers shown when they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from rich.text import Text

from strongroom.engine.core.heartbeat import stands_by
from strongroom.engine.core.people import acting_person
from strongroom.engine.queries.lists import heartbeat_of_holder, worked_on_by
from strongroom.engine.queries.requests import Request, RequestKind, ask
from strongroom.model.plan import Plan
from strongroom.model.text import clean
from strongroom.text.layout import clip
from strongroom.text.sentences import request_wait, request_words
from strongroom.text.units import number, span
from strongroom_tui.reader import VaultAction, VaultSession


def person() -> str:
    """Return the name that this person's acts are written down under."""
    return acting_person().name


class SentRequest(Struct, frozen=True):
    """A request that was written down, and what to say about it."""

    request: Request
    words: str


def send_request(what: RequestKind, subject: str) -> VaultAction[SentRequest]:
    """Return the work of writing a request down."""

    def sending(session: VaultSession) -> SentRequest:
        request = ask(session.vault, what, subject, person(), session.clock, os.urandom)
        return SentRequest(request, f"requested: {request_words(request)}{_wait(session)}")

    return sending


def _wait(session: VaultSession) -> str:
    """Say what the request waits for, where nobody is there to answer it."""
    beat = heartbeat_of_holder(session.vault)
    silence = session.clock() - beat.at if beat is not None and not beat.fresh(session.clock()) else None
    wait = request_wait(worked_on_by(session.vault), stands_by(session.vault), silence)
    return f"; {wait}" if wait else ""


PENDING_SIGN = "»"

PENDING_STYLE = "yellow"

_OF_PLANS = (RequestKind.PAUSE, RequestKind.RESUME, RequestKind.RUN_NOW)


def request_lines(waiting: Sequence[Request], now: datetime, width: int, most: int) -> list[Text]:
    """Return how many requests wait and which, newest first, on at most `most` lines of `width` cells."""
    if not waiting:
        return []
    count = "1 request waits" if len(waiting) == 1 else f"{number(len(waiting), 'request')} wait"
    shown = [f"{PENDING_SIGN} {count}: {_told(waiting[0], now)}"]
    shown += [f"{PENDING_SIGN} {_told(each, now)}" for each in waiting[1 : max(1, most)]]
    if len(waiting) > len(shown):
        shown[-1] += f"; {number(len(waiting) - len(shown))} more"
    return [Text(clip(line, width), PENDING_STYLE) for line in shown]


def pending_of(plan: Plan, waiting: Iterable[Request]) -> Request | None:
    """Return the newest request that waits and is about this plan: its stream, its source, or all of them."""
    names = (plan.stream.name, plan.stream.source)
    return next((each for each in waiting if each.wish in _OF_PLANS and _meant(each, names)), None)


def pending_words(request: Request) -> str:
    """Say on the line of a plan which request was sent for it: "» pause sent"."""
    return f"{PENDING_SIGN} {request.wish.value.replace('-', ' ')} sent"


def pending_line(request: Request, now: datetime) -> Text:
    """Say at length what was asked of a plan."""
    ago = f"{span(now - request.at)} ago by {clean(request.by)}"
    return Text(f"{pending_words(request)} {ago}; not answered yet", PENDING_STYLE)


def _meant(request: Request, names: tuple[str, str]) -> bool:
    return request.subject in names or (request.wish is RequestKind.RUN_NOW and not request.subject)


def _told(request: Request, now: datetime) -> str:
    return f"{request_words(request)}, requested {span(now - request.at)} ago"


class Answers:
    """The requests of one person whose answers are still to come. `me` names the person, as requests do."""

    def __init__(self, me: Callable[[], str]) -> None:
        self._me = me
        self._open: dict[str, Request] = {}

    def expect(self, request: Request) -> None:
        """Wait for the answer to this."""
        self._open[request.id] = request

    def missing(self, waiting: Iterable[Request]) -> list[Request]:
        """Take note of what waits now; return, in the order of asking, what was waited for and is not among it."""
        now = {each.id: each for each in waiting}
        gone = [each for key, each in sorted(self._open.items()) if key not in now]
        self._open |= {key: each for key, each in now.items() if each.by == self._me()}
        return gone

    def forget(self, request: Request) -> None:
        """Wait for this no longer."""
        self._open.pop(request.id, None)
