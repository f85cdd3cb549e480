"""How the evidence stands, one entry, and what an audit came to, in words.

Can I prove it: the log as it grows, the checkpoints that bind it, and where they have gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from strongroom.engine.access.fixity import Watch
from strongroom.engine.core.moments import Moment, list_moments
from strongroom.engine.destruction.context import rules_of
from strongroom.engine.proof.audit import Report, audit_vault
from strongroom.engine.proof.checkpoint_delivery import EvidenceView, evidence_view
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.engine.proof.inclusion_proofs import leaf_of
from strongroom.engine.proof.known_checkpoints import known_checkpoints
from strongroom.engine.queries import lists as readings
from strongroom.model.errors import StrongroomError
from strongroom.text.events import fact_pairs, kind_words
from strongroom_tui.background_work import BackgroundWork
from strongroom_tui.dialogs.package_dialog import ask_which
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.text_screen import TextScreen
from strongroom_tui.widgets.amounts import local, number, span
from strongroom_tui.widgets.columns import moment_columns
from strongroom_tui.widgets.filter_line import Filter, FilterLine
from strongroom_tui.widgets.pane import Pane, PaneContent
from strongroom_tui.widgets.rows import moment_row
from strongroom_tui.widgets.table import PAGE, Page, page_of
from strongroom_tui.widgets.text import clean, clip

LATE = 2  # days after which a checkpoint is old


def evidence_lines(view: EvidenceView, now: datetime, width: int) -> Text:
    """Return how the evidence stands: signed until when, and what is owed to whom."""
    return Text("\n").join(Text(clip(words, width), style) for words, style in _standing(view, now))


def _standing(view: EvidenceView, now: datetime) -> Iterator[tuple[str, str]]:
    if view.trouble:
        yield f"✗ the log is not signed any more: {view.trouble}", "bold red"
    if not view.signing:
        yield "! no signing key: the log is chained but not signed; see docs/evidence.md", "yellow"
    elif view.newest is None:
        yield "! no checkpoint yet: c makes one", "yellow"
    else:
        age = now - view.newest.at
        words = f"checkpoint over {number(view.newest.size, 'entry')} of the log"
        fresh = age.days < LATE
        yield f"{'✓' if fresh else '!'} {words}, {span(age)} ago", "green" if fresh else "yellow"
    if view.signing and not view.targets:
        yield "! checkpoints stay on this machine: name places with [[evidence.send_to]]", "yellow"
    for each in view.targets:
        if view.owed(each):
            why = f": {each.failure}" if each.failure else ""
            yield f"! {each.target} has not got the newest checkpoint{why}", "yellow"
        elif each.sent_at is not None:
            yield f"✓ sent to {each.target} {span(now - each.sent_at)} ago", "green"


def told_moment(moment: Moment) -> Text:
    """Return one entry with every fact it has."""
    text = Text.assemble((clean(moment.kind), "bold"), f"  entry {moment.seq}\n\n")
    if (meaning := kind_words(moment.kind)) != moment.kind:
        text.append(f"  {'means':<20} {meaning}\n")
    text.append(f"  {'at':<20} {local(moment.at)}\n")
    subjects = (("job", moment.job), ("archive", moment.archive))
    for name, words in [*(each for each in subjects if each[1]), *fact_pairs(moment.facts)]:
        text.append(f"  {clean(name):<20} {clean(words)}\n")
    if moment.words:
        text.append("\n  In words, beside the line and not part of the evidence:\n", "bold")
        text.append(f"  {clean(moment.words)}\n")
    return text


def told_audit(report: Report) -> Text:
    """Return what an audit proved, what it did not, and what is wrong."""
    if report.findings:
        count = number(len(report.findings), "finding")
        text = Text.assemble(("✗ the evidence does not hold together", "bold red"), f"  {count}\n\n")
    else:
        text = Text.assemble(("✓ nothing is wrong", "bold green"), "\n\n")
    for wrong in report.findings[:200]:
        text.append(f"  {clean(wrong.code)}", "bold red").append(
            f"  {clean(wrong.where)}\n    {clean(wrong.message)}\n"
        )
    for title, lines in (("Proven", report.proven), ("Not proven", report.unproven)):
        if lines:
            text.append(f"\n{title}\n", "bold underline")
            for line in lines:
                text.append(f"  {'✓' if title == 'Proven' else '·'} {clean(line)}\n")
    return text


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


class EvidenceStatus(Page[Moment], frozen=True):
    """A page of the log, and how the evidence stands."""

    view: EvidenceView


class LogQuestion(Struct, frozen=True):
    """One page of the log, newest first."""

    filter: Filter = field(default_factory=Filter)
    before: Moment | None = None

    def ask(self, session: VaultSession) -> EvidenceStatus:
        """Read it."""
        found = list_moments(
            session.vault, stream=self.filter.stream, family=self.filter.kind, before=self.before, most=PAGE + 1
        )
        page = page_of(found)
        return EvidenceStatus(page.rows, page.last, evidence_view(session.config, session.vault))


class EvidenceTab(ListTab[Moment]):
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
        if isinstance(self.page, EvidenceStatus):
            words = evidence_lines(self.page.view, self.strongroom.clock(), max(0, self.size.width - 2))
            self.query_one("#standing", Static).update(words)
        super().paint()

    def view(self, page: Page[Moment], seen: Seen, width: int) -> PaneContent:  # noqa: ARG002 - the status has nothing to add
        """Lay entries out."""
        columns = moment_columns(width)
        return PaneContent(
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
            self.do(lambda session: leaf_of(session.vault, seq), lambda leaf: self.copy(f"{named} leaf sha256:{leaf}"))

    def action_copy_checkpoint(self) -> None:
        """Copy the newest checkpoint word for word: anybody can check it with the public key."""
        newest = self.page.view.newest if isinstance(self.page, EvidenceStatus) else None
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

        work = BackgroundWork(
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
                known_places=known_checkpoints(config),
                rules=rules_of(config),
                tolerance=config.vault.clock_tolerance,
            )

        total = sum(each.count for each in self.seen.status.archives.values()) if self.seen else None
        self.app.push_screen(BackgroundWork("Verify log and files", total, work, done, unit="archive"))

    def action_handover(self) -> None:
        """Ask for which archives, to whom and where to."""
        ask_which(self)
