"""What a screen needs of the app around it. Screens know this alone, so that the app may know all screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from textual.worker import Worker

from strongroom.model.times import Clock
from strongroom_tui.keyring import Keyring
from strongroom_tui.pending_requests import Answers
from strongroom_tui.reader import VaultReader
from strongroom_tui.state import Habit
from strongroom_tui.widgets.header import Beside, Tab


class Host(Protocol):
    """The app, as its screens see it."""

    reader: VaultReader
    clock: Clock
    read_only: bool
    keyring: Keyring
    answers: Answers
    habits: dict[str, Habit]
    zoom: str
    """How wide a cell of the coverage strip is."""

    @property
    def tabs(self) -> Sequence[Tab]:
        """Return the tabs of the header."""

    @property
    def beside(self) -> Beside:
        """Return what the header shows besides the vault."""

    @property
    def current_mode(self) -> str:
        """Return the mode of the screen that is shown."""

    def reread(self) -> None:
        """Read the catalogue again as soon as possible."""

    def show_keyring(self) -> None:
        """Show at once that an identity was opened or forgotten."""

    def action_lock(self) -> None:
        """Forget the identity that is open."""

    def open_archives(self, stream: str) -> None:
        """Show the archives of one stream."""

    def run_worker(self, work: Callable[[], Awaitable[Any]], *, group: str) -> Worker[Any]:
        """Run something beside the screen."""
