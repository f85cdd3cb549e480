"""The engine's parts, held together: what a step needs in order to touch the world."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

from strongroom.model.archive import Archive
from strongroom.model.decision import RetryPolicy
from strongroom.model.inspection import Caps
from strongroom.model.job import Event, Job
from strongroom.model.job_table import Facts
from strongroom.model.provider import Observation
from strongroom.model.quota import QueueRules
from strongroom.model.second_look import DELAY
from strongroom.model.times import Chance, Clock
from strongroom.vault.vault import Vault

if TYPE_CHECKING:  # what works with these imports them; what only reads need not
    from strongroom.engine.worker.client import WorkerClient
    from strongroom.engine.worker.launcher import Launcher
    from strongroom.providers.port import Provider

Observe = Callable[[Sequence[str]], Mapping[str, Observation]]
_NONE: Mapping[str, str | int] = MappingProxyType({})


class PollCache:
    """The newest observation of each waiting export of one source that no job has used yet. Safe between threads.

    Where a provider is observed by a list, one sweep reports every export that jobs wait for: the first job that is due
    reads it, the others use what it found. Each uses it once, and only what was requested after the job began to wait,
    so that no two jobs act on one answer, and none on an answer from before a renewal. It is in memory only: without it
    there is one more sweep.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()  # while one worker asks the provider, the others wait for its answer
        self._seen: dict[str, tuple[datetime, Observation]] = {}

    def look(
        self, ref: str, since: datetime, age: timedelta, clock: Clock, others: Callable[[], Sequence[str]], ask: Observe
    ) -> Observation:
        """Return an observation of `ref` that was made at `since` or later and is at most `age` old.

        Asks for it together with the `others` where there is none. Raises what `ask` raises.
        """
        with self._guard:
            at, seen = self._seen.pop(ref, (None, None))
            now = clock()
            if seen is not None and at is not None and at >= since and abs(now - at) <= age:
                return seen
            found = ask(sorted({ref, *others()}))
            self._seen = {name: (now, each) for name, each in found.items() if name != ref}
            return found[ref]


class PollCaches:
    """The poll cache of each source. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._sources: dict[str, PollCache] = {}

    def of(self, source: str) -> PollCache:
        """Return the cache of one source."""
        with self._guard:
            return self._sources.setdefault(source, PollCache())


def new_launcher() -> Launcher:
    """Return what starts workers, once they are needed."""
    from strongroom.engine.worker.launcher import Launcher

    return Launcher()


class SourceAccount(Struct, frozen=True):
    """A configured account with its adapter."""

    name: str
    kind: str  # which provider: zavu, hookbridge, qlara
    provider: Provider
    deletes: bool = False  # its exports are deleted there once their archives are verified
    address: str = ""  # its origin, for the log; empty: the adapter's own
    second_look: timedelta | None = DELAY  # after which an unusually empty window is exported again; None: never


class Engine(Struct, frozen=True):
    """Everything a step may use. Shared between workers; what belongs to one job in progress is its `JobContext`."""

    vault: Vault
    sources: Mapping[str, SourceAccount]
    recipients: tuple[str, ...]  # public keys that new archives are sealed to
    clock: Clock
    random_bytes: Chance
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    rules: QueueRules = field(default_factory=QueueRules)
    caps: Caps = field(default_factory=Caps)
    min_free: int = 1 << 30  # bytes of disk that stay free
    launcher: Launcher = field(default_factory=new_launcher)
    polls: PollCaches = field(default_factory=PollCaches)
    clock_tolerance: timedelta = timedelta(days=1)  # the longest step in which the vault's time follows our clock
    settles: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))  # by configured stream
    zones: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # IANA names by configured stream
    unindexed: frozenset[str] = frozenset()  # streams whose archives get no search segment
    stop: Callable[[], bool] = lambda: False  # called between chunks and steps
    crash_point: Callable[[str], None] = lambda _where: None  # called at each place where a crash would matter
    listen: Callable[[Job, Job, StepResult], None] = lambda _before, _after, _result: None  # called at each transition

    def jitter(self) -> float:
        """Return a number from 0 to 1."""
        return self.random_bytes(1)[0] / 255


class JobContext(Struct):
    """What a worker holds for its job; gone with the process."""

    intent: bool = False  # the intent was written by this worker and nothing has been sent
    listed: bool = False  # the provider's list was read by this worker, with no wait since
    worker: WorkerClient | None = None
    archive: Archive | None = None  # made when the seal is known; completed by the inspection

    def release(self) -> None:
        """Release everything; an unfinished sealing process is ended."""
        if self.worker is not None:
            self.worker.close()
        self.intent, self.listed, self.worker, self.archive = False, False, None, None


class StepResult(Struct, frozen=True):
    """The result of a step: an event for the table, and what is recorded with it."""

    event: Event
    facts: Facts = field(default_factory=Facts)
    archive: Archive | None = None  # published, or quarantined
    successor: Job | None = None
    pause: str = ""  # the source must pause, and why
    refused_until: datetime | None = None  # before which the provider accepts nothing from this source
    log_facts: Mapping[str, str | int] = _NONE  # more facts for the log
