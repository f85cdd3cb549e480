"""Bounds of the HTTP policy, and the ways through the network that a person has configured. Times in seconds.

A watch over one exchange: its wall-clock deadline, a person's wish to stop, and whether bytes have left us.

A socket's own time-out starts anew with every read, so a peer that drips one byte a minute would never end. Every wait
of the connection asks here first how long it may take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from strongroom.model.errors import Interrupted


class Pace(Struct, frozen=True):
    """The slowest transfer that is allowed: `rate` bytes a second, judged over each `window` seconds of waiting."""

    rate: float = 1024
    window: float = 60


class Bounds(Struct, frozen=True):
    """How long things may take and how large they may get; sizes in bytes."""

    connect: float = 10
    read: float = 60  # one wait for the next bytes
    call: float = 120  # one API call, whole; of a download: until its headers are here
    answer: int = 16 << 20  # body of an API answer
    pages: int = 2_000  # of one list
    walk: float = 600  # one list, all its pages
    redirects: int = 5
    pace: Pace = Pace()  # of a download, once it runs
    export: int = 1 << 40  # one downloaded file
    resumes: int = 5  # of one download


@dataclass(frozen=True, slots=True)
class Paths:
    """Where connections may go, and through what.

    With a proxy the proxy looks names up, so it decides about addresses behind names; numeric ones are still checked.
    """

    allow_private: bool = False
    download_hosts: tuple[str, ...] = ()  # suffixes; empty allows every public host
    ca_file: str | None = None  # PEM; replaces the built-in roots of trust
    proxy: str | None = field(default=None, repr=False)  # http or https; may hold a password


Monotonic = Callable[[], float]
"""Gives seconds that never run backwards."""

_SLICE = 0.25  # seconds between two looks at the wish to stop


class OutOfTime(Exception):
    """A time bound was reached. The message says which."""


def after_grace(stop: Callable[[], bool], monotonic: Monotonic, grace: float) -> Callable[[], bool]:
    """Return a function that says when to stop: `grace` seconds after `stop` first says so."""
    seen: list[float] = []

    def asked() -> bool:
        if not stop():
            return False
        seen.append(monotonic())
        return seen[-1] - seen[0] >= grace

    return asked


class Watch:
    """Watches one exchange. `sent` says whether a byte of the request may have left this machine."""

    def __init__(
        self, monotonic: Monotonic, seconds: float, stop: Callable[[], bool] | None = None, pace: Pace | None = None
    ) -> None:
        self.sent = False
        self._monotonic = monotonic
        self._seconds = seconds
        self._deadline: float | None = monotonic() + seconds
        self._stop = stop
        self._pace = pace
        self._waited = 0.0
        self._got = 0

    def now(self) -> float:
        """Return the present monotonic second."""
        return self._monotonic()

    @property
    def lifted(self) -> bool:
        """Whether the answer has begun and only its pace counts."""
        return self._deadline is None

    def lift(self) -> None:
        """End the deadline: the answer has begun, and from here its pace is what counts."""
        self._deadline = None

    def left(self, timeout: float | None, since: float) -> float:
        """Return the seconds that a wait begun at `since` may still take; raise OutOfTime when there are none."""
        now = self._monotonic()
        if self._deadline is not None and now >= self._deadline:
            raise OutOfTime(f"there was no whole answer within {self._seconds:g} seconds")
        left = self._seconds if timeout is None else since + timeout - now
        if left <= 0:
            raise OutOfTime(f"nothing came for {timeout:g} seconds")
        return left if self._deadline is None else min(left, self._deadline - now)

    def look(self, timeout: float | None, since: float) -> float:
        """Return how long to wait before looking again; raise OutOfTime, or Interrupted when someone wants to stop."""
        self.obey()
        left = self.left(timeout, since)
        return left if self._stop is None else min(left, _SLICE)

    def obey(self) -> None:
        """Raise Interrupted when someone wants to stop."""
        if self._stop is not None and self._stop():
            raise Interrupted("stopped while it waited for the provider; the next run resumes")

    def count(self, waited: float, got: int) -> None:
        """Count one wait and the bytes it brought; raise OutOfTime when a whole window was too slow.

        Only waiting counts: time that our own disk takes is not the peer's slowness.
        """
        if self._pace is None or not self.lifted:
            return
        self._waited += waited
        self._got += got
        if self._waited < self._pace.window:
            return
        if self._got < self._pace.rate * self._waited:
            raise OutOfTime(f"only {self._got} bytes came in {self._waited:.0f} seconds of waiting")
        self._waited, self._got = 0.0, 0
