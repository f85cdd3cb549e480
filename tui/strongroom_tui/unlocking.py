"""A person's identity, opened for a while: held in memory alone and forgotten after idleness.

Nothing here writes anything. What a passphrase opens stays in this process, which leaves no core dump.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from strongroom.config.secrets import resolve
from strongroom.engine.keys import Identities, load_identities, needs_passphrase
from strongroom.model.errors import StrongroomError
from strongroom_tui.dialog import AskLine
from strongroom_tui.room import Room

if TYPE_CHECKING:
    from strongroom.config.schema import Config

IDLE = timedelta(minutes=5)


class Keyring:
    """The opened identities, or none."""

    def __init__(self, ticking: Callable[[], float] = monotonic) -> None:
        self._ticking = ticking
        self._opened: Identities = []
        self._used = ticking()

    @property
    def open(self) -> bool:
        """Say whether something is opened."""
        return bool(self._opened)

    def take(self) -> Identities:
        """Return what is opened; it counts as used now."""
        self.touch()
        return list(self._opened)

    def put(self, opened: Identities) -> None:
        """Keep what was opened."""
        self._opened = opened
        self.touch()

    def touch(self) -> None:
        """Count as used now."""
        self._used = self._ticking()

    def lock(self) -> None:
        """Forget everything."""
        self._opened = []

    def lock_if_idle(self) -> bool:
        """Forget everything after idleness; say whether that happened now."""
        if self.open and self._ticking() - self._used > IDLE.total_seconds():
            self.lock()
            return True
        return False


def unlocked(room: Room, then: Callable[[Identities], None]) -> None:
    """Go on with the identities: those that are open, or else after the person has opened them."""
    keyring = room.strongroom.keyring
    if keyring.open:
        then(keyring.take())
        return
    config = room.strongroom.reader.config
    if config.vault.identity is not None:
        _open(room, config, config.vault.identity, then)
    else:
        ask_file(room, then)


def ask_file(room: Room, then: Callable[[Identities], None]) -> None:
    """Ask which identity file is meant, open it in place of what is open, and go on with it."""
    config = room.strongroom.reader.config
    words = "An identity is needed to open archives. It stays in memory and is forgotten after five idle minutes."

    def chosen(answer: str | None) -> None:
        if answer is not None:
            _open(room, config, Path(answer.strip()).expanduser(), then)

    start = str(config.vault.identity) if config.vault.identity is not None else "~/"
    room.app.push_screen(AskLine("Which identity file?", words, value=start), chosen)


def _open(room: Room, config: Config, path: Path, then: Callable[[Identities], None]) -> None:
    try:
        sealed = needs_passphrase(path)
    except StrongroomError as error:
        room.tell(f"{error.message}. {error.hint}", bad=True)
        return
    kept = config.vault.passphrase if path == config.vault.identity else None
    if not sealed:
        _load(room, path, "", then)
    elif kept is not None:
        try:
            _load(room, path, resolve(kept).reveal(), then)
        except StrongroomError as error:
            room.tell(error.message)
            _ask(room, path, then)
    else:
        _ask(room, path, then)


def _ask(room: Room, path: Path, then: Callable[[Identities], None]) -> None:
    def typed(answer: str | None) -> None:
        if answer is not None:
            _load(room, path, answer, then)

    words = f"{path}\nIt opens archives in this screen alone, and is forgotten after five idle minutes."
    another = ("Another file", lambda: ask_file(room, then))
    room.app.push_screen(AskLine("Passphrase of the identity", words, secret=True, instead=another), typed)


def _load(room: Room, path: Path, passphrase: str, then: Callable[[Identities], None]) -> None:
    """Open the file away from the screen: the passphrase is made slow to try on purpose."""

    def opened(identities: Identities) -> None:
        room.strongroom.keyring.put(identities)
        then(room.strongroom.keyring.take())

    room.do(lambda _desk: load_identities(path, lambda: passphrase), opened)
