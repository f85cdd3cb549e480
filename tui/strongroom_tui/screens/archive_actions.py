"""What can be done with an archive, from the list and from its own screen. Opening one needs the person's identity."""

from __future__ import annotations

import os
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.engine.access.compare import compare
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import FixityFault, check_fixity
from strongroom.engine.access.records import archive_before
from strongroom.engine.core.identities import Identities
from strongroom.engine.core.people import acting_person
from strongroom.engine.destruction.propose import propose, require_ripe
from strongroom.engine.retention.verdicts import Judgement
from strongroom.model.archive import Archive, Difference, Holding
from strongroom.model.hold import HoldRule
from strongroom_tui.background_work import BackgroundWork
from strongroom_tui.dialogs.dialog import AskLine
from strongroom_tui.dialogs.package_dialog import ask_on
from strongroom_tui.dialogs.re_export import export_afresh
from strongroom_tui.dialogs.restore_dialog import restore_archive
from strongroom_tui.dialogs.unlock import ask_file, unlocked
from strongroom_tui.reader import VaultSession
from strongroom_tui.results import told_difference, told_faults
from strongroom_tui.screens.browse import BrowseScreen
from strongroom_tui.screens.holds import NEED, place_hold
from strongroom_tui.screens.plan_text import next_person
from strongroom_tui.screens.plans import context_for
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.text_screen import TextScreen
from strongroom_tui.widgets.amounts import window_words


class ArchiveActions(TabScreen):
    """Adds the acts to a room that has one archive chosen."""

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
            tooltip="Export the window again, beside what is there",
        ),
        Binding("I", "identity_archive", "identity", show=False, tooltip="Open archives with another identity file"),
        Binding("H", "hold_archive", "hold", show=False, tooltip="Hold this archive for a matter"),
        Binding(
            "h", "handover_archive", "hand over", show=False, tooltip="Make a package that somebody else can check"
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
        if action == "handover_archive" and self.strongroom.read_only:
            return False
        if action in ("browse_archive", "compare_archive"):
            return archive.holding is Holding.HELD
        return archive.holding in (Holding.HELD, Holding.QUARANTINED)

    def action_copy_archive(self) -> None:
        """Copy the id and the digest, and show what was copied."""
        if self.archive is not None:
            self.copy(f"{self.archive.id} sha256:{self.archive.seal.sealed_sha256}")

    def action_regenerate_archive(self) -> None:
        """Ask whether to export the window afresh, beside what is there; then have it done."""
        archive = self.archive
        if archive is not None:
            export_afresh(self, archive.id, archive.stream, archive.source, archive.spec.window)

    def action_hold_archive(self) -> None:
        """Hold the archive for a matter."""
        if self.archive is not None:
            place_hold(self, HoldRule(archives=(self.archive.id,)), f"archive {self.archive.id}")

    def action_handover_archive(self) -> None:
        """Hand the archive over to somebody."""
        if self.archive is not None:
            ask_on(self, [self.archive])

    def action_propose_archive(self) -> None:
        """Judge; what is not past its period or is held is refused in words, for the rest ask why and propose it."""
        archive = self.archive
        if archive is None:
            return

        def said(reason: str | None) -> None:
            if reason:
                self.do(
                    lambda session: propose(context_for(session), [archive], acting_person(), reason),
                    lambda plan: self.tell(f"proposed as plan {plan.proposal.id}; {next_person(plan)}"),
                )

        def judged(judgement: Judgement) -> None:
            words = (
                f"{archive.stream}  {window_words(archive.spec.window, 60)}\n{judgement.words}. "
                "Nothing is destroyed by it: a second person must approve first."
            )
            title = f"Propose archive {archive.id} for destruction: why?"
            self.app.push_screen(AskLine(title, words, value="the period is over", need=NEED), said)

        def judge(session: VaultSession) -> Judgement:
            return require_ripe(context_for(session), [archive], context_for(session).clock())[archive.id]

        self.do(judge, judged)

    def action_browse_archive(self) -> None:
        """Read the records."""
        archive = self.archive
        if archive is not None:
            unlocked(self, lambda identities: self._browse(archive, identities))

    def action_restore_archive(self) -> None:
        """Ask where to, unlock, write, and show the digest."""
        if self.archive is not None:
            restore_archive(self, self.archive)

    def action_identity_archive(self) -> None:
        """Open another identity file than the one that is configured or open."""
        ask_file(self, lambda _identities: self.tell("this identity opens archives now, until five idle minutes"))

    def action_verify_archive(self) -> None:
        """Read the sealed bytes again, and the records too where an identity is open."""
        archive = self.archive
        if archive is None:
            return
        keyring = self.strongroom.keyring
        identities = keyring.take() if keyring.open else []
        total = archive.seal.sealed_size + (archive.seal.size if identities else 0)

        def done(faults: list[FixityFault] | None, trouble: str) -> None:
            self._told(trouble, told_faults(archive, faults or [], content=bool(identities)), faults is not None)

        work = BackgroundWork(
            f"Verify archive {archive.id}",
            total,
            lambda vault, watch: (
                check_fixity(vault, archive, watch)
                + (check_content(vault, archive, identities, watch) if identities else [])
            ),
            done,
        )
        self.app.push_screen(work)

    def action_compare_archive(self) -> None:
        """Compare with the archive before it."""
        archive = self.archive
        if archive is None:
            return

        def found(older: Archive) -> None:
            unlocked(self, lambda identities: self._compare(older, archive, identities))

        self.do(lambda session: archive_before(session.vault, archive), found)

    def _browse(self, archive: Archive, identities: Identities) -> None:
        self.app.push_screen(BrowseScreen(archive, identities))

    def _compare(self, older: Archive, newer: Archive, identities: Identities) -> None:
        def done(difference: Difference | None, trouble: str) -> None:
            words = told_difference(older, newer, difference) if difference else Text()
            self._told(trouble, words, difference is not None)

        work = BackgroundWork(
            f"Compare archive {newer.id} with the one before",
            older.inspection.records + newer.inspection.records,
            lambda vault, watch: compare(vault, older, newer, identities, os.urandom, watch=watch),
            done,
            unit="record",
        )
        self.app.push_screen(work)

    def _told(self, trouble: str, words: Text, done: bool) -> None:
        """Show what work came to, on a screen of its own, or why there is nothing to show."""
        if done:
            self.app.push_screen(TextScreen(words))
        else:
            self.tell(trouble, bad=True)
        self.strongroom.reread()
