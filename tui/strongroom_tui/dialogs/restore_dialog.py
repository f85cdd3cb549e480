"""Restoring, asked step by step: as delivered or its members, where to, which identity; its progress is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from strongroom.engine.access.restore import Restored, restore, restore_members
from strongroom.engine.core.identities import Identities
from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.model.provider import Container
from strongroom_tui.background_work import BackgroundWork
from strongroom_tui.dialogs.dialog import AskLine, Choose
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.folders import start_folder, typed_path
from strongroom_tui.results import told_restored
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.text_screen import TextScreen
from strongroom_tui.widgets.amounts import number, size

_WHOLE, _MEMBERS = "As delivered", "Its members"
_AS_DELIVERED = "the bytes as the provider delivered them"


def restore_archive(room: TabScreen, archive: Archive) -> None:
    """Ask what is wanted of the archive and where to; unlock, write, and show the digest."""
    if archive.expectation.container not in (Container.ZIP_OF_JSON, Container.BUNDLE):
        _ask_target(room, archive, members=False)
        return
    count = number(len(archive.inspection.members), "file")
    how = (
        f"one file, decoded from {archive.seal.delivered_coding}"
        if archive.seal.delivered_coding
        else "one file, byte for byte"
    )
    words = (
        f"{archive.seal.file_name}, {size(archive.seal.file_size)}, with {count} inside.\n"
        f"As delivered is {how}; its members are written into a new folder, each by itself."
    )

    def chosen(answer: str | None) -> None:
        if answer is not None:
            _ask_target(room, archive, members=answer == _MEMBERS)

    room.app.push_screen(Choose(f"Restore archive {archive.id}", words, (_WHOLE, _MEMBERS)), chosen)


def fresh_folder(base: Path, archive: Archive) -> Path:
    """Return a folder for the archive's members that does not exist yet."""
    name = f"{archive.stream}-{archive.spec.window.start:%Y-%m-%d}".replace(":", "-").replace("/", "-")
    found, count = base / name, 2
    while found.exists():
        found, count = base / f"{name}-{count}", count + 1
    return found


def _ask_target(room: TabScreen, archive: Archive, *, members: bool) -> None:
    if members:
        words = "A new or empty folder. The digest of the whole is checked before anything is written."
        start = fresh_folder(start_folder(), archive)
    else:
        coded = bool(archive.seal.delivered_coding)
        how = "the file that the provider delivered coded, decoded" if coded else _AS_DELIVERED
        words = (
            f"{archive.seal.file_name}, {size(archive.seal.file_size)}: {how}.\n"
            "Name a new file, or a folder to put it in. Nothing is ever overwritten; the digest is checked first."
        )
        start = start_folder() / archive.seal.file_name

    def chosen(answer: str | None) -> None:
        if answer is None:
            return
        try:
            target = typed_path(answer)
        except UsageError as error:
            room.tell(error.sentences, bad=True)
        else:
            unlocked(room, lambda identities: _restore(room, archive, target, identities, members=members))

    room.app.push_screen(AskLine(f"Restore archive {archive.id} to", words, value=str(start)), chosen)


def _restore(room: TabScreen, archive: Archive, target: Path, identities: Identities, *, members: bool) -> None:
    def done(restored: Restored | None, trouble: str) -> None:
        if restored is None:
            room.tell(trouble, bad=True)
        else:
            room.app.push_screen(TextScreen(told_restored(restored)))
        room.strongroom.reread()

    act: Callable[..., Restored] = restore_members if members else restore
    work = BackgroundWork(
        f"Restore archive {archive.id}",
        archive.seal.size,
        lambda vault, watch: act(vault, archive, identities, target, watch),
        done,
    )
    room.app.push_screen(work)
