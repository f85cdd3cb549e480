"""Asking every provider for the time, in a thread of its own: one answer can take two minutes, and the daemon meanwhile
has a watchdog to feed and a wish to stop to hear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from strongroom.daemon.attempt import Attempt
from strongroom.engine.engine import Source
from strongroom.model.errors import StrongroomError, Transient


@dataclass(frozen=True, slots=True)
class Told:
    """What one provider said: its clock minus ours, None where it did not say; or why it could not be asked."""

    source: str
    skew: timedelta | None = None
    failure: str = ""
    out_of_reach: bool = False  # the failure is the network's or the provider's: asking again may help


class Asking:
    """One round through the providers. Begins at once."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = dict(sources)
        self._told: list[Told] = []
        self._attempt = Attempt(self._ask, "ask-time")

    def answers(self, seconds: float) -> list[Told] | None:
        """Return what was said, or None where the round takes longer than so many seconds from now."""
        self._attempt.wait(seconds)
        return self._told if self._attempt.over else None

    def _ask(self) -> None:
        for name, source in self._sources.items():
            try:
                self._told.append(Told(name, source.provider.probe().clock_skew))
            except Transient as error:
                self._told.append(Told(name, failure=error.message, out_of_reach=True))
            except StrongroomError as error:
                self._told.append(Told(name, failure=error.message))
