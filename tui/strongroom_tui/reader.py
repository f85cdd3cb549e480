"""Reads the vault on one thread of its own, so that the screen never waits for a disk.

One thread means one connection to the catalogue, and that makes the change counter comparable from look to look. Lists
are read in pages that follow a key, never whole.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from strongroom.engine import readings
from strongroom.engine.assembly import open_reading
from strongroom.engine.readings import ArchiveLife, JobLife, Running, Status
from strongroom.model.archive import Archive
from strongroom.model.errors import VaultError
from strongroom.model.job import Job, State
from strongroom_tui.wish import Noun, Wish

if TYPE_CHECKING:
    from strongroom.config.schema import Config

PAGE = 200
"""Rows of one page."""

_ACTIVE = (State.FETCHING, State.SEALED, State.READY, State.DEAD, State.UNCERTAIN, State.WAITING)
_MOVING = (State.FETCHING, State.SEALED)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Page(Generic[Noun]):
    """One page of a list, newest first; the first page of jobs begins with those at work."""

    rows: tuple[Noun, ...]
    last: Noun | None  # the row after which the next page begins, None where there is none


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to a wish."""

    wish: Wish
    version: int  # of the catalogue, to compare with the next look
    status: Status
    jobs: Page[Job]
    archives: Page[Archive]

    @property
    def running(self) -> dict[str, Running]:
        """Return the transfers under way by job."""
        return {running.job: running for running in self.status.running}


class VaultReader:
    """An open vault, for reading. Opening raises VaultError; close it when the screen is gone."""

    def __init__(self, config: Config) -> None:
        self._stack = ExitStack()
        self._vault = self._stack.enter_context(open_reading(config))
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue")
        self.path: Path = config.vault.path

    async def look(self, wish: Wish, known: int | None) -> Seen | None:
        """Answer a wish, or return None where the catalogue is still the `known` version."""
        return await self._ask(lambda: self._look(wish, known))

    async def life_of_job(self, job_id: str) -> JobLife:
        """Return a job and everything that happened to it."""
        return await self._ask(lambda: readings.job_life(self._vault, readings.find_job(self._vault, job_id)))

    async def life_of_archive(self, archive_id: str) -> ArchiveLife:
        """Return an archive and everything that happened to it."""
        return await self._ask(
            lambda: readings.archive_life(self._vault, readings.find_archive(self._vault, archive_id))
        )

    def close(self) -> None:
        """Let a reading end, then close the vault."""
        self._thread.shutdown(cancel_futures=True)
        self._stack.close()

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _in_words, question)

    def _look(self, wish: Wish, known: int | None) -> Seen | None:
        # The version is read first: what is committed while the rest is read then shows up as a change.
        version = readings.changes(self._vault)
        if version == known:
            return None
        status = readings.status_of(self._vault)
        return Seen(wish, version, status, self._jobs(wish, status), self._archives(wish))

    def _jobs(self, wish: Wish, status: Status) -> Page[Job]:
        stream, state = wish.filter.stream, wish.filter.state
        found = readings.list_jobs(self._vault, stream=stream, state=state, before=wish.jobs_before, most=PAGE + 1)
        page = _page(found)
        if state:
            return page
        active = self._active(stream, status)
        at_work = {job.id for job in active}
        others = [job for job in page.rows if job.id not in at_work]
        return Page((*([] if wish.jobs_before else active), *others), page.last)

    def _active(self, stream: str, status: Status) -> list[Job]:
        """Return the jobs that are past being planned and not over, in an order that few of their steps change.

        Asking for no more than the status counted lets the search stop at the last of them.
        """
        jobs: list[Job] = []
        for state in _ACTIVE:
            most = min(status.jobs.get(state, 0), PAGE - len(jobs))
            if most > 0:
                jobs += readings.list_jobs(self._vault, stream=stream, state=state, most=most)
        return sorted(jobs, key=lambda job: (job.state not in _MOVING, -job.priority, job.spec.window, job.id))

    def _archives(self, wish: Wish) -> Page[Archive]:
        found = readings.list_archives(
            self._vault,
            stream=wish.filter.stream,
            holding=wish.filter.holding,
            before=wish.archives_before,
            most=PAGE + 1,
        )
        return _page(found)


def _page(found: list[Noun]) -> Page[Noun]:
    """Make a page of rows of which one more than fits was asked for, to know whether another page follows."""
    return Page(tuple(found[:PAGE]), found[PAGE - 1] if len(found) > PAGE else None)


def _in_words(question: Callable[[], _Answer]) -> _Answer:
    """Answer a question; what the world does to the files becomes a VaultError, which the screen can show."""
    try:
        return question()
    except (sqlite3.Error, OSError) as error:
        raise VaultError(f"the vault cannot be read: {error}", hint="run: strongroom doctor") from error
