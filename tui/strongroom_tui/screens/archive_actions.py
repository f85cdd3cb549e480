"""What can be done with an archive, from the list and from its own screen. Opening one needs the person's identity."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.access.compare import compare
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import FixityFault, Watch, check_fixity
from strongroom.engine.access.records import archive_before
from strongroom.engine.core.people import acting_person
from strongroom.engine.destruction.propose import propose, require_ripe
from strongroom.engine.queries.lists import Vault
from strongroom.engine.retention.verdicts import Judgement
from strongroom.model.archive import Archive, DatasetDifference, Difference, Holding
from strongroom.model.hold import HoldRule
from strongroom.model.text import clean
from strongroom.text.times import window_words
from strongroom.text.units import number
from strongroom_tui.dialogs.background_work import show_work
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.dialogs.package import make_package
from strongroom_tui.dialogs.restore import restore_archive
from strongroom_tui.dialogs.stakes import amount_of, period_of, stakes
from strongroom_tui.dialogs.unlock import ask_file, unlocked
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.browse import BrowseScreen
from strongroom_tui.screens.holds import NEED, place_hold
from strongroom_tui.screens.job_actions import RE_EXPORT, confirm_export
from strongroom_tui.screens.plan_text import next_person
from strongroom_tui.screens.plans import context_for
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import ask, perform, steps


class ArchiveActions(TabScreen):
    """Adds the acts to a tab that has one archive chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "browse_archive", "browse", tooltip="Read the records inside, without writing them to disk"),
        Binding("R", "restore_archive", "restore", tooltip="Write the original bytes to a new file"),
        Binding("v", "verify_archive", "verify", tooltip="Read every sealed byte again; with an identity the records"),
        Binding(
            "d", "compare_archive", "compare", show=False, tooltip="Compare record by record with the archive before it"
        ),
        Binding(
            "e",
            "regenerate_archive",
            "re-export",
            show=False,
            tooltip="Export the window again; the present archive stays",
        ),
        Binding("I", "identity_archive", "identity", show=False, tooltip="Use another identity file"),
        Binding("H", "hold_archive", "hold", show=False, tooltip="Place a legal hold on this archive"),
        Binding(
            "h", "package_archive", "package", show=False, tooltip="Make an evidence package for a lawyer or an auditor"
        ),
        Binding("D", "propose_archive", "destroy", show=False, tooltip="Propose this archive for destruction"),
        Binding("y", "copy_archive", "copy id", show=False, tooltip="Copy the id and the digest to the clipboard"),
    ]

    @property
    def archive(self) -> Archive | None:
        """Return the archive that is meant, or None while there is none."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits the archive."""
        if not action.endswith("_archive"):
            return super().check_action(action, parameters)
        archive = self.archive
        if archive is None:
            return False
        if action in ("regenerate_archive", "hold_archive", "propose_archive"):
            return not self.strongroom.read_only
        if action == "package_archive" and self.strongroom.read_only:
            return False
        if action in ("browse_archive", "compare_archive"):
            return archive.holding is Holding.HELD
        return archive.holding in (Holding.HELD, Holding.QUARANTINED)

    def action_copy_archive(self) -> None:
        """Copy the id and the digest, and show what was copied."""
        if self.archive is not None:
            self.copy(f"{self.archive.id} sha256:{self.archive.seal.sealed_sha256}")

    @steps
    async def action_regenerate_archive(self) -> None:
        """Ask whether to export the window again, beside what is there, then request it."""
        if self.archive is not None:
            await confirm_export(self, RE_EXPORT, self.archive)

    @steps
    async def action_hold_archive(self) -> None:
        """Hold the archive for a matter."""
        if self.archive is not None:
            await place_hold(self, HoldRule(archives=(self.archive.id,)), f"archive {self.archive.id}")

    @steps
    async def action_package_archive(self) -> None:
        """Make an evidence package of the archive."""
        if self.archive is not None:
            await make_package(self, [self.archive])

    @steps
    async def action_propose_archive(self) -> None:
        """Judge; what is not past its period or is held is refused in words, for the rest ask why and propose it."""
        archive = self.archive
        if archive is None:
            return
        judgement = (await perform(self, lambda session: _judge(session, archive)))[archive.id]
        words = proposal_words([archive], judgement.words)
        title = f"Propose archive {archive.id} for destruction: why?"
        reason = await ask(self, AskLine(title, words, value="the retention period is over", need=NEED))
        plan = await perform(self, lambda session: propose(context_for(session), [archive], acting_person(), reason))
        self.finish(f"proposed as plan {plan.proposal.id}; {next_person(plan)}")

    @steps
    async def action_browse_archive(self) -> None:
        """Read the records."""
        archive = self.archive
        if archive is not None:
            identities = await unlocked(self)
            self.app.push_screen(BrowseScreen(archive, identities))

    @steps
    async def action_restore_archive(self) -> None:
        """Ask where to, unlock, write, and show the digest."""
        if self.archive is not None:
            await restore_archive(self, self.archive)

    @steps
    async def action_identity_archive(self) -> None:
        """Open another identity file than the one that is configured or open."""
        await ask_file(self)
        self.report("this identity opens archives now, until five minutes without use")

    @steps
    async def action_verify_archive(self) -> None:
        """Read the sealed bytes again, and the records too where an identity is open."""
        archive = self.archive
        if archive is None:
            return
        keyring = self.strongroom.keyring
        identities = keyring.take() if keyring.open else []
        total = archive.seal.sealed_size + (archive.seal.size if identities else 0)

        def work(vault: Vault, watch: Watch) -> list[FixityFault]:
            sealed = check_fixity(vault, archive, watch)
            return sealed + (check_content(vault, archive, identities, watch) if identities else [])

        def text(faults: list[FixityFault]) -> Text:
            return faults_text(archive, faults, content=bool(identities))

        await show_work(self, f"Verify archive {archive.id}", total, work, text)

    @steps
    async def action_compare_archive(self) -> None:
        """Compare with the archive before it."""
        newer = self.archive
        if newer is None:
            return
        older = await perform(self, lambda session: archive_before(session.vault, newer))
        identities = await unlocked(self)
        await show_work(
            self,
            f"Compare archive {newer.id} with the one before",
            older.inspection.records + newer.inspection.records,
            lambda vault, watch: compare(vault, older, newer, identities, os.urandom, watch=watch),
            lambda found: difference_text(older, newer, found),
            unit="record",
        )


def _judge(session: VaultSession, archive: Archive) -> Mapping[str, Judgement]:
    context = context_for(session)
    return require_ripe(context, [archive], context.clock())


def proposal_words(archives: Sequence[Archive], verdict: str) -> str:
    """Say what a proposal of some archives means."""
    streams = sorted({each.stream for each in archives})
    return stakes(
        ("What", amount_of(archives)),
        ("Period", f"{', '.join(streams)}  {period_of(each.spec.window for each in archives)}"),
        ("Rule", verdict),
        ("Then", "A proposal destroys nothing: a second person must approve it first."),
        ("Undo", "u in the plans (5, then u) withdraws it, until its destruction has begun."),
    )


def faults_text(archive: Archive, faults: list[FixityFault], *, content: bool) -> Text:
    """Say what reading an archive again found."""
    how = "every sealed byte and every record" if content else "every sealed byte"
    if not faults:
        words = f"  archive {archive.id}: {how} read again, nothing differs\n"
        text = Text.assemble(("✓ verified", "bold green"), words)
        if not content:
            text.append("\n  The records were not read: to read them too, browse an archive (o), then verify again.\n")
        return text
    text = Text.assemble(("✗ fault", "bold red"), f"  archive {archive.id}: {number(len(faults), 'fault')}\n\n")
    for fault in faults:
        text.append(f"  {fault.code}", "bold").append(f"  {clean(fault.file)}\n    {clean(fault.message)}\n")
    return text.append("\n  Restore the named files from a copy of the vault. Nothing is repaired automatically.\n")


def difference_text(older: Archive, newer: Archive, found: Difference) -> Text:
    """Say what became of the records between two archives."""
    head = ("✓ the records are the same", "bold green") if found.alike else ("! the records differ", "bold yellow")
    text = Text.assemble(head, "\n\n")
    for name, archive in (("older", older), ("newer", newer)):
        words = f"{archive.id}  {clean(archive.stream)}  {window_words(archive.spec.window, 40)}\n"
        text.append(f"  {name}  ", "bold").append(words)
    for dataset in found.datasets:
        text.append_text(_dataset_text(dataset))
    for name in found.only_older:
        text.append(f"\n  {clean(name)}: only in the older archive\n")
    for name in found.only_newer:
        text.append(f"\n  {clean(name)}: only in the newer archive\n")
    return text


def _dataset_text(each: DatasetDifference) -> Text:
    text = Text.assemble("\n", (clean(each.dataset), "bold underline"), "\n")
    text.append(f"  {number(each.older, 'record')} before, {number(each.newer)} now, {number(each.same)} the same\n")
    for word, change in (("added", each.added), ("changed", each.changed), ("vanished", each.vanished)):
        more = f" and {number(change.count - len(change.ids))} more" if change.count > len(change.ids) else ""
        ids = ", ".join(clean(name) for name in change.ids)
        text.append(f"  {word:<9}", "bold").append(f"{number(change.count):>9}  {ids}{more if ids else ''}\n")
    if each.fields:
        fields = ", ".join(f"{clean(field.name)} ({number(field.records)})" for field in each.fields)
        text.append("  fields   ", "bold").append(f"{fields} in {number(each.fields_compared)} changed records\n")
    if each.nameless:
        text.append(f"  {number(each.nameless, 'record')} without an id: a changed one counts as vanished and added\n")
    return text
