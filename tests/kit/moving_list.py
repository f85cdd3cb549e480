"""A list of messages that never holds still: new ones arrive, those of one second change places, and some are edited.

Its cursor is a number of records from the newest one, so whatever arrives moves every page.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from types import TracebackType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom_sandbox.hosts import HostThread, listen, url_of

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


class MovingList:
    """Messages of `days` days from EPOCH on, in bursts within a second; a context manager that serves them."""

    def __init__(self, count: int, days: int, seed: int, *, arrivals: float = 0.5) -> None:
        self._random = random.Random(seed)
        self._seconds: list[int] = []  # of each message, oldest first
        free = iter(self._random.sample(range(days * 86_400), min(count, days * 86_400)))
        while len(self._seconds) < count:
            second = next(free)
            self._seconds += [second] * min(self._random.choice([1, 1, 1, 2, 5, 80]), count - len(self._seconds))
        self._seconds.sort()
        self._names = [f"msg{number:07}" for number in range(count)]
        self._edits: dict[int, int] = {}
        self._arrivals, self._now = arrivals, days * 86_400
        self.requests = 0
        self.refusals: list[int] = []  # statuses of the next answers

    def __enter__(self) -> MovingList:
        (plug,) = listen("127.0.0.1", [0])
        self.url = url_of("127.0.0.1", plug)
        self._thread = HostThread([(Starlette(routes=[Route("/messages", self._page)]), plug)])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.stop()

    def names(self, start: datetime, end: datetime) -> set[str]:
        """Return the messages of a window."""
        first, last = (bisect_left(self._seconds, (at - EPOCH).total_seconds()) for at in (start, end))
        return set(self._names[first:last])

    async def _page(self, request: Request) -> Response:
        self.requests += 1
        if self.refusals:
            return JSONResponse({"message": "not now"}, self.refusals.pop(0), headers={"Retry-After": "5"})
        self._move()
        offset, limit = (int(request.query_params.get(name, 0)) for name in ("cursor", "limit"))
        last = len(self._seconds) - offset
        shown = self._shown(max(0, last - limit), max(0, last))
        following = str(offset + limit) if last > limit else None
        return JSONResponse({"items": shown, "nextCursor": following})

    def _move(self) -> None:
        if self._random.random() < self._arrivals:
            self._now += self._random.randrange(3)
            self._seconds.append(self._now)
            self._names.append(f"msg{len(self._names):07}")
        self._edits[self._random.randrange(len(self._names))] = self.requests

    def _shown(self, first: int, last: int) -> list[dict[str, object]]:
        """Return the messages between two places, newest first; those of a second in another order each time."""
        if first >= last:
            return []
        low = bisect_left(self._seconds, self._seconds[first])
        high = bisect_left(self._seconds, self._seconds[last - 1] + 1)
        order = sorted(range(low, high), key=lambda place: (self._seconds[place], self._random.random()))
        return [self._message(place) for place in reversed(order[first - low : last - low])]

    def _message(self, place: int) -> dict[str, object]:
        at = EPOCH + timedelta(seconds=self._seconds[place])
        body = f"edited {self._edits[place]}" if place in self._edits else "as it was sent"
        return {"id": self._names[place], "createdAt": at.isoformat(), "to": "+390000", "text": body}


def read_page(content: bytes) -> list[dict[str, str]]:
    """Return the messages of a page."""
    found: list[dict[str, str]] = json.loads(content)["items"]
    return found
