"""Handing archives over, asked step by step: to which key, into which folder; then made with its progress shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from strongroom.engine.fixity import Watch
from strongroom.engine.handover import Giver, HandedOver, Order, hand_over
from strongroom.engine.keys import Identities
from strongroom.engine.people import acting_person
from strongroom.engine.phrases import entry_words
from strongroom.engine.readings import Vault, find_archive
from strongroom.model.archive import Archive
from strongroom_tui.amounts import number
from strongroom_tui.dialog import AskLine
from strongroom_tui.longwork import LongWork
from strongroom_tui.reading import TextScreen
from strongroom_tui.room import Room
from strongroom_tui.told import told_handover
from strongroom_tui.unlocking import unlocked


def hand_over_archives(room: Room, parts: Sequence[str], matter: str = "") -> None:
    """Find the archives that were named, and ask on."""
    room.do(lambda desk: [find_archive(desk.vault, part) for part in parts], lambda found: ask_on(room, found, matter))


def ask_on(room: Room, archives: Sequence[Archive], matter: str = "") -> None:
    """Ask for the recipient's key and the folder, then make the package."""
    if not archives:
        room.tell("there is nothing to hand over", bad=True)
        return
    words = (
        f"{number(len(archives), 'archive')}. With a public key (age1…) their keys are sealed to it alone, which needs "
        "your identity. Leave it empty to keep them sealed to whom the vault is sealed to."
    )

    def keyed(answer: str | None) -> None:
        if answer is not None:
            _ask_folder(room, archives, answer.strip(), matter)

    room.app.push_screen(AskLine("Seal the keys to which public key?", words, optional=True), keyed)


def _ask_folder(room: Room, archives: Sequence[Archive], recipient: str, matter: str) -> None:
    words = "A folder that is not there yet. Nothing in it lies in the clear."

    def placed(answer: str | None) -> None:
        if answer is None:
            return
        recipients = (recipient,) if recipient else ()
        order = Order(
            archives, Path(answer.strip()).expanduser().absolute(), acting_person(), recipients, False, matter
        )
        if recipient:
            unlocked(room, lambda identities: _make(room, order, identities))
        else:
            _make(room, order, [])

    room.app.push_screen(AskLine("Into which folder?", words, value=str(Path.cwd() / "handover")), placed)


def _make(room: Room, order: Order, identities: Identities) -> None:
    config, clock = room.strongroom.reader.config, room.strongroom.clock

    def done(made: HandedOver | None, trouble: str) -> None:
        if made is None:
            room.tell(trouble, bad=True)
        else:
            room.app.push_screen(TextScreen(told_handover(made)))
        room.strongroom.reread()

    def work(vault: Vault, watch: Watch) -> HandedOver:
        giver = Giver(vault, config, clock, os.urandom, entry_words, identities, lambda _archive: watch(1))
        return hand_over(giver, order)

    room.app.push_screen(LongWork("Hand over", len(order.archives), work, done, unit="archive"))
