"""Restoring, asked step by step: as delivered or its members, where to, which identity; its progress is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.text import Text

from strongroom.engine.access.fixity import Watch
from strongroom.engine.access.restore import Restored, restore, restore_members
from strongroom.engine.core.identities import Identities
from strongroom.engine.queries.lists import Vault
from strongroom.model.archive import Archive
from strongroom.model.provider import Container
from strongroom.model.text import clean
from strongroom.text.units import number, size
from strongroom_tui.dialogs.background_work import show_work
from strongroom_tui.dialogs.dialog import AskLine, Choose
from strongroom_tui.dialogs.form import path_trouble, start_folder, typed_path
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import ask

_WHOLE, _MEMBERS = "As delivered", "Files inside"

_AS_DELIVERED = "the bytes as the provider delivered them"


async def restore_archive(tab: TabScreen, archive: Archive) -> None:
    """Ask what is wanted of the archive and where to; unlock, write, and show the digest."""
    members = await _wants_members(tab, archive)
    target = await _ask_target(tab, archive, members=members)
    await _restore(tab, archive, target, await unlocked(tab), members=members)


async def _wants_members(tab: TabScreen, archive: Archive) -> bool:
    if archive.expectation.container not in (Container.ZIP_OF_JSON, Container.BUNDLE):
        return False
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
    return await ask(tab, Choose(f"Restore archive {archive.id}", words, (_WHOLE, _MEMBERS))) == _MEMBERS


def new_folder(base: Path, archive: Archive) -> Path:
    """Return a folder for the archive's members that does not exist yet."""
    name = f"{archive.stream}-{archive.spec.window.start:%Y-%m-%d}".replace(":", "-").replace("/", "-")
    found, count = base / name, 2
    while found.exists():
        found, count = base / f"{name}-{count}", count + 1
    return found


async def _ask_target(tab: TabScreen, archive: Archive, *, members: bool) -> Path:
    if members:
        words = "Name a new or empty folder. The digest of the whole is checked before anything is written."
        start = new_folder(start_folder(), archive)
    else:
        coded = bool(archive.seal.delivered_coding)
        how = "the file that the provider delivered coded, decoded" if coded else _AS_DELIVERED
        words = (
            f"{archive.seal.file_name}, {size(archive.seal.file_size)}: {how}.\n"
            "Name a new file, or a folder to put it in. Nothing is ever overwritten; the digest is checked first."
        )
        start = start_folder() / archive.seal.file_name
    title = f"Restore archive {archive.id} to"
    return typed_path(await ask(tab, AskLine(title, words, value=str(start), check=path_trouble)))


async def _restore(tab: TabScreen, archive: Archive, target: Path, identities: Identities, *, members: bool) -> None:
    act: Callable[..., Restored] = restore_members if members else restore

    def work(vault: Vault, watch: Watch) -> Restored:
        return act(vault, archive, identities, target, watch)

    await show_work(tab, f"Restore archive {archive.id}", archive.seal.size, work, restored_text)


def restored_text(restored: Restored) -> Text:
    """Say what was written, with the digest to compare with."""
    how = "decoded" if restored.coded else "as delivered"
    text = Text.assemble(("✓ restored", "bold green"), f"  {size(restored.size)} {how}, digest checked\n\n")
    whose = "decoded file" if restored.coded else "delivered bytes"
    text.append(f"  SHA-256 of the {whose}\n", "bold").append(f"  {restored.sha256}\n\n")
    if restored.coded:
        text.append("  SHA-256 of the delivered bytes, coded\n", "bold").append(f"  {restored.coded}\n\n")
    text.append("  written\n", "bold")
    for path in restored.paths:
        text.append(f"  {clean(str(path))}\n")
    return text
