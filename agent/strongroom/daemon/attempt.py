"""One attempt at something that may hang: in a thread of its own, which is left behind when its time is over."""

from __future__ import annotations

import threading
from collections.abc import Callable

from strongroom.model.errors import StrongroomError


class Attempt:
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
