"""The identities that a person opened on the screen: held in memory alone and forgotten after idleness."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from strongroom.engine.core.identities import Identities

IDLE = timedelta(minutes=5)


class Keyring:
    """The opened identities, or none."""

    def __init__(self, ticking: Callable[[], float] = monotonic) -> None:
        self._ticking = ticking
        self._opened: Identities = []
        self._used = ticking()
        self._holders: list[Callable[[], None]] = []

    @property
    def open(self) -> bool:
        """Say whether something is opened."""
        return bool(self._opened)

    def take(self) -> Identities:
        """Return what is opened; it counts as used now."""
        self.touch()
        return list(self._opened)

    @property
    def words(self) -> str:
        """Say that something is opened and for how long yet, or nothing."""
        if not self.open:
            return ""
        minutes = int(IDLE.total_seconds() - (self._ticking() - self._used)) // 60
        return f"unlocked, {minutes} min left" if minutes >= 1 else "unlocked, less than 1 min left"

    def heed(self, forget: Callable[[], None]) -> Callable[[], None]:
        """Have `forget` called whenever the identity is forgotten; return what takes that back."""
        self._holders.append(forget)
        return lambda: self._holders.remove(forget)

    def put(self, opened: Identities) -> None:
        """Keep what was opened."""
        self._opened = opened
        self.touch()

    def touch(self) -> None:
        """Count as used now."""
        self._used = self._ticking()

    def lock(self) -> None:
        """Forget everything, here and wherever something was opened with it."""
        self._opened = []
        for forget in list(self._holders):
            forget()

    def lock_if_idle(self) -> bool:
        """Forget everything after idleness; say whether that happened now."""
        if self.open and self._ticking() - self._used > IDLE.total_seconds():
            self.lock()
            return True
        return False
