"""What providers said of waiting exports a moment ago, shared between workers and gone with the process.

Where observing is by a list, one sweep tells of every export that jobs wait for: the first job that is due reads it,
the others take what it found. Each takes it once, and only what was asked after the job began to wait, so that nobody
acts twice on one answer or on one from before a renewal. A lost memory costs one more sweep and nothing else.

The engine's parts, held together: what a step needs in order to touch the world.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

from strongroom.engine.worker.client import Anteroom
from strongroom.model.archive import Archive
from strongroom.model.decision import RetryPolicy
from strongroom.model.inspection import Caps
from strongroom.model.job import Event, Job
from strongroom.model.job_table import Facts
from strongroom.model.provider import Observation
from strongroom.model.quota import QueueRules
from strongroom.model.second_look import DELAY
from strongroom.model.times import Chance, Clock
from strongroom.providers.port import Provider
from strongroom.vault.vault import Vault

if TYPE_CHECKING:
    from strongroom.engine.worker.client import WorkerClient


Observe = Callable[[Sequence[str]], Mapping[str, Observation]]


class Observations:
    """The newest observation of each export of each source that nobody has taken yet. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._sources: dict[str, _Shelf] = {}

    def of(self, source: str) -> _Shelf:
        """Return what is known of one source's exports."""
        with self._guard:
            return self._sources.setdefault(source, _Shelf())


class _Shelf:
    """One source's observations. While one worker asks the provider, the others wait for its answer."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._seen: dict[str, tuple[datetime, Observation]] = {}

    def look(
        self, ref: str, since: datetime, age: timedelta, clock: Clock, others: Callable[[], Sequence[str]], ask: Observe
    ) -> Observation:
        """Return an observation of `ref` that was asked for at `since` or later and is at most so old.

        Asks for it together with the `others` where there is none. What `ask` raises passes through.
        """
        with self._guard:
            at, seen = self._seen.pop(ref, (None, None))
            now = clock()
            if seen is not None and at is not None and at >= since and abs(now - at) <= age:
                return seen
            found = ask(sorted({ref, *others()}))
            self._seen = {name: (now, told) for name, told in found.items() if name != ref}
            return found[ref]


class SourceAccount(Struct, frozen=True):
    """A configured account, ready to be asked."""

    name: str
    kind: str  # which provider: zavu, hookbridge, qlara
    provider: Provider
    deletes: bool = False  # its exports are deleted there once their archives are proven
    address: str = ""  # where it is asked, for the log; empty: where its adapter says
    second_look: timedelta | None = DELAY  # after which an unusually empty window is exported again; None: never


class Engine(Struct, frozen=True):
    """Everything a step may use. Shared between workers; what belongs to one job under way is its `JobContext`."""

    vault: Vault
    sources: Mapping[str, SourceAccount]
    recipients: tuple[str, ...]  # public keys that new archives are sealed to
    clock: Clock
    random_bytes: Chance
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    rules: QueueRules = field(default_factory=QueueRules)
    caps: Caps = field(default_factory=Caps)
    min_free: int = 1 << 30  # bytes of disk that stay free
    prestart: Anteroom = field(default_factory=Anteroom)
    observations: Observations = field(default_factory=Observations)
    clock_tolerance: timedelta = timedelta(days=1)  # how far the clock may leap for the vault's time to follow it
    settles: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))  # of configured streams
    zones: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # IANA names, of configured streams
    stop: Callable[[], bool] = lambda: False  # asked between chunks and steps
    crash_point: Callable[[str], None] = lambda _where: None  # told each place where a crash would matter

    def jitter(self) -> float:
        """Return a number from 0 to 1."""
        return self.random_bytes(1)[0] / 255

    listen: Callable[[Job, Job, StepResult], None] = lambda _before, _after, _happening: None  # told each transition


class JobContext(Struct):
    """What a worker holds for the job it is at; gone with the process."""

    intent: bool = False  # the intent was written by this worker and nothing has been sent
    listed: bool = False  # the provider's list was read by this worker, and nothing was waited for since
    worker: WorkerClient | None = None
    archive: Archive | None = None  # built when the seal is known; completed by the inspection

    def release(self) -> None:
        """Let go of everything; an unfinished sealer is ended."""
        if self.worker is not None:
            self.worker.close()
        self.intent, self.listed, self.worker, self.archive = False, False, None, None


class StepResult(Struct, frozen=True):
    """What performing a step came to: an event for the table, and what is written down with it."""

    event: Event
    facts: Facts = field(default_factory=Facts)
    archive: Archive | None = None  # published, or quarantined
    successor: Job | None = None
    pause: str = ""  # the source is to pause, and why
    refused_until: datetime | None = None  # the provider's "not before" for the whole source
    told: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))  # more facts for the log
