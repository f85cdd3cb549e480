"""A job or an archive in full, and the jobs and archives that belong to it, to be opened with enter or the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

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
from strongroom.text.layout import clip
from strongroom_tui.places import Place
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.archive_actions import ArchiveActions
from strongroom_tui.screens.detail_text import ProgressContext, archive_text, doing, job_text, retention_facts
from strongroom_tui.screens.job_actions import JobActions
from strongroom_tui.screens.screen import TextPane, TextScreen


class RelatedItem(Struct, frozen=True):
    """One thing to open."""

    words: str
    key: str  # its id
    job: bool  # or else an archive


class RelatedItems(Static):
    """One line for each item; hidden where there is none."""

    class Opened(Message):
        """A person wants to see one of the items."""

        def __init__(self, item: RelatedItem) -> None:
            super().__init__()
            self.item = item

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._items: tuple[RelatedItem, ...] = ()
        self._index = 0
        self.display = False

    @property
    def chosen(self) -> RelatedItem | None:
        """Return the item that enter opens."""
        return self._items[self._index] if self._items else None

    def show(self, items: Sequence[RelatedItem]) -> None:
        """Show these; the one that was chosen stays chosen where it is still there."""
        before = self.chosen
        self._items = tuple(items)
        self._index = self._items.index(before) if before in self._items else 0
        self.display = bool(self._items)
        self._draw()

    def move(self, steps: int) -> None:
        """Choose a neighbour; after the last comes the first."""
        if self._items:
            self._index = (self._index + steps) % len(self._items)
            self._draw()

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked."""
        place = event.get_content_offset_capture(self).y
        if 0 <= place < len(self._items):
            self._index = place
            self._draw()
            self.post_message(self.Opened(self._items[place]))

    def _draw(self) -> None:
        width = max(10, self.size.width - 2) if self.size.width else 200
        lines = [
            Text(clip(f"{'▸' if place == self._index else ' '} {item.words}", width), "bold" * (place == self._index))
            for place, item in enumerate(self._items)
        ]
        self.update(Text("\n", no_wrap=True).join(lines))


class JobDetail(Struct, frozen=True):
    """One job with everything that happened to it, and what belongs to it."""

    life: JobLife
    kin: Lineage


class JobQuestion(Struct, frozen=True):
    """One job and everything that happened to it."""

    key: str

    def ask(self, session: VaultSession) -> JobDetail:
        """Read the life."""
        job = find_job(session.vault, self.key)
        return JobDetail(readings.job_life(session.vault, job), lineage_of(session.vault, job))


class ArchiveDetail(Struct, frozen=True):
    """One archive with everything that happened to it, and what keeps it."""

    life: ArchiveLife
    verdict: Verdict
    holds: tuple[Hold, ...]
    signed: int  # entries of the log under the newest checkpoint
    versions: Versions


class ArchiveQuestion(Struct, frozen=True):
    """One archive and everything that happened to it, judged now or as of an instant."""

    key: str
    at: datetime | None = None

    def ask(self, session: VaultSession) -> ArchiveDetail:
        """Read the life, and judge."""
        archive = find_archive(session.vault, self.key)
        judged = verdict(session.vault, archive, self.at or session.clock())
        caught = tuple(hold for hold in list_holds(session.vault) if hold.id in judged.holds)
        newest = evidence_view(session.config, session.vault).newest
        return ArchiveDetail(
            readings.archive_life(session.vault, archive),
            judged,
            caught,
            newest.size if newest else 0,
            versions_of(session.vault, archive),
        )


class DetailScreen(TextScreen):
    """A text, and beneath it what belongs to it, to be opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_related", "open", tooltip="Open what is chosen at the foot: a job, an archive"),
        Binding("tab", "choose_related(1)", "next", tooltip="Choose the next thing at the foot"),
        Binding("shift+tab", "choose_related(-1)", "previous", show=False, tooltip="Choose the one before"),
    ]

    def contents(self) -> ComposeResult:
        """Yield the text, and the related items under it."""
        yield from super().contents()
        yield RelatedItems()

    @property
    def items(self) -> RelatedItems:
        """Return what is at the foot."""
        return self.query_one(RelatedItems)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open only where there is something."""
        if action in ("open_related", "choose_related"):
            return any(items.chosen is not None for items in self.query(RelatedItems))
        return super().check_action(action, parameters)

    def action_choose_related(self, steps: int) -> None:
        """Choose another item."""
        self.items.move(steps)

    def action_open_related(self) -> None:
        """Open the chosen item."""
        if self.items.chosen is not None:
            self._open(self.items.chosen)

    @on(RelatedItems.Opened)
    def _clicked(self, event: RelatedItems.Opened) -> None:
        self._open(event.item)

    def _open(self, item: RelatedItem) -> None:
        """Show it; if it is open below this screen, go back to it, so that job and archive do not pile up in turn."""
        place = Place("job" if item.job else "archive", item.key)
        open_places = [getattr(screen, "place", None) for screen in self.app.screen_stack]
        if place not in open_places:
            self.app.push_screen(JobScreen(item.key) if item.job else ArchiveScreen(item.key))
            return
        for _ in open_places[open_places.index(place) + 1 :]:
            self.app.pop_screen()

    def show_related(self, items: Sequence[RelatedItem]) -> None:
        """Show these items."""
        had = self.items.chosen is not None
        self.items.show(items)
        if had != bool(items):
            self.refresh_bindings()


class JobScreen(JobActions, DetailScreen):
    """The life of one job."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    @property
    def place(self) -> Place:
        """Return what leads here again."""
        return Place("job", self.key)

    @property
    def job(self) -> Job | None:
        """Return the job, once it has been read."""
        found = self.answer(JobDetail)
        return found.life.job if found is not None else None

    def question(self) -> JobQuestion:
        """Ask for the life."""
        return JobQuestion(self.key)

    def paint(self) -> None:
        """Show it."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, JobDetail):
            life, kin = seen.answer.life, seen.answer.kin
            running = next((each for each in seen.status.running if each.job == life.job.id), None)
            scene = ProgressContext(self.strongroom.clock(), bool(seen.status.worked_on_by), running)
            words = "" if life.job.finished else doing(life.job, scene, max(20, self.size.width - 20))
            self.query_one(TextPane).show(job_text(life, kin.archive, words))
            self.show_related(_related_to_job(kin))


class ArchiveScreen(ArchiveActions, DetailScreen):
    """The life of one archive."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    @property
    def place(self) -> Place:
        """Return what leads here again."""
        return Place("archive", self.key)

    @property
    def archive(self) -> Archive | None:
        """Return the archive, once it has been read."""
        found = self.answer(ArchiveDetail)
        return found.life.archive if found is not None else None

    def question(self) -> ArchiveQuestion:
        """Ask for the life."""
        return ArchiveQuestion(self.key)

    def paint(self) -> None:
        """Show it."""
        found = self.answer(ArchiveDetail)
        if found is not None:
            keeping = retention_facts(found.verdict, found.holds, found.life.moments, found.signed)
            self.query_one(TextPane).show(archive_text(found.life, keeping))
            self.show_related(_related_to_archive(found))


def _related_to_job(kin: Lineage) -> list[RelatedItem]:
    before = [_to_job("came from", job) for job in kin.before]
    brought = [RelatedItem(f"produced archive {kin.archive.id}", kin.archive.id, job=False)] if kin.archive else []
    return [*brought, *before, *(_to_job("led to", job) for job in kin.after)]


def _to_job(how: str, job: Job) -> RelatedItem:
    cause = f" ({cause_words(job.cause, job.detail)})" if job.cause else ""
    return RelatedItem(f"{how} job {job.id}  {job.state}{cause}", job.id, job=True)


def _related_to_archive(detail: ArchiveDetail) -> list[RelatedItem]:
    archive, versions = detail.life.archive, detail.versions
    older = [RelatedItem(f"older version {versions.older}", versions.older, job=False)] if versions.older else []
    newer = [RelatedItem(f"newer version {versions.newer}", versions.newer, job=False)] if versions.newer else []
    return [RelatedItem(f"exported by job {archive.job}", archive.job, job=True), *older, *newer]
