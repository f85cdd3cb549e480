"""One attempt at something that may hang: in a thread of its own, which is left behind when its time is over.

Asking every provider for the time, in a thread of its own: one answer can take two minutes, and the daemon meanwhile
has a watchdog to feed and a wish to stop to hear.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec import Struct

from strongroom.engine.core.engine import SourceAccount
from strongroom.model.errors import StrongroomError, Transient


class BackgroundTask:
    """Begins at once. It has failed when it has ended with words, or when its time is over and it has not ended."""

    def __init__(self, work: Callable[[], object], name: str) -> None:
        self._failure = ""
        self._thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Say whether it has ended."""
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait at most so long."""
        self._thread.join(seconds)

    @property
    def failure(self) -> str:
        """Why it failed, empty where it did not; of use once it is over."""
        return self._failure

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except StrongroomError as error:
            self._failure = f"{error.message}{f' ({error.hint})' if error.hint else ''}"
        except Exception as error:  # noqa: BLE001 - plugins raise what they like; the text may hold anything, the name not
            self._failure = f"it failed ({type(error).__name__})"


class ClockAnswers(Struct, frozen=True):
    """What one provider said: its clock minus ours, None where it did not say; or why it could not be asked."""

    source: str
    skew: timedelta | None = None
    failure: str = ""
    out_of_reach: bool = False  # the failure is the network's or the provider's: asking again may help


class ClockPoll:
    """One round through the providers. Begins at once."""

    def __init__(self, sources: Mapping[str, SourceAccount]) -> None:
        self._sources = dict(sources)
        self._told: list[ClockAnswers] = []
        self._attempt = BackgroundTask(self._ask, "ask-time")

    def answers(self, seconds: float) -> list[ClockAnswers] | None:
        """Return what was said, or None where the round takes longer than so many seconds from now."""
        self._attempt.wait(seconds)
        return self._told if self._attempt.over else None

    def _ask(self) -> None:
        for name, source in self._sources.items():
            try:
                self._told.append(ClockAnswers(name, source.provider.probe().clock_skew))
            except Transient as error:
                self._told.append(ClockAnswers(name, failure=error.message, out_of_reach=True))
            except StrongroomError as error:
                self._told.append(ClockAnswers(name, failure=error.message))
