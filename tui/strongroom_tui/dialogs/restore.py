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
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.provider import Container
from strongroom.model.text import clean
from strongroom.text.units import number, size
from strongroom_tui.dialogs.background_work import show_work
from strongroom_tui.dialogs.dialog import AskLine, Choose
from strongroom_tui.dialogs.form import path_trouble, start_folder, typed_path
from strongroom_tui.dialogs.stakes import amount_of, period_of, stakes
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import ask
from strongroom_tui.widgets.text import error_text

_WHOLE, _MEMBERS = "As delivered", "Files inside"


async def restore_archive(tab: TabScreen, archive: Archive) -> None:
    """Ask what is wanted of the archive and where to; unlock, write, and show the digest.

    Where the target is refused, or cannot be written, it is asked again with what was typed.
    """
    members = await _wants_members(tab, archive)
    typed, trouble = str(_suggested(archive, members=members)), ""
    while True:
        typed = await _ask_target(tab, archive, typed, trouble, members=members)
        identities = await unlocked(tab)
        try:
            await _restore(tab, archive, typed_path(typed), identities, members=members)
        except (UsageError, WorldError) as error:
            if not tab.is_current:
                raise
            trouble = error_text(error)
            tab.strongroom.keep_result(trouble, bad=True)
        else:
            return


async def _wants_members(tab: TabScreen, archive: Archive) -> bool:
    if archive.expectation.container not in (Container.ZIP_OF_JSON, Container.BUNDLE):
        return False
    count = number(len(archive.inspection.members), "file")
    words = stakes(
        *_subject(archive),
        (_WHOLE, _form(archive)),
        (_MEMBERS, f"{count}, each by itself in a new folder"),
    )
    return await ask(tab, Choose(f"Restore archive {archive.id}", words, (_WHOLE, _MEMBERS))) == _MEMBERS


def _subject(archive: Archive) -> tuple[tuple[str, str], ...]:
    return (
        ("What", f"{archive.stream}: {amount_of([archive])}"),
        ("Period", period_of([archive.spec.window])),
    )


def _form(archive: Archive) -> str:
    """Say in which form the whole file is written."""
    if archive.seal.delivered_coding:
        return f"{archive.seal.file_name}, decoded from {archive.seal.delivered_coding}"
    return f"{archive.seal.file_name}, byte for byte as the provider delivered it"


def new_folder(base: Path, archive: Archive) -> Path:
    """Return a folder for the archive's members that does not exist yet."""
    name = f"{archive.stream}-{archive.spec.window.start:%Y-%m-%d}".replace(":", "-").replace("/", "-")
    found, count = base / name, 2
    while found.exists():
        found, count = base / f"{name}-{count}", count + 1
    return found


def _suggested(archive: Archive, *, members: bool) -> Path:
    return new_folder(start_folder(), archive) if members else start_folder() / archive.seal.file_name


def target_words(archive: Archive, *, members: bool) -> str:
    """Say what restoring an archive writes, what that means, and how to undo it."""
    count = number(len(archive.inspection.members), "file")
    where = "The folder must be new or empty" if members else "Name a new file, or a folder to put it in"
    return stakes(
        *_subject(archive),
        ("Writes", f"{count} into one folder" if members else _form(archive)),
        ("Where", f"Nothing is ever overwritten. {where}."),
        ("Then", "The digest is checked first. What is written is not encrypted."),
        ("Undo", f"Delete the {'folder' if members else 'file'}. The archive stays as it is."),
    )


async def _ask_target(tab: TabScreen, archive: Archive, typed: str, trouble: str, *, members: bool) -> str:
    title, words = f"Restore archive {archive.id} to", target_words(archive, members=members)
    return await ask(tab, AskLine(title, words, value=typed, check=path_trouble, trouble=trouble))


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
