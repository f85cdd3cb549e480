"""Answers that a person waits for: of what was asked for on this screen, and of what this person asked for before.

A request that waited and waits no longer was answered. What became of it is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from strongroom.engine.readings import Request


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
