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
from strongroom_tui.dialogs.form import typed_path
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.text import error_text

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.config.secrets import SecretRef


def unlocked(tab: TabScreen, then: Callable[[Identities], None]) -> None:
    """Go on with the identities: those that are open, or else after the person has opened them."""
    keyring = tab.strongroom.keyring
    if keyring.open:
        then(keyring.take())
        return
    config = tab.strongroom.reader.config
    if config.vault.identity is not None:
        _open(tab, config, config.vault.identity, then)
    else:
        ask_file(tab, then)


def ask_file(tab: TabScreen, then: Callable[[Identities], None], typed: str = "", trouble: str = "") -> None:
    """Ask which identity file is meant, open it in place of what is open, and go on with it.

    What is not an identity is reported, and the question is repeated; what it was needed for is not lost.
    """
    config = tab.strongroom.reader.config
    words = "To open archives, an identity (private key) is needed. It is forgotten after five idle minutes."

    def chosen(answer: str | None) -> None:
        if answer is None:
            return
        try:
            path = typed_path(answer)
        except UsageError as error:
            ask_file(tab, then, answer, error.sentences)
        else:
            _open(tab, config, path, then)

    start = str(config.vault.identity) if config.vault.identity is not None else "~/"
    tab.app.push_screen(AskLine("Which identity file?", words, value=typed or start, trouble=trouble), chosen)


def _open(tab: TabScreen, config: Config, path: Path, then: Callable[[Identities], None]) -> None:
    def another(words: str) -> None:
        if tab.is_current:
            ask_file(tab, then, str(path), words)
        else:
            tab.report(words, bad=True)

    try:
        sealed = needs_passphrase(path)
    except StrongroomError as error:
        another(error_text(error))
        return
    kept = config.vault.passphrase if path == config.vault.identity else None
    if not sealed:
        _load(tab, path, "", then, another)
    elif kept is not None:
        _fetch(tab, path, kept, then)
    else:
        _ask(tab, path, then)


def _fetch(tab: TabScreen, path: Path, kept: SecretRef, then: Callable[[Identities], None]) -> None:
    """Take the passphrase from where it is kept, away from the screen: a keyring may wait for a person to unlock it.

    What cannot be had there, or does not open the file, is asked for.
    """

    def ask(words: str) -> None:
        tab.report(words)
        if tab.is_current:  # a person who has gone elsewhere meanwhile is not called back
            _ask(tab, path, then)

    async def work() -> None:
        try:
            secret = await asyncio.to_thread(resolve, kept)
        except StrongroomError as error:
            ask(error_text(error))
            return
        _load(tab, path, secret.reveal(), then, ask)

    _worker: Worker[None] = tab.run_worker(work, group="kept", exclusive=True)


def _ask(tab: TabScreen, path: Path, then: Callable[[Identities], None], trouble: str = "") -> None:
    """Ask for the passphrase, again after a wrong one, which is reported; what it was needed for is not lost."""

    def again(words: str) -> None:
        if tab.is_current:
            _ask(tab, path, then, words)
        else:
            tab.report(words, bad=True)

    def typed(answer: str | None) -> None:
        if answer is not None:
            _load(tab, path, answer, then, again)

    words = f"{path}\nIt is used only by this screen and forgotten after five idle minutes."
    another = ("Another file", lambda: ask_file(tab, then))
    ask = AskLine("Passphrase of the identity", words, secret=True, trouble=trouble, instead=another)
    tab.app.push_screen(ask, typed)


def _load(
    tab: TabScreen,
    path: Path,
    passphrase: str,
    then: Callable[[Identities], None],
    trouble: Callable[[str], None] | None = None,
) -> None:
    """Open the file away from the screen: the passphrase is made slow to try on purpose."""

    def opened(identities: Identities) -> None:
        tab.strongroom.keyring.put(identities)
        tab.strongroom.show_keyring()
        then(tab.strongroom.keyring.take())

    tab.do(lambda _session: load_identities(path, lambda: passphrase), opened, trouble)
