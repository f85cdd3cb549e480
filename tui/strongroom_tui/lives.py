"""One job or one archive at full length. Read again whenever the catalogue changes while it is open."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from strongroom.engine import readings
from strongroom.engine.readings import ArchiveLife, JobLife
from strongroom_tui.desk import Desk
from strongroom_tui.reading import Reading, TextScreen
from strongroom_tui.story import archive_story, job_story


@dataclass(frozen=True, slots=True)
class JobQuestion:
    """One job and everything that happened to it."""

    key: str

    def ask(self, desk: Desk) -> JobLife:
        """Read the life."""
        return readings.job_life(desk.vault, readings.find_job(desk.vault, self.key))


@dataclass(frozen=True, slots=True)
class ArchiveQuestion:
    """One archive and everything that happened to it."""

    key: str

    def ask(self, desk: Desk) -> ArchiveLife:
        """Read the life."""
        return readings.archive_life(desk.vault, readings.find_archive(desk.vault, self.key))


class JobScreen(TextScreen):
    """The life of one job."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    def question(self) -> JobQuestion:
        """Ask for the life."""
        return JobQuestion(self.key)

    def paint(self) -> None:
        """Tell the story."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, JobLife):
            self.query_one(Reading).show(job_story(seen.answer))


class ArchiveScreen(TextScreen):
    """The life of one archive."""

    def __init__(self, key: str) -> None:
        super().__init__(Text("reading …"))
        self.key = key

    def question(self) -> ArchiveQuestion:
        """Ask for the life."""
        return ArchiveQuestion(self.key)

    def paint(self) -> None:
        """Tell the story."""
        seen = self.seen
        if seen is not None and isinstance(seen.answer, ArchiveLife):
            self.query_one(Reading).show(archive_story(seen.answer))
