"""One job or one archive at full length. Read again whenever the catalogue changes while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from strongroom.engine import readings
from strongroom.engine.jobs.kinship import Kin, Versions, kin_of, versions_of
from strongroom.engine.proof.notary import evidence_view
from strongroom.engine.readings import ArchiveLife, JobLife
from strongroom.engine.retention.verdicts import verdict
from strongroom.engine.retention.view import list_holds
from strongroom.model.archive import Archive
from strongroom.model.hold import Hold
from strongroom.model.job import Job
from strongroom.model.retention import Verdict
from strongroom.model.waiting import cause_words
from strongroom_tui.archiveacts import ArchiveActs
from strongroom_tui.desk import Desk
from strongroom_tui.jobacts import JobActs
from strongroom_tui.leads import Lead, Leads
from strongroom_tui.progress import Scene, doing
from strongroom_tui.reading import Reading, TextScreen
from strongroom_tui.retentionwords import keeping_facts
from strongroom_tui.story import archive_story, job_story


@dataclass(frozen=True, slots=True)
class JobStanding:
    """One job with everything that happened to it, and what belongs to it."""

    life: JobLife
    kin: Kin


@dataclass(frozen=True, slots=True)
class JobQuestion:
    """One job and everything that happened to it."""

    key: str

    def ask(self, desk: Desk) -> JobStanding:
        """Read the life."""
        job = readings.find_job(desk.vault, self.key)
        return JobStanding(readings.job_life(desk.vault, job), kin_of(desk.vault, job))


@dataclass(frozen=True, slots=True)
class ArchiveStanding:
    """One archive with everything that happened to it, and what keeps it."""

    life: ArchiveLife
    verdict: Verdict
    holds: tuple[Hold, ...]
    signed: int  # entries of the log under the newest checkpoint
    versions: Versions


@dataclass(frozen=True, slots=True)
class ArchiveQuestion:
    """One archive and everything that happened to it."""

    key: str

    def ask(self, desk: Desk) -> ArchiveStanding:
        """Read the life, and judge."""
        archive = readings.find_archive(desk.vault, self.key)
        judged = verdict(desk.vault, archive, desk.clock())
        caught = tuple(hold for hold in list_holds(desk.vault) if hold.id in judged.holds)
        newest = evidence_view(desk.config, desk.vault).newest
        return ArchiveStanding(
            readings.archive_life(desk.vault, archive),
            judged,
            caught,
            newest.size if newest else 0,
            versions_of(desk.vault, archive),
        )


class LifeScreen(TextScreen):
    """A life to read, and beneath it what belongs to it, to be opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_lead", "open", tooltip="Open what is chosen at the foot: a job, an archive"),
        Binding("tab", "lead(1)", "next", tooltip="Choose the next thing at the foot"),
        Binding("shift+tab", "lead(-1)", "previous", show=False, tooltip="Choose the one before"),
    ]

    def contents(self) -> ComposeResult:
        """Yield the text over what it leads to."""
        yield from super().contents()
        yield Leads()

    @property
    def leads(self) -> Leads:
        """Return what is at the foot."""
        return self.query_one(Leads)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open only where there is something."""
        if action in ("open_lead", "lead"):
            return any(leads.chosen is not None for leads in self.query(Leads))
        return super().check_action(action, parameters)

    def action_lead(self, steps: int) -> None:
        """Choose another lead."""
        self.leads.move(steps)

    def action_open_lead(self) -> None:
        """Open the chosen lead."""
        if self.leads.chosen is not None:
            self._open(self.leads.chosen)

    @on(Leads.Opened)
    def _clicked(self, event: Leads.Opened) -> None:
        self._open(event.lead)

    def _open(self, lead: Lead) -> None:
        self.app.push_screen(JobScreen(lead.key) if lead.job else ArchiveScreen(lead.key))

    def lead_to(self, leads: Sequence[Lead]) -> None:
        """Show where this life leads."""
        had = self.leads.chosen is not None
        self.leads.show(leads)
        if had != bool(leads):
            self.refresh_bindings()


class JobScreen(JobActs, LifeScreen):
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
            scene = Scene(self.strongroom.clock(), bool(seen.status.worked_on_by), running)
            words = "" if life.job.finished else doing(life.job, scene, max(20, self.size.width - 20))
            self.query_one(Reading).show(job_story(life, kin.archive, words))
            self.lead_to(_leads_of_job(kin))


class ArchiveScreen(ArchiveActs, LifeScreen):
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
            self.query_one(Reading).show(archive_story(told.life, keeping))
            self.lead_to(_leads_of_archive(told))


def _leads_of_job(kin: Kin) -> list[Lead]:
    before = [_to_job("came from", job) for job in kin.before]
    brought = [Lead(f"brought archive {kin.archive.id}", kin.archive.id, job=False)] if kin.archive else []
    return [*brought, *before, *(_to_job("led to", job) for job in kin.after)]


def _to_job(how: str, job: Job) -> Lead:
    cause = f" ({cause_words(job.cause, job.detail)})" if job.cause else ""
    return Lead(f"{how} job {job.id}  {job.state}{cause}", job.id, job=True)


def _leads_of_archive(told: ArchiveStanding) -> list[Lead]:
    archive, versions = told.life.archive, told.versions
    found = [Lead(f"brought by job {archive.job}", archive.job, job=True)]
    found += [Lead(f"older version {versions.older}", versions.older, job=False)] if versions.older else []
    return found + ([Lead(f"newer version {versions.newer}", versions.newer, job=False)] if versions.newer else [])
