"""A person's identity, opened for a while: held in memory alone and forgotten after idleness.

Nothing here writes anything. What a passphrase opens stays in this process, which leaves no core dump.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.worker import Worker

from strongroom.config.secrets import resolve
from strongroom.engine.core.identities import Identities, load_identities, needs_passphrase
from strongroom.model.errors import StrongroomError, UsageError
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.folders import typed_path
from strongroom_tui.results import told_error
from strongroom_tui.screens.screen import TabScreen

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.config.secrets import SecretRef


def unlocked(room: TabScreen, then: Callable[[Identities], None]) -> None:
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


def ask_file(room: TabScreen, then: Callable[[Identities], None], typed: str = "", trouble: str = "") -> None:
    """Ask which identity file is meant, open it in place of what is open, and go on with it.

    What is none is told and asked for again, and what it was wanted for is not lost.
    """
    config = room.strongroom.reader.config
    words = "An identity is needed to open archives. It stays in memory and is forgotten after five idle minutes."

    def chosen(answer: str | None) -> None:
        if answer is None:
            return
        try:
            path = typed_path(answer)
        except UsageError as error:
            ask_file(room, then, answer, error.sentences)
        else:
            _open(room, config, path, then)

    start = str(config.vault.identity) if config.vault.identity is not None else "~/"
    room.app.push_screen(AskLine("Which identity file?", words, value=typed or start, trouble=trouble), chosen)


def _open(room: TabScreen, config: Config, path: Path, then: Callable[[Identities], None]) -> None:
    def another(words: str) -> None:
        if room.is_current:
            ask_file(room, then, str(path), words)
        else:
            room.tell(words, bad=True)

    try:
        sealed = needs_passphrase(path)
    except StrongroomError as error:
        another(told_error(error))
        return
    kept = config.vault.passphrase if path == config.vault.identity else None
    if not sealed:
        _load(room, path, "", then, another)
    elif kept is not None:
        _fetch(room, path, kept, then)
    else:
        _ask(room, path, then)


def _fetch(room: TabScreen, path: Path, kept: SecretRef, then: Callable[[Identities], None]) -> None:
    """Take the passphrase from where it is kept, away from the screen: a keyring may wait for a person to unlock it.

    What cannot be had there, or does not open the file, is asked for.
    """

    def ask(words: str) -> None:
        room.tell(words)
        if room.is_current:  # whoever has gone elsewhere meanwhile is not called back
            _ask(room, path, then)

    async def work() -> None:
        try:
            secret = await asyncio.to_thread(resolve, kept)
        except StrongroomError as error:
            ask(told_error(error))
            return
        _load(room, path, secret.reveal(), then, ask)

    _worker: Worker[None] = room.run_worker(work, group="kept", exclusive=True)


def _ask(room: TabScreen, path: Path, then: Callable[[Identities], None], trouble: str = "") -> None:
    """Ask for the passphrase; a wrong one is told and asked for again, and what it was wanted for is not lost."""

    def again(words: str) -> None:
        if room.is_current:
            _ask(room, path, then, words)
        else:
            room.tell(words, bad=True)

    def typed(answer: str | None) -> None:
        if answer is not None:
            _load(room, path, answer, then, again)

    words = f"{path}\nIt opens archives in this screen alone, and is forgotten after five idle minutes."
    another = ("Another file", lambda: ask_file(room, then))
    ask = AskLine("Passphrase of the identity", words, secret=True, trouble=trouble, instead=another)
    room.app.push_screen(ask, typed)


def _load(
    room: TabScreen,
    path: Path,
    passphrase: str,
    then: Callable[[Identities], None],
    trouble: Callable[[str], None] | None = None,
) -> None:
    """Open the file away from the screen: the passphrase is made slow to try on purpose."""

    def opened(identities: Identities) -> None:
        room.strongroom.keyring.put(identities)
        room.strongroom.show_keyring()
        then(room.strongroom.keyring.take())

    room.do(lambda _desk: load_identities(path, lambda: passphrase), opened, trouble)
