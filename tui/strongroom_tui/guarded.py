"""What every app here has: its colours, and an end that tells a fault without what the variables held.

The toolkit's own end prints the variables of every frame to the terminal: clear text of records, passphrases, opened
identities. Here the fault is raised when the terminal is back, for the one place that puts faults into words.
"""

from __future__ import annotations

from textual.app import App, ReturnType
from textual.worker import WorkerFailed

from strongroom_tui.colours import CONTRAST, DARK, LIGHT


class GuardedApp(App[ReturnType]):
    """An app over what is confidential."""

    def __init__(self) -> None:
        super().__init__()
        self.ansi_theme_dark, self.ansi_theme_light = DARK, LIGHT
        self.register_theme(CONTRAST)

    def raise_fault(self) -> None:
        """Raise what ended the app, if a fault did; to be called after it has ended."""
        fault = self._exception
        if fault is not None:
            raise fault.error if isinstance(fault, WorkerFailed) else fault

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()
