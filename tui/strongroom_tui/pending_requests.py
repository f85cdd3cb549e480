"""Requests that nobody has answered yet, in the words of the rooms. Pure: requests in, lines out.

Answers that a person waits for: of what was asked for on this screen, and of what this person asked for before.

A request that waited and waits no longer was answered. What became of it is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from rich.text import Text

from strongroom.engine.queries.lists import Request, RequestKind
from strongroom.model.plan import Plan
from strongroom.text.sentences import request_words
from strongroom_tui.widgets.amounts import number, span
from strongroom_tui.widgets.text import clean, clip

SIGN = "»"
STYLE = "yellow"
_OF_PLANS = (RequestKind.PAUSE, RequestKind.RESUME, RequestKind.RUN_NOW)


def request_lines(waiting: Sequence[Request], now: datetime, width: int, most: int) -> list[Text]:
    """Return how many requests wait and which, newest first, on at most `most` lines of `width` cells."""
    if not waiting:
        return []
    count = "1 request waits" if len(waiting) == 1 else f"{number(len(waiting), 'request')} wait"
    shown = [f"{SIGN} {count}: {_told(waiting[0], now)}"]
    shown += [f"{SIGN} {_told(each, now)}" for each in waiting[1 : max(1, most)]]
    if len(waiting) > len(shown):
        shown[-1] += f"; {number(len(waiting) - len(shown))} more"
    return [Text(clip(line, width), STYLE) for line in shown]


def asked_of(plan: Plan, waiting: Iterable[Request]) -> Request | None:
    """Return the newest request that waits and is about this plan: its stream, its source, or all of them."""
    names = (plan.stream.name, plan.stream.source)
    return next((each for each in waiting if each.wish in _OF_PLANS and _meant(each, names)), None)


def asked_words(request: Request) -> str:
    """Say on the line of a plan what was asked of it: "» pause asked"."""
    return f"{SIGN} {request.wish.value.replace('-', ' ')} asked"


def asked_line(request: Request, now: datetime) -> Text:
    """Say at length what was asked of a plan."""
    ago = f"{span(now - request.at)} ago by {clean(request.by)}"
    return Text(f"{asked_words(request)} {ago}; not answered yet", STYLE)


def _meant(request: Request, names: tuple[str, str]) -> bool:
    return request.subject in names or (request.wish is RequestKind.RUN_NOW and not request.subject)


def _told(request: Request, now: datetime) -> str:
    return f"{request_words(request)}, asked {span(now - request.at)} ago"


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

    def told(self, request: Request) -> None:
        """Wait for this no longer."""
        self._open.pop(request.id, None)
