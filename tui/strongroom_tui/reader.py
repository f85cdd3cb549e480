"""Where questions to the vault are answered: on one thread, away from the screen.

A screen never touches the vault. It poses a question, a value that is compared and can be asked again; the answer comes
back as frozen data. A action is the same for what changes something.

Reads the vault on one thread of its own, so that the screen never waits for a disk.

One thread means one connection to the catalogue, and that makes the change counter comparable from look to look.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from strongroom.config.load import Freshness, load_config
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.sources import (
    Dependencies,
    build_sources,
    engine_to_look,
    open_reading,
    plans_of,
    system_clock,
)
from strongroom.engine.queries import lists as readings
from strongroom.engine.queries.change_preview import upcoming
from strongroom.engine.queries.lists import Status, Vault, leaving_out
from strongroom.model.errors import CatalogueBusy, StrongroomError, UsageError, VaultError
from strongroom.model.provider import Limits
from strongroom.model.text import counted
from strongroom.model.times import Clock

if TYPE_CHECKING:
    from strongroom.config.schema import Config


_Answer = TypeVar("_Answer")


class VaultSession(Struct, frozen=True):
    """All that a question or a action may use."""

    config: Config
    vault: Vault
    clock: Clock
    engine: Callable[[], Engine | None] = lambda: None
    """An engine to look with, or None until the adapters are loaded: that is slow, and nobody waits for it."""

    @property
    def limits(self) -> Mapping[str, Limits]:
        """What is known of each source's limits by now."""
        engine = self.engine()
        return {name: source.provider.limits for name, source in engine.sources.items()} if engine else {}


class Question(Protocol):
    """What a screen wants to know. Equal questions have one answer while the catalogue stays as it is."""

    def ask(self, session: VaultSession) -> object:
        """Answer from the catalogue. Raises the StrongroomError family."""
        ...


VaultAction = Callable[[VaultSession], _Answer]
"""Something to be done with the vault."""


_Outcome = TypeVar("_Outcome")


class Asked(Protocol):
    """Has the vault open, and can be asked."""

    async def do(self, action: VaultAction[_Outcome]) -> _Outcome:
        """Have something done with the vault. Raises the StrongroomError family."""


class Seen(Struct, frozen=True):
    """The answer to a question, and the status of the vault beside it."""

    question: Question | None
    version: int  # of the catalogue, to compare with the next look
    status: Status
    answer: object
    trouble: str = ""  # what is wrong with the configuration on disk, or which rows could not be read
    next_export: datetime | None = None  # when the next window of any plan is exported


class VaultReader:
    """An open vault, for the screen. Opening raises VaultError; close it when the screen is gone."""

    def __init__(self, config: Config, clock: Clock = system_clock) -> None:
        self._stack = ExitStack()
        self._engine: Engine | None = None
        self._session = VaultSession(
            config, self._stack.enter_context(open_reading(config)), clock, lambda: self._engine
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue")
        self._fresh = Freshness(config.file)
        self._refused = ""
        self.path: Path = config.vault.path

    @property
    def config(self) -> Config:
        """Return the configuration in force: the newest one on disk that could be read."""
        return self._session.config

    async def look(self, question: Question | None, known: int | None) -> Seen | None:
        """Answer a question, or return None where the catalogue is still the `known` version."""
        return await self._run(lambda: self._look(question, known))

    async def do(self, action: VaultAction[_Outcome]) -> _Outcome:
        """Have something done at the vault, between two readings."""
        return await self._run(lambda: action(self._session))

    async def load_adapters(self) -> None:
        """Load the adapters on a thread of their own, and from then on have an engine to look with."""
        session = self._session
        await asyncio.to_thread(build_sources, session.config)  # what is slow is importing them
        self._engine = await self._run(self._make_engine)

    def close(self) -> None:
        """Let a reading end, then close the vault."""
        self._thread.shutdown(cancel_futures=True)
        self._stack.close()

    async def _run(self, work: Callable[[], _Outcome]) -> _Outcome:
        return await asyncio.get_running_loop().run_in_executor(self._thread, vault_errors, work)

    def _look(self, question: Question | None, known: int | None) -> Seen | None:
        # The version is read first: what is committed while the rest is read then shows up as a change.
        renewed, version = self._renew(), readings.changes(self._session.vault)
        if version == known and not renewed:
            return None
        with leaving_out() as unread:  # what a person does is decided by what `do` reads, which leaves nothing out
            status = readings.status_of(self._session.vault)
            answer = question.ask(self._session) if question else None
        trouble = self._refused or _unread_words(unread)
        return Seen(question, version, status, answer, trouble, _next_export(self._session))

    def _renew(self) -> bool:
        """Take over a configuration that was changed on disk; if it is refused, say so and keep the old one."""
        if not self._fresh.changed():
            return False
        before = self._session
        try:
            config = load_config(before.config.file)
            if config.vault.path != self.path:
                raise UsageError("it names another vault: quit the screen and start it again to open that one")
            self._session = replace(before, config=config)
            self._engine = self._make_engine() if self._engine is not None else None
            self._refused = ""
        except StrongroomError as error:
            self._session = before
            self._refused = f"the changed configuration is invalid, so the old one stays in force: {error.message}"
        return True

    def _make_engine(self) -> Engine:
        return engine_to_look(self._session.config, self._session.vault, Dependencies(clock=self._session.clock))


def _next_export(session: VaultSession) -> datetime | None:
    """Return when the next window of any plan that is not paused is exported."""
    now = session.clock()
    plans = (plan for plan in plans_of(session.config) if not plan.paused)
    return min((upcoming(plan, now, 1)[0][1] for plan in plans), default=None)


def _unread_words(unread: Mapping[str, StrongroomError]) -> str:
    """Name the first row that could not be read and is missing here, and say how many more there are."""
    if not unread:
        return ""
    first = next(iter(unread))
    more = f" and {counted(len(unread) - 1, 'more row')}" if len(unread) > 1 else ""
    return f"run strongroom recover: {first}{more}"  # the next step first: a narrow screen cuts the end


def vault_errors(work: Callable[[], _Outcome]) -> _Outcome:
    """Do the work; what the world does to the files becomes a VaultError, which the screen can show."""
    try:
        return work()
    except sqlite3.Error as error:
        if int(getattr(error, "sqlite_errorcode", 0)) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise CatalogueBusy("another program has locked the catalogue", hint="try again") from error
        raise VaultError(f"the vault cannot be read: {error}", hint="run: strongroom doctor") from error
    except OSError as error:
        raise VaultError(f"the vault cannot be read: {error}", hint="run: strongroom doctor") from error
