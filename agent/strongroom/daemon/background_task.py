"""One attempt at something that may hang: in a thread of its own, which is left behind when its time is over."""

from __future__ import annotations

import threading
from collections.abc import Callable

from strongroom.model.errors import StrongroomError


def failure_of(work: Callable[[], object]) -> str:
    """Do it; return why it failed, empty where it did not."""
    try:
        work()
    except StrongroomError as error:
        return f"{error.message}{f' ({error.hint})' if error.hint else ''}"
    except Exception as error:  # noqa: BLE001 - plugins raise what they like; the text may hold anything, the name not
        return f"it failed ({type(error).__name__})"
    return ""


class BackgroundTask:
    """Begins at once."""

    def __init__(self, work: Callable[[], object], name: str) -> None:
        self.failure = ""  # why it failed; of use once it is over
        self._thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait at most so long."""
        self._thread.join(seconds)

    def _run(self, work: Callable[[], object]) -> None:
        self.failure = failure_of(work)
