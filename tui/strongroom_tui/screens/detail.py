"""One job or one archive at full length. Read again whenever the catalogue changes while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from strongroom.engine.access.inventory import find_archive, find_job
from strongroom.engine.ingest.job_lineage import Lineage, Versions, lineage_of, versions_of
from strongroom.engine.proof.checkpoint_delivery import evidence_view
from strongroom.engine.queries import lists as readings
from strongroom.engine.queries.lists import ArchiveLife, JobLife
from strongroom.engine.retention.verdicts import list_holds, verdict
from strongroom.model.archive import Archive
from strongroom.model.hold import Hold
from strongroom.model.job import Job
from strongroom.model.retention import Verdict
from strongroom.model.waiting import cause_words
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.archive_actions import ArchiveActions
from strongroom_tui.screens.detail_text import archive_story, job_story
from strongroom_tui.screens.job_actions import JobActions
from strongroom_tui.screens.retention_text import keeping_facts
from strongroom_tui.screens.text_screen import TextPane, TextScreen
from strongroom_tui.widgets.links import RelatedItem, RelatedItems
from strongroom_tui.widgets.progress import ProgressContext, doing


class JobStanding(Struct, frozen=True):
    """One job with everything that happened to it, and what belongs to it."""

    life: JobLife
    kin: Lineage


class JobQuestion(Struct, frozen=True):
    """One job and everything that happened to it."""

    key: str

    def ask(self, session: VaultSession) -> JobStanding:
        """Read the life."""
        job = find_job(session.vault, self.key)
        return JobStanding(readings.job_life(session.vault, job), lineage_of(session.vault, job))


class ArchiveStanding(Struct, frozen=True):
    """One archive with everything that happened to it, and what keeps it."""

    life: ArchiveLife
    verdict: Verdict
    holds: tuple[Hold, ...]
    signed: int  # entries of the log under the newest checkpoint
    versions: Versions


class ArchiveQuestion(Struct, frozen=True):
    """One archive and everything that happened to it."""

    key: str

    def ask(self, session: VaultSession) -> ArchiveStanding:
        """Read the life, and judge."""
        archive = find_archive(session.vault, self.key)
        judged = verdict(session.vault, archive, session.clock())
        caught = tuple(hold for hold in list_holds(session.vault) if hold.id in judged.holds)
        newest = evidence_view(session.config, session.vault).newest
        return ArchiveStanding(
            readings.archive_life(session.vault, archive),
            judged,
            caught,
            newest.size if newest else 0,
            versions_of(session.vault, archive),
        )


class DetailScreen(TextScreen):
    """A life to read, and beneath it what belongs to it, to be opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_lead", "open", tooltip="Open what is chosen at the foot: a job, an archive"),
        Binding("tab", "lead(1)", "next", tooltip="Choose the next thing at the foot"),
        Binding("shift+tab", "lead(-1)", "previous", show=False, tooltip="Choose the one before"),
    ]

    def contents(self) -> ComposeResult:
        """Yield the text over what it leads to."""
        yield from super().contents()
        yield RelatedItems()

    @property
    def leads(self) -> RelatedItems:
        """Return what is at the foot."""
        return self.query_one(RelatedItems)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open only where there is something."""
        if action in ("open_lead", "lead"):
            return any(leads.chosen is not None for leads in self.query(RelatedItems))
        return super().check_action(action, parameters)

    def action_lead(self, steps: int) -> None:
        """Choose another lead."""
        self.leads.move(steps)

    def action_open_lead(self) -> None:
        """Open the chosen lead."""
        if self.leads.chosen is not None:
            self._open(self.leads.chosen)

    @on(RelatedItems.Opened)
    def _clicked(self, event: RelatedItems.Opened) -> None:
        self._open(event.lead)

    def _open(self, lead: RelatedItem) -> None:
        self.app.push_screen(JobScreen(lead.key) if lead.job else ArchiveScreen(lead.key))

    def lead_to(self, leads: Sequence[RelatedItem]) -> None:
        """Show where this life leads."""
        had = self.leads.chosen is not None
        self.leads.show(leads)
        if had != bool(leads):
            self.refresh_bindings()


class JobScreen(JobActions, DetailScreen):
    """The life of one job."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    @property
    def job(self) -> Job | None:
        """Return the job, once it has been read."""
        seen = self.seen
        return seen.answer.life.job if seen is not None and isinstance(seen.answer, JobStanding) else None

    def question(self) -> JobQuestion:
        """Ask for the life."""
        return JobQuestion(self.key)

    def paint(self) -> None:
        """Tell the story."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, JobStanding):
            life, kin = seen.answer.life, seen.answer.kin
            running = next((each for each in seen.status.running if each.job == life.job.id), None)
            scene = ProgressContext(self.strongroom.clock(), bool(seen.status.worked_on_by), running)
            words = "" if life.job.finished else doing(life.job, scene, max(20, self.size.width - 20))
            self.query_one(TextPane).show(job_story(life, kin.archive, words))
            self.lead_to(_leads_of_job(kin))


class ArchiveScreen(ArchiveActions, DetailScreen):
    """The life of one archive."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    @property
    def archive(self) -> Archive | None:
        """Return the archive, once it has been read."""
        seen = self.seen
        return seen.answer.life.archive if seen is not None and isinstance(seen.answer, ArchiveStanding) else None

    def question(self) -> ArchiveQuestion:
        """Ask for the life."""
        return ArchiveQuestion(self.key)

    def paint(self) -> None:
        """Tell the story."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, ArchiveStanding):
            told = seen.answer
            keeping = keeping_facts(told.verdict, told.holds, told.life.moments, told.signed)
            self.query_one(TextPane).show(archive_story(told.life, keeping))
            self.lead_to(_leads_of_archive(told))


def _leads_of_job(kin: Lineage) -> list[RelatedItem]:
    before = [_to_job("came from", job) for job in kin.before]
    brought = [RelatedItem(f"brought archive {kin.archive.id}", kin.archive.id, job=False)] if kin.archive else []
    return [*brought, *before, *(_to_job("led to", job) for job in kin.after)]


def _to_job(how: str, job: Job) -> RelatedItem:
    cause = f" ({cause_words(job.cause, job.detail)})" if job.cause else ""
    return RelatedItem(f"{how} job {job.id}  {job.state}{cause}", job.id, job=True)


def _leads_of_archive(told: ArchiveStanding) -> list[RelatedItem]:
    archive, versions = told.life.archive, told.versions
    found = [RelatedItem(f"brought by job {archive.job}", archive.job, job=True)]
    found += [RelatedItem(f"older version {versions.older}", versions.older, job=False)] if versions.older else []
    return found + (
        [RelatedItem(f"newer version {versions.newer}", versions.newer, job=False)] if versions.newer else []
    )
