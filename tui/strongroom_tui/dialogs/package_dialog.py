"""Handing archives over, asked step by step: which, to which key, into which folder; then made, its progress shown.

Each answer is judged as it is given, before anything is signed or written; what is refused is asked again with what was
typed, and no answer is lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.access.fixity import Watch
from strongroom.engine.access.inventory import find_archive
from strongroom.engine.core.identities import Identities
from strongroom.engine.core.people import acting_person
from strongroom.engine.proof.package import (
    HandedOver,
    PackageRequest,
    PackageSource,
    check_recipient,
    check_target,
    hand_over,
)
from strongroom.engine.queries.lists import Vault
from strongroom.model.archive import Archive
from strongroom.model.errors import StrongroomError
from strongroom.text.events import entry_words
from strongroom_tui.background_work import BackgroundWork
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.folders import start_folder, typed_path
from strongroom_tui.results import in_keys, told_handover
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.text_screen import TextScreen
from strongroom_tui.widgets.amounts import number


class Wanted(Struct, frozen=True):
    """What has been answered so far."""

    archives: Sequence[Archive]
    recipient: str = ""  # a public key; empty: sealed to whom the vault is sealed to
    folder: str = ""
    matter: str = ""

    @property
    def target(self) -> Path:
        """Return the folder of the package."""
        return typed_path(self.folder)


def ask_which(room: TabScreen, typed: str = "", trouble: str = "") -> None:
    """Ask for archives by their ids, find them, and ask on."""
    words = (
        "Their ids, or ends of them, with commas between: the list of archives shows them. There the same key hands "
        "over the archive that is chosen, or all that a filter shows."
    )

    def chosen(answer: str | None) -> None:
        if answer is not None:
            parts = [part.strip() for part in answer.split(",") if part.strip()]
            room.do(
                lambda session: [find_archive(session.vault, part) for part in parts],
                lambda found: ask_on(room, found),
                lambda wrong: ask_which(room, answer, wrong),
            )

    need = "name one archive at least"
    room.app.push_screen(AskLine("Hand over which archives?", words, value=typed, need=need, trouble=trouble), chosen)


def ask_on(room: TabScreen, archives: Sequence[Archive], matter: str = "") -> None:
    """Ask for the recipient's key and the folder, then make the package."""
    if not archives:
        room.tell("there is nothing to hand over", bad=True)
        return
    found = list({each.id: each for each in archives}.values())
    _ask_key(room, Wanted(found, folder=str(start_folder() / "handover"), matter=matter))


def _ask_key(room: TabScreen, wanted: Wanted) -> None:
    words = (
        f"{_named(wanted.archives)}.\nWith a public key (age1…) their keys are sealed to it alone, which needs "
        "your identity. Leave it empty to keep them sealed to whom the vault is sealed to."
    )

    def keyed(answer: str | None) -> None:
        if answer is not None:
            _ask_folder(room, replace(wanted, recipient=answer.strip()))

    def check(line: str) -> str:
        return _refusal(lambda: check_recipient(line.strip())) if line.strip() else ""

    title = "Seal the keys to which public key?"
    room.app.push_screen(AskLine(title, words, value=wanted.recipient, optional=True, check=check), keyed)


def _ask_folder(room: TabScreen, wanted: Wanted, trouble: str = "") -> None:
    to = f"Sealed to {wanted.recipient}" if wanted.recipient else "Sealed to whom the vault is sealed to"
    words = f"{_named(wanted.archives)}. {to}.\nA folder that is not there yet. Nothing in it lies in the clear."

    def placed(answer: str | None) -> None:
        if answer is None:
            return
        chosen = replace(wanted, folder=answer.strip())
        if chosen.recipient:
            unlocked(room, lambda identities: _make(room, chosen, identities))
        else:
            _make(room, chosen, [])

    ask = AskLine(
        "Into which folder?",
        words,
        value=wanted.folder,
        check=lambda line: _refusal(lambda: check_target(typed_path(line))),
        trouble=trouble,
    )
    room.app.push_screen(ask, placed)


def _make(room: TabScreen, wanted: Wanted, identities: Identities) -> None:
    config, clock = room.strongroom.reader.config, room.strongroom.clock
    recipients = (wanted.recipient,) if wanted.recipient else ()
    order = PackageRequest(wanted.archives, wanted.target, acting_person(), recipients, False, wanted.matter)

    def done(made: HandedOver | None, trouble: str) -> None:
        if made is not None:
            room.app.push_screen(TextScreen(told_handover(made)))
        elif room.is_current:
            _ask_folder(room, wanted, trouble)
        else:
            room.tell(trouble, bad=True)
        room.strongroom.reread()

    def work(vault: Vault, watch: Watch) -> HandedOver:
        giver = PackageSource(vault, config, clock, os.urandom, entry_words, identities, lambda _archive: watch(1))
        return hand_over(giver, order)

    room.app.push_screen(BackgroundWork("Hand over", len(order.archives), work, done, unit="archive"))


def _named(archives: Sequence[Archive]) -> str:
    """Say which archives are meant: the first few by stream and id, and how many."""
    first = ", ".join(f"{each.stream} …{each.id[-8:]}" for each in archives[:3])
    more = f" and {number(len(archives) - 3)} more" if len(archives) > 3 else ""
    return f"{number(len(archives), 'archive')}: {first}{more}"


def _refusal(check: Callable[[], None]) -> str:
    """Return what is wrong by a check, in words, or nothing."""
    try:
        check()
    except StrongroomError as error:
        return in_keys(f"{error.message}\n{error.hint}".strip())
    return ""
