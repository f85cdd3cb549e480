"""Reads the vault on one thread of its own, so that the screen never waits for a disk.

One thread means one connection to the catalogue, and that makes the change counter comparable from look to look.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from strongroom.engine import readings
from strongroom.engine.assembly import open_reading, system_clock
from strongroom.engine.readings import Status
from strongroom.model.errors import VaultError
from strongroom.model.instants import Clock
from strongroom_tui.desk import Deed, Desk, Question

if TYPE_CHECKING:
    from strongroom.config.schema import Config

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to a question, and the vault at a glance beside it."""

    question: Question | None
    version: int  # of the catalogue, to compare with the next look
    status: Status
    answer: object


class VaultReader:
    """An open vault, for the screen. Opening raises VaultError; close it when the screen is gone."""

    def __init__(self, config: Config, clock: Clock = system_clock) -> None:
        self._stack = ExitStack()
        self._desk = Desk(config, self._stack.enter_context(open_reading(config)), clock)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue")
        self.path: Path = config.vault.path

    async def look(self, question: Question | None, known: int | None) -> Seen | None:
        """Answer a question, or return None where the catalogue is still the `known` version."""
        return await self._run(lambda: self._look(question, known))

    async def do(self, deed: Deed[_Answer]) -> _Answer:
        """Have something done at the vault, between two readings."""
        return await self._run(lambda: deed(self._desk))

    def close(self) -> None:
        """Let a reading end, then close the vault."""
        self._thread.shutdown(cancel_futures=True)
        self._stack.close()

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _in_words, work)

    def _look(self, question: Question | None, known: int | None) -> Seen | None:
        # The version is read first: what is committed while the rest is read then shows up as a change.
        version = readings.changes(self._desk.vault)
        if version == known:
            return None
        status = readings.status_of(self._desk.vault)
        return Seen(question, version, status, question.ask(self._desk) if question else None)


def _in_words(work: Callable[[], _Answer]) -> _Answer:
    """Do the work; what the world does to the files becomes a VaultError, which the screen can show."""
    try:
        return work()
    except (sqlite3.Error, OSError) as error:
        raise VaultError(f"the vault cannot be read: {error}", hint="run: strongroom doctor") from error
