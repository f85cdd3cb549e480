"""Can I prove it: the log as it grows, the checkpoints that bind it, and where they have gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from strongroom.engine import readings
from strongroom.engine.assembly import rules_of
from strongroom.engine.health.fixity import Watch
from strongroom.engine.proof.audit import Report, audit_vault
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.engine.proof.lookout import lookout_of
from strongroom.engine.proof.notary import EvidenceView, evidence_view, leaf_of
from strongroom.engine.readings import Moment
from strongroom.model.errors import StrongroomError
from strongroom_tui.columns import moment_columns
from strongroom_tui.desk import Desk
from strongroom_tui.evidencewords import evidence_lines, told_audit, told_moment
from strongroom_tui.filterline import FilterLine
from strongroom_tui.filters import Filter
from strongroom_tui.handing import ask_which
from strongroom_tui.listroom import ListRoom
from strongroom_tui.longwork import LongWork
from strongroom_tui.pages import PAGE, Page, page_of
from strongroom_tui.pane import Pane, View
from strongroom_tui.plain import clean
from strongroom_tui.reader import Seen
from strongroom_tui.reading import TextScreen
from strongroom_tui.rows import moment_row

FAMILIES = (
    "archive",
    "checkpoint",
    "coverage",
    "destruction",
    "drill",
    "erasure",
    "export",
    "handover",
    "hold",
    "job",
    "key",
    "recipients",
    "request",
    "retention",
    "scrub",
    "snapshot",
    "source",
    "vault",
)
"""What stands before the dot in the kinds of entries."""


@dataclass(frozen=True, slots=True)
class Standing(Page[Moment]):
    """A page of the log, and how the evidence stands."""

    view: EvidenceView


@dataclass(frozen=True, slots=True)
class LogQuestion:
    """One page of the log, newest first."""

    filter: Filter = field(default_factory=Filter)
    before: Moment | None = None

    def ask(self, desk: Desk) -> Standing:
        """Read it."""
        found = readings.list_moments(
            desk.vault, stream=self.filter.stream, family=self.filter.kind, before=self.before, most=PAGE + 1
        )
        page = page_of(found)
        return Standing(page.rows, page.last, evidence_view(desk.config, desk.vault))


class EvidenceRoom(ListRoom[Moment]):
    """The log, live, under its checkpoints."""

    MODE: ClassVar[str] = "evidence"
    KINDS: ClassVar[tuple[str, ...]] = FAMILIES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "audit(False)", "verify log", tooltip="Check log, checkpoints, catalogue and small files"),
        Binding(
            "V", "audit(True)", "verify all", show=False, tooltip="Check all of that and read every sealed payload"
        ),
        Binding("c", "checkpoint", "checkpoint", tooltip="Sign the log as it is now"),
        Binding("h", "handover", "hand over", tooltip="Make a package of archives that somebody else can check"),
        Binding("y", "copy_entry", "copy", show=False, tooltip="Copy number, kind, subject and hash of this entry"),
        Binding("Y", "copy_checkpoint", "copy checkpoint", show=False, tooltip="Copy the newest checkpoint as signed"),
    ]

    def contents(self) -> ComposeResult:
        """Yield how the evidence stands, then the log."""
        yield Static(id="standing", markup=False)
        yield Pane(self.MODE)
        yield FilterLine()

    def page_question(self, wanted: Filter, before: Moment | None) -> LogQuestion:
        """Ask for a page of the log."""
        return LogQuestion(wanted, before)

    def paint(self) -> None:
        """Show how the evidence stands, and the page."""
        if isinstance(self.page, Standing):
            words = evidence_lines(self.page.view, self.strongroom.clock(), max(0, self.size.width - 2))
            self.query_one("#standing", Static).update(words)
        super().paint()

    def view(self, page: Page[Moment], seen: Seen, width: int) -> View:  # noqa: ARG002 - the status has nothing to add
        """Lay entries out."""
        columns = moment_columns(width)
        return View(
            title="Log",
            rows=[moment_row(each, columns) for each in page.rows],
            columns=columns,
            offset=self.trail.offset,
            total=None,
            more=page.last is not None,
            filter=str(self.filter),
            empty="The log is empty: its first entry comes with the first job.",
        )

    def opened(self, key: str) -> TextScreen:
        """Tell one entry at length."""
        return TextScreen(told_moment(next(each for each in self._entries if str(each.seq) == key)))

    @property
    def _entries(self) -> tuple[Moment, ...]:
        return self.page.rows if self.page else ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what changes something only to those who may."""
        if action in ("checkpoint", "handover"):
            return not self.strongroom.read_only
        return super().check_action(action, parameters)

    def action_copy_entry(self) -> None:
        """Copy what names the entry under the cursor, with its hash in the tree, and show what was copied."""
        each = next((each for each in self._entries if str(each.seq) == self.chosen), None)
        if each is not None:
            named = f"entry {each.seq} {clean(each.kind)} {each.archive or each.job}".rstrip()
            seq = each.seq
            self.do(lambda desk: leaf_of(desk.vault, seq), lambda leaf: self.copy(f"{named} leaf sha256:{leaf}"))

    def action_copy_checkpoint(self) -> None:
        """Copy the newest checkpoint word for word: anybody can check it with the public key."""
        newest = self.page.view.newest if isinstance(self.page, Standing) else None
        if newest is None:
            self.tell("there is no checkpoint yet: c makes one", bad=True)
        else:
            self.copy(newest.note)

    def action_checkpoint(self) -> None:
        """Sign the log, away from the screen: all of it is read first."""
        config, clock = self.strongroom.reader.config, self.strongroom.clock

        def done(words: str | None, trouble: str) -> None:
            self.tell(words or trouble, bad=words is None)
            self.strongroom.reread()

        work = LongWork(
            "Sign the log",
            None,
            lambda vault, _watch: f"signed: {sign_log(vault, signer_of(config), clock).size:,} entries",
            done,
        )
        self.app.push_screen(work)

    def action_audit(self, payloads: bool) -> None:
        """Check everything, and show what is proven, what is not, and what is wrong."""
        config = self.strongroom.reader.config

        def done(report: Report | None, trouble: str) -> None:
            if report is None:
                self.tell(trouble, bad=True)
            else:
                self.app.push_screen(TextScreen(told_audit(report)))

        def work(vault: readings.Vault, watch: Watch) -> Report:
            try:
                keys = [str(signer_of(config).verifier)]
            except StrongroomError:
                keys = []  # the report says what cannot be proven without
            return audit_vault(
                vault,
                keys,
                (),
                payloads=payloads,
                step=lambda _done, _total: watch(1),
                lookout=lookout_of(config),
                rules=rules_of(config),
                tolerance=config.vault.clock_tolerance,
            )

        total = sum(each.count for each in self.seen.status.archives.values()) if self.seen else None
        self.app.push_screen(LongWork("Verify log and files", total, work, done, unit="archive"))

    def action_handover(self) -> None:
        """Ask for which archives, to whom and where to."""
        ask_which(self)
