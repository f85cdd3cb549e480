"""An evidence package, specified step by step: archives, recipient, folder; then made, with its progress shown.

Each answer is judged as it is given, before anything is signed or written; what is refused is asked again with what was
typed, and no answer is lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text

from strongroom.engine.access.fixity import Watch
from strongroom.engine.access.inventory import find_archive
from strongroom.engine.core.identities import Identities
from strongroom.engine.core.people import acting_person
from strongroom.engine.proof.package import (
    FinishedPackage,
    PackageRequest,
    PackageSource,
    check_recipient,
    check_target,
    write_package,
)
from strongroom.engine.queries.lists import Vault
from strongroom.model.archive import Archive
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.text import clean
from strongroom.text.events import entry_words
from strongroom.text.units import number, size
from strongroom_tui.dialogs.background_work import work_on
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.dialogs.form import start_folder, typed_path
from strongroom_tui.dialogs.stakes import amount_of, period_of, stakes
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.screen import TabScreen, TextScreen
from strongroom_tui.screens.steps import ask, perform
from strongroom_tui.widgets.text import error_text, in_keys


class PackageAnswers(Struct, frozen=True):
    """What has been answered so far."""

    archives: Sequence[Archive]
    recipient: str = ""  # a public key; empty: sealed to whom the vault is sealed to
    folder: str = ""
    matter: str = ""

    @property
    def target(self) -> Path:
        """Return the folder of the package."""
        return typed_path(self.folder)


async def choose_archives(tab: TabScreen) -> None:
    """Ask for archives by their ids, find them, and ask on."""
    words = (
        "Enter their IDs, or the ends of their IDs, separated by commas. In Archives (4), the same key packages the "
        "selected archive, or all that the filter shows."
    )
    typed = trouble = ""
    while True:
        need = "name at least one archive"
        question = AskLine("Evidence package: which archives?", words, value=typed, need=need, trouble=trouble)
        typed = await ask(tab, question)
        try:
            found = await perform(tab, partial(_find, _parts(typed)))
        except StrongroomError as error:
            trouble = in_keys(f"{error.message}\n{error.hint}".strip())
        else:
            await make_package(tab, found)
            return


def _parts(typed: str) -> list[str]:
    return [part.strip() for part in typed.split(",") if part.strip()]


def _find(names: Sequence[str], session: VaultSession) -> list[Archive]:
    return [find_archive(session.vault, name) for name in names]


async def make_package(tab: TabScreen, archives: Sequence[Archive], matter: str = "") -> None:
    """Ask for whom and where to, then make the package; ask again for a folder that was refused."""
    found = list({each.id: each for each in archives}.values())
    if not found:
        raise UsageError("there is no archive to package", hint="choose one in Archives (4)")
    wanted = PackageAnswers(found, folder=str(start_folder() / "evidence-package"), matter=matter)
    wanted, trouble = replace(wanted, recipient=await _ask_key(tab, wanted)), ""
    while True:
        wanted = replace(wanted, folder=await _ask_folder(tab, wanted, trouble))
        identities = await unlocked(tab) if wanted.recipient else []
        try:
            made = await _make(tab, wanted, identities)
        except StrongroomError as error:
            if not tab.is_current:
                raise
            trouble = error_text(error)
        else:
            tab.strongroom.keep_result(f"evidence package made: {made.path}")
            tab.app.push_screen(TextScreen(package_text(made)))
            return


async def _ask_key(tab: TabScreen, wanted: PackageAnswers) -> str:
    words = stakes(
        *_facts(wanted),
        ("For", "A public key (age1…) encrypts the archive keys for that recipient alone; this needs your identity."),
        ("", "Empty: the keys stay as they are, for the vault's own recipients."),
    )

    def check(line: str) -> str:
        return _refusal(lambda: check_recipient(line.strip())) if line.strip() else ""

    title = "Encrypt the keys for which recipient?"
    return (await ask(tab, AskLine(title, words, value=wanted.recipient, optional=True, check=check))).strip()


async def _ask_folder(tab: TabScreen, wanted: PackageAnswers, trouble: str) -> str:
    words = stakes(
        *_facts(wanted),
        ("For", wanted.recipient or "the vault's own recipients"),
        ("Matter", wanted.matter),
        ("Where", "Name a folder that does not exist yet."),
        ("Then", "The log is signed, and records the package. The records in it stay encrypted."),
        ("Undo", "Delete the folder, before you give it away. Its entry in the log stays."),
    )
    question = AskLine(
        "Evidence package: into which folder?",
        words,
        value=wanted.folder,
        check=lambda line: _refusal(lambda: check_target(typed_path(line))),
        trouble=trouble,
    )
    return (await ask(tab, question)).strip()


async def _make(tab: TabScreen, wanted: PackageAnswers, identities: Identities) -> FinishedPackage:
    config, clock = tab.strongroom.reader.config, tab.strongroom.clock
    recipients = (wanted.recipient,) if wanted.recipient else ()
    order = PackageRequest(wanted.archives, wanted.target, acting_person(), recipients, False, wanted.matter)

    def work(vault: Vault, watch: Watch) -> FinishedPackage:
        giver = PackageSource(vault, config, clock, os.urandom, entry_words, identities, lambda _archive: watch(1))
        return write_package(giver, order)

    return await work_on(tab, "Make the evidence package", len(order.archives), work, unit="archive")


def _named(archives: Sequence[Archive]) -> str:
    """Name archives: the first few by stream and id, and how many more."""
    first = ", ".join(f"{each.stream} …{each.id[-8:]}" for each in archives[:3])
    more = f" and {number(len(archives) - 3)} more" if len(archives) > 3 else ""
    return f"{first}{more}"


def _facts(wanted: PackageAnswers) -> tuple[tuple[str, str], ...]:
    archives = wanted.archives
    return (
        ("What", amount_of(archives)),
        ("Period", period_of(each.spec.window for each in archives)),
        ("Archives", _named(archives)),
    )


def _refusal(check: Callable[[], None]) -> str:
    """Return what is wrong by a check, in words, or nothing."""
    try:
        check()
    except StrongroomError as error:
        return in_keys(f"{error.message}\n{error.hint}".strip())
    return ""


def package_text(made: FinishedPackage) -> Text:
    """Say what package was made, and how its recipient checks it."""
    text = Text.assemble(("✓ evidence package made", "bold green"), f"  {number(len(made.archives), 'archive')}\n\n")
    text.append("  folder\n", "bold").append(f"  {clean(str(made.path))}, {size(made.size)}\n\n")
    text.append("  SHA-256 of its SHA256SUMS, as recorded in the log\n", "bold").append(f"  {made.sums_sha256}\n\n")
    text.append(
        f"  Proven under {number(made.checkpoint, 'entry')} of the log. Give the public key to the recipient by\n"
    )
    return text.append("  another way than with this folder; its README says how to check everything.\n")
