"""Requests that nobody has answered yet, in the words of the rooms. Pure: requests in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.text import Text

from strongroom.engine.phrases import wish_words
from strongroom.engine.readings import Request, Wish
from strongroom.model.plan import Plan
from strongroom_tui.amounts import number, span
from strongroom_tui.plain import clean, clip

SIGN = "»"
STYLE = "yellow"
_OF_PLANS = (Wish.PAUSE, Wish.RESUME, Wish.RUN_NOW)


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
    return request.subject in names or (request.wish is Wish.RUN_NOW and not request.subject)


def _told(request: Request, now: datetime) -> str:
    return f"{wish_words(request)}, asked {span(now - request.at)} ago"
