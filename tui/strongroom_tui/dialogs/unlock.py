"""A person's identity, opened for a while: held in memory alone and forgotten after idleness.

Nothing here writes anything. What a passphrase opens stays in this process, which leaves no core dump. What is not an
identity or not the passphrase is reported, and the question is repeated; what it was needed for is not lost.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.config.secrets import resolve
from strongroom.engine.core.identities import Identities, load_identities, needs_passphrase
from strongroom.model.errors import StrongroomError
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.dialogs.form import typed_path
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import ask, beside, perform
from strongroom_tui.widgets.text import error_text

if TYPE_CHECKING:
    from strongroom.config.secrets import SecretRef

_ANOTHER = "\n"  # no line that is typed has a line break


class _AnotherFile(Exception):
    """The person wants to choose another identity file."""


async def unlocked(tab: TabScreen) -> Identities:
    """Return the identities: those that are open, or else after the person has opened them. Raises WentBack."""
    keyring, identity = tab.strongroom.keyring, tab.strongroom.reader.config.vault.identity
    if keyring.open:
        return keyring.take()
    if identity is None:
        return await ask_file(tab)
    try:
        return await _open(tab, identity)
    except _AnotherFile:
        return await ask_file(tab)
    except StrongroomError as error:
        return await ask_file(tab, str(identity), _still_here(tab, error))


async def ask_file(tab: TabScreen, typed: str = "", trouble: str = "") -> Identities:
    """Ask which identity file is meant, open it in place of what is open, and return it. Raises WentBack."""
    words = "To open archives, an identity (private key) is needed. It is forgotten after five idle minutes."
    kept = tab.strongroom.reader.config.vault.identity
    start = str(kept) if kept is not None else "~/"
    while True:
        question = AskLine("Which identity file?", words, value=typed or start, trouble=trouble)
        typed, trouble = await ask(tab, question), ""
        try:
            return await _open(tab, typed_path(typed))
        except _AnotherFile:
            typed = ""
        except StrongroomError as error:
            trouble = _still_here(tab, error)


def _still_here(tab: TabScreen, error: StrongroomError) -> str:
    """Return an error in words for the next question; raise it again where the person has gone elsewhere."""
    if not tab.is_current:
        raise error
    return error_text(error)


async def _open(tab: TabScreen, path: Path) -> Identities:
    """Open an identity file with its passphrase, where it has one. Raises StrongroomError where it is none."""
    if not needs_passphrase(path):
        return await _load(tab, path, "")
    settings, trouble = tab.strongroom.reader.config.vault, ""
    kept = settings.passphrase if path == settings.identity else None
    if kept is not None:
        try:
            return await _load(tab, path, await beside(tab, partial(_fetched, kept)))
        except StrongroomError as error:
            tab.report(_still_here(tab, error))
    while True:
        try:
            return await _load(tab, path, await _ask_passphrase(tab, path, trouble))
        except StrongroomError as error:
            trouble = _still_here(tab, error)


async def _fetched(kept: SecretRef) -> str:
    """Take the passphrase from where it is kept: a keyring may wait for a person to unlock it."""
    return (await asyncio.to_thread(resolve, kept)).reveal()


async def _ask_passphrase(tab: TabScreen, path: Path, trouble: str) -> str:
    words = f"{path}\nIt is used only by this screen and forgotten after five idle minutes."
    another = ("Another file", _ANOTHER)
    question = AskLine("Passphrase of the identity", words, secret=True, trouble=trouble, instead=another)
    answer = await ask(tab, question)
    if answer == _ANOTHER:
        raise _AnotherFile
    return answer


async def _load(tab: TabScreen, path: Path, passphrase: str) -> Identities:
    """Open the file away from the screen: the passphrase is made slow to try on purpose."""
    opened = await perform(tab, lambda _session: load_identities(path, lambda: passphrase))
    tab.strongroom.keyring.put(opened)
    tab.strongroom.show_keyring()
    return tab.strongroom.keyring.take()
