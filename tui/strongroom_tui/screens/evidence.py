"""The state of the evidence, one entry, and what an audit came to, in words.

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
from strongroom.model.text import clean
from strongroom.text.events import fact_pairs, facts_words, kind_words
from strongroom.text.layout import clip
from strongroom.text.times import local_day_minute
from strongroom.text.units import number, span
from strongroom_tui.dialogs.background_work import show_work, work_on
from strongroom_tui.dialogs.package import choose_archives
from strongroom_tui.reader import Seen, VaultSession
from strongroom_tui.screens.detail_text import facts_text, paragraphs, section
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.pages import PAGE, Page, page_of
from strongroom_tui.screens.screen import TextScreen
from strongroom_tui.screens.steps import perform, steps
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.list_lines import Chip
from strongroom_tui.widgets.table import (
    Columns,
    TableColumn,
    TableRow,
    table_row,
)
from strongroom_tui.widgets.text import moment_words

LATE = 2  # days after which a checkpoint is old


def evidence_lines(view: EvidenceView, now: datetime, width: int) -> Text:
    """Return the state of the evidence: signed until when, and what is owed to whom."""
    return Text("\n").join(Text(clip(words, width), style) for words, style in _status(view, now))


def _status(view: EvidenceView, now: datetime) -> Iterator[tuple[str, str]]:
    if view.trouble:
        yield f"✗ the log is no longer signed: {view.trouble}", "bold red"
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
        yield "! checkpoints are stored only on this machine: add a target with [[evidence.send_to]]", "yellow"
    for each in view.targets:
        if view.owed(each):
            why = f": {each.failure}" if each.failure else ""
            yield f"! {each.target} has not received the newest checkpoint{why}", "yellow"
        elif each.sent_at is not None:
            yield f"✓ sent to {each.target} {span(now - each.sent_at)} ago", "green"


def entry_text(moment: Moment) -> Text:
    """Return one entry with every fact it has."""
    facts = [
        ("kind", clean(moment.kind)),
        ("at", local_day_minute(moment.at)),
        ("job", moment.job),
        ("archive", moment.archive),
    ]
    head = Text.assemble((clean(_sentence(moment.kind)), "bold"), f"  entry {number(moment.seq)}")
    words = Text(f"  {clean(moment.words)}") if moment.words else None
    note = section("Note beside the entry, not part of the evidence", [words] if words else [])
    return paragraphs(head, facts_text([*facts, *fact_pairs(moment.facts)]), note)


def _sentence(kind: str) -> str:
    """Return what a kind of entry means, to stand by itself."""
    words = kind_words(kind)
    return words[:1].upper() + words[1:] if words != kind else kind


def audit_text(report: Report) -> Text:
    """Return what an audit proved, what it did not, and what is wrong."""
    if report.findings:
        count = number(len(report.findings), "finding")
        text = Text.assemble(("✗ the evidence is contradictory", "bold red"), f"  {count}\n\n")
    else:
        text = Text.assemble(("✓ no problem found", "bold green"), "\n\n")
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
"""The words before the dot in the kinds of entries."""


LOG_COLUMNS: Columns = (
    TableColumn("entry", 8, right=True, rank=1, wide=9),
    TableColumn("at", 14, wide=25),
    TableColumn("kind", 28, "what happened", least=13, wide=40, grows=True),
    TableColumn("about", 9, rank=2, wide=14),
    TableColumn("facts", 11, least=8, wide=60),
)


class EvidenceStatus(Page[Moment], frozen=True):
    """A page of the log, and the state of the evidence."""

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
    HEADING = "Log"
    KINDS: ClassVar[tuple[str, ...]] = FAMILIES
    EMPTY = "The log is empty: its first entry comes with the first job."
    COLUMNS = LOG_COLUMNS
    NOUN = "entry"
    SORTABLE: ClassVar[tuple[str, ...]] = ("entry",)
    QUESTION = LogQuestion
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "audit(False)", "verify log", tooltip="Check log, checkpoints, catalogue and small files"),
        Binding(
            "V", "audit(True)", "verify all", show=False, tooltip="Check all of that and read every sealed payload"
        ),
        Binding("c", "checkpoint", "checkpoint", tooltip="Sign the log now"),
        Binding("h", "package", "package", tooltip="Make an evidence package for a lawyer or an auditor"),
        Binding("y", "copy_entry", "copy", show=False, tooltip="Copy number, kind, subject and hash of this entry"),
        Binding("Y", "copy_checkpoint", "copy checkpoint", show=False, tooltip="Copy the newest checkpoint as signed"),
    ]

    def above(self) -> ComposeResult:
        """Yield the state of the evidence."""
        yield Static(id="evidence-status", markup=False)

    def peek(self, noun: Moment) -> Text:
        """Show every fact of one entry."""
        return entry_text(noun)

    def chips(self, seen: Seen) -> list[Chip]:  # noqa: ARG002 - as declared
        """Return none: there are too many kinds of entries for a line."""
        return []

    def paint(self) -> None:
        """Show the state of the evidence, and the page."""
        if isinstance(self.page, EvidenceStatus):
            words = evidence_lines(self.page.view, self.strongroom.clock(), max(0, self.size.width - 2))
            self.query_one("#evidence-status", Static).update(words)
        super().paint()

    def row_of(self, noun: Moment, columns: Columns) -> TableRow:
        """Lay one entry out."""
        subject, widths = noun.archive or noun.job, {column.name: column.width for column in columns}
        cells = {
            "entry": number(noun.seq),
            "at": moment_words(noun.at, widths["at"]),
            "kind": kind_words(noun.kind),
            "about": f"…{subject[1 - widths.get('about', 9) :]}" if subject else "",
            "facts": facts_words(noun.facts),
        }
        return table_row(str(noun.seq), cells, columns)

    def opened(self, key: str) -> TextScreen | None:  # noqa: ARG002 - the row under the cursor is meant
        """Show one entry in full."""
        return TextScreen(entry_text(self.row)) if self.row is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what changes something only to those who may."""
        if action in ("checkpoint", "package"):
            return not self.strongroom.read_only
        return super().check_action(action, parameters)

    @steps
    async def action_copy_entry(self) -> None:
        """Copy what names the entry under the cursor, with its hash in the tree, and show what was copied."""
        each = self.row
        if each is not None:
            named = f"entry {each.seq} {clean(each.kind)} {each.archive or each.job}".rstrip()
            leaf = await perform(self, lambda session: leaf_of(session.vault, each.seq))
            self.copy(f"{named} leaf sha256:{leaf}")

    def action_copy_checkpoint(self) -> None:
        """Copy the newest checkpoint word for word: anybody can check it with the public key."""
        newest = self.page.view.newest if isinstance(self.page, EvidenceStatus) else None
        if newest is None:
            self.report("there is no checkpoint yet: c makes one", bad=True)
        else:
            self.copy(newest.note)

    @steps
    async def action_checkpoint(self) -> None:
        """Sign the log, away from the screen: all of it is read first."""
        config, clock = self.strongroom.reader.config, self.strongroom.clock
        entries = await work_on(
            self, "Sign the log", None, lambda vault, _watch: sign_log(vault, signer_of(config), clock).size
        )
        self.finish(f"signed: {entries:,} entries")

    @steps
    async def action_audit(self, payloads: bool) -> None:
        """Check everything, and show what is proven, what is not, and what is wrong."""
        config = self.strongroom.reader.config

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
        await show_work(self, "Verify log and files", total, work, audit_text, unit="archive")

    @steps
    async def action_package(self) -> None:
        """Ask for which archives, to whom and where to."""
        await choose_archives(self)
