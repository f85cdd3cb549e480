"""What providers said of waiting exports a moment ago, shared between workers and gone with the process.

Where observing is by a list, one sweep tells of every export that jobs wait for: the first job that is due reads it,
the others take what it found. Each takes it once, and only what was asked after the job began to wait, so that nobody
acts twice on one answer or on one from before a renewal. A lost memory costs one more sweep and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from strongroom.model.instants import Clock
from strongroom.model.provider import Observation

Observe = Callable[[Sequence[str]], Mapping[str, Observation]]


class Observations:
    """The newest observation of each export of each source that nobody has taken yet. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._sources: dict[str, _Shelf] = {}

    def of(self, source: str) -> _Shelf:
        """Return what is known of one source's exports."""
        with self._guard:
            return self._sources.setdefault(source, _Shelf())


class _Shelf:
    """One source's observations. While one worker asks the provider, the others wait for its answer."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._seen: dict[str, tuple[datetime, Observation]] = {}

    def look(
        self, ref: str, since: datetime, age: timedelta, clock: Clock, others: Callable[[], Sequence[str]], ask: Observe
    ) -> Observation:
        """Return an observation of `ref` that was asked for at `since` or later and is at most so old.

        Asks for it together with the `others` where there is none. What `ask` raises passes through.
        """
        with self._guard:
            at, seen = self._seen.pop(ref, (None, None))
            now = clock()
            if seen is not None and at is not None and at >= since and abs(now - at) <= age:
                return seen
            found = ask(sorted({ref, *others()}))
            self._seen = {name: (now, told) for name, told in found.items() if name != ref}
            return found[ref]
