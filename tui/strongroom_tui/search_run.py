"""Searches of one person: each on a thread and vault of its own, so that neither screen nor catalogue waits for it.

What was found and how far it came is read from outside while it goes on. Nothing of it is ever written, but the line of
the log that says who searched.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from time import monotonic
from typing import TypeVar

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.engine.access.hits import Found, Hit, gather
from strongroom.engine.access.opened_segments import OpenedSegments
from strongroom.engine.access.search import (
    SearchProgress,
    choose_archives,
    described_fields,
    known_names,
    note_search,
    open_found,
    search,
)
from strongroom.engine.copies.reading import open_with_copies
from strongroom.engine.core.identities import Identities
from strongroom.engine.core.people import acting_person
from strongroom.engine.queries.lists import Vault
from strongroom.model.archive import Archive
from strongroom.model.errors import SealError
from strongroom.model.times import Clock
from strongroom.search.query import parse_query
from strongroom.search.terms import Query
from strongroom_tui.reader import VaultAction, VaultSession, vault_errors

MOST = 10_000
"""Hits that one search collects: nobody reads more, and each takes memory."""

REST = 0.2  # seconds between two pictures of what was found

_Answer = TypeVar("_Answer")


class SearchRun:
    """One search. `work` runs it; everything else may be read meanwhile by another thread."""

    def __init__(self, text: str, identities: Identities, opened: OpenedSegments) -> None:
        self.text = text
        self.progress = SearchProgress()
        self.found: tuple[Found, ...] = ()  # in the order of time; replaced as a whole
        self.query: Query | None = None
        self.full = False  # there are more hits than are collected
        self.done = False
        self._identities = identities
        self._opened = opened

    @property
    def whole(self) -> bool:
        """Say whether everything was searched, and everything that matches is here."""
        return self.done and not self.progress.stopped and not self.progress.unread

    @property
    def archives(self) -> Sequence[Archive]:
        """Return the archives that have a hit."""
        return list({hit.archive.id: hit.archive for each in self.found for hit in each.hits}.values())

    def stop(self) -> None:
        """Have the search end soon, with what it found."""
        self.progress.stopped = True

    def work(self, session: VaultSession) -> None:
        """Search to the end, and log that. Raises UsageError for what is no query."""
        vault, config = session.vault, session.config
        names = known_names(vault, (each.name for each in config.streams), (each.name for each in config.sources))
        self.query = query = parse_query(self.text, UTC, names)
        archives = choose_archives(vault, query)
        self.progress.archives = len(archives)
        fields = described_fields(config.manifests)
        try:
            self._collect(search(vault, archives, query, self._identities, self.progress, fields, self._opened))
        finally:
            self.done = True
            self._identities = []
        if not vault.read_only:
            count, clear, now = len(self.found), config.vault.log_queries, session.clock()
            note_search(vault, query, self.progress, count, acting_person(), now, os.urandom, clear=clear)

    def _collect(self, hits: Iterable[Hit]) -> None:
        """Take hits, and from time to time put them in order, which may take a fifth of the time."""
        taken: list[Hit] = []
        next_at = monotonic() + REST
        for hit in hits:
            taken.append(hit)
            if len(taken) >= MOST:
                self.full = True
                self.stop()
            if monotonic() >= next_at:
                began = monotonic()
                self.found = tuple(gather(taken))
                next_at = monotonic() + max(REST, 4 * (monotonic() - began))
        self.found = tuple(gather(taken))


class SearchThreads:
    """The vault, for searches: on threads of their own, each time with an own connection."""

    def __init__(self, config: Callable[[], Config], clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._notes: dict[str, bool] = {}  # what was read from a copy, and whether it was shown
        self._searching = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search-record")

    async def search(self, run: SearchRun) -> None:
        """Run a search; one that runs before it must be stopped. Raises the StrongroomError family."""
        await asyncio.get_running_loop().run_in_executor(self._searching, self._with_vault, run.work)

    async def do(self, action: VaultAction[_Answer]) -> _Answer:
        """Have something done with the vault while a search goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._with_vault, action)

    def new_notes(self) -> list[str]:
        """Return what was read from a copy since the last call; each is returned once."""
        fresh = [words for words, shown in list(self._notes.items()) if not shown]
        self._notes |= dict.fromkeys(fresh, True)
        return fresh

    def _note(self, words: str) -> None:
        self._notes.setdefault(words, False)

    def close(self) -> None:
        """Let go of the threads once they are done."""
        for each in (self._searching, self._reading):
            each.shutdown(wait=False, cancel_futures=True)

    def _with_vault(self, action: VaultAction[_Answer]) -> _Answer:
        def work() -> _Answer:
            config = self._config()
            with open_with_copies(config, self._note) as vault:
                return action(VaultSession(config, vault, self._clock))

        return vault_errors(work)


class RecordQuestion(Struct, frozen=True):
    """The record of a hit as it was delivered, in all its versions."""

    found: Found
    identities: Callable[[], Identities]

    def ask(self, session: VaultSession) -> Found:
        """Read it. Raises SealError where no archive that has it can be read."""
        return open_record(session.vault, self.found, self.identities())


def open_record(vault: Vault, found: Found, identities: Identities) -> Found:
    """Read one record. Raises SealError where no archive that has it can be read."""
    return open_records(vault, [found], identities)[0]


def open_records(vault: Vault, found: Sequence[Found], identities: Identities) -> list[Found]:
    """Read records, each archive once. Raises SealError where no archive that has one of them can be read."""
    progress = SearchProgress()
    opened = open_found(vault, found, identities, progress)
    if len(opened) < len(found):
        name, why = next(iter(progress.unread.items()), (found[0].hit.archive.id, "the record is not there"))
        raise SealError(f"archive {name} cannot be read: {why}", hint=f"run: strongroom verify {name}")
    return opened


def places_of(found: Sequence[Found]) -> Mapping[str, Found]:
    """Return hits by what names them from one picture to the next."""
    return dict(_named(found))


def _named(found: Sequence[Found]) -> Iterator[tuple[str, Found]]:
    for each in found:
        hit = each.hit
        yield f"{hit.archive.id} {hit.dataset} {hit.place}", each
