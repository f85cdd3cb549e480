"""The exports of a simulated project: how they age, who may create one, what the list shows.

An export's phase is never stored: it follows from its times and the clock, so moving the clock is enough to finish,
expire or lose it. What the phases are called, and which of them a provider shows, is each provider's own matter.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from strongroom.model.times import Clock, require_utc
from strongroom_sandbox.faults import FILES, FaultKind, InjectedFault, first, only
from strongroom_sandbox.quota import rolling_free_at
from strongroom_sandbox.transfer import StoredFile

OrderT = TypeVar("OrderT")
"""What a creation asks for."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""When an export expires that is never ready."""

_HOUR = timedelta(hours=1)
_GOLDEN = 0.618033988749895


class Phase(StrEnum):
    """Where an export can stand."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


class JobRules(Struct, frozen=True):
    """What decides over an export's life. Durations are on the sandbox's clock."""

    pending_for: timedelta
    processing_for: timedelta
    life: timedelta  # until it expires
    life_from_creation: bool = False  # else from completion
    pace: float = 1.0  # multiplies the first two
    spread: float = 0.0  # each export's durations vary by up to this share
    max_concurrent: int | None = None
    max_per_hour: int | None = None
    refusals_count: bool = False  # a refused creation uses up the hourly quota too
    newest_first: bool = True
    listed_for: timedelta | None = None  # known for so long after its creation
    forgotten_after: timedelta | None = None  # known for so long after it expired


class SandboxJob(Struct, Generic[OrderT]):
    """One export. All times in UTC."""

    id: str
    number: int  # from 1, in order of creation here
    order: OrderT
    foreign: bool  # created by somebody else
    created_at: datetime
    asked_at: datetime  # of the present generation
    started_at: datetime
    ready_at: datetime | None  # None: never
    expires_at: datetime
    listed_from: datetime
    gone_at: datetime | None = None  # from when the API no longer knows it
    deleted: bool = False  # its file is gone as well
    generation: int = 1
    failure: str | None = None
    size_error: int = 0  # bytes added to the announced size
    count_error: int = 0  # rows added to the announced number
    spoilt: tuple[InjectedFault, ...] = ()
    file: StoredFile | None = None
    link: str = ""
    link_until: datetime | None = None

    def phase(self, now: datetime) -> Phase:
        """Return where the export stands, or stood when `now` lies before its present generation was asked for."""
        if now < self.asked_at:
            return Phase.EXPIRED if self.generation > 1 else Phase.PENDING
        if now < self.started_at:
            return Phase.PENDING
        if self.ready_at is None or now < self.ready_at:
            return Phase.PROCESSING
        if self.failure is not None:
            return Phase.FAILED
        return Phase.COMPLETED if now < self.expires_at else Phase.EXPIRED

    def is_active(self, now: datetime) -> bool:
        """Say whether it takes up one of the concurrent places."""
        return not self.is_gone(now) and self.phase(now) in (Phase.PENDING, Phase.PROCESSING)

    def is_gone(self, now: datetime) -> bool:
        """Say whether the API no longer knows it."""
        return self.gone_at is not None and now >= self.gone_at


class QuotaRefused(Exception):
    """Too many exports; `free_at` is when another may be created, None where nobody can say."""

    def __init__(self, message: str, free_at: datetime | None) -> None:
        super().__init__(message)
        self.free_at = free_at


class JobBook(Generic[OrderT]):
    """All exports of the project. `new_id` names an export by its number. Safe to use from any thread."""

    def __init__(self, rules: JobRules, clock: Clock, new_id: Callable[[int], str]) -> None:
        self._rules = rules
        self._clock = clock
        self._new_id = new_id
        self._jobs: dict[str, SandboxJob[OrderT]] = {}
        self._attempts: list[datetime] = []
        self._lock = threading.Lock()

    def create(self, order: OrderT, faults: tuple[InjectedFault, ...]) -> SandboxJob[OrderT]:
        """Add an export for the client. Raises QuotaRefused."""
        now = self._clock()
        with self._lock:
            refusal = self._refusal(now)
            if refusal is None or self._rules.refusals_count:
                self._attempts.append(now)
            if refusal is not None:
                raise refusal
            return self._add(order, now, faults, foreign=False)

    def create_foreign(
        self, order: OrderT, created_at: datetime | None, faults: tuple[InjectedFault, ...]
    ) -> SandboxJob[OrderT]:
        """Add an export that somebody else created; it uses up the quotas and is never refused."""
        at = self._clock() if created_at is None else require_utc(created_at)
        with self._lock:
            self._attempts.append(at)
            return self._add(order, at, faults, foreign=True)

    def renew(self, job: SandboxJob[OrderT], faults: tuple[InjectedFault, ...]) -> None:
        """Have an export made again from now on, under its id."""
        with self._lock:
            job.asked_at = self._clock()
            job.generation += 1
            job.failure, job.file, job.link, job.link_until = None, None, "", None
            job.size_error = job.count_error = 0
            self._schedule(job, faults)

    def remove(self, job: SandboxJob[OrderT]) -> None:
        """Forget an export and its file from now on."""
        job.gone_at, job.deleted = self._clock(), True

    def find(self, job_id: str) -> SandboxJob[OrderT] | None:
        """Return the export, or None when the API does not know it (any more)."""
        with self._lock:
            job = self._jobs.get(job_id)
        return None if job is None or job.is_gone(self._clock()) else job

    def listed(self) -> list[SandboxJob[OrderT]]:
        """Return the exports that the API shows, in the order of its list."""
        now = self._clock()
        with self._lock:
            known = [job for job in self._jobs.values() if not job.is_gone(now) and now >= job.listed_from]
        return sorted(known, key=list_key, reverse=self._rules.newest_first)

    def everything(self) -> list[SandboxJob[OrderT]]:
        """Return every export ever created, oldest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=list_key)

    def _refusal(self, now: datetime) -> QuotaRefused | None:
        rules = self._rules
        active = [job for job in self._jobs.values() if job.is_active(now)]
        if rules.max_concurrent is not None and len(active) >= rules.max_concurrent:
            ends = [job.ready_at for job in active if job.ready_at is not None]
            return QuotaRefused(f"At most {rules.max_concurrent} exports can run at a time", min(ends, default=None))
        if rules.max_per_hour is None:
            return None
        free_at = rolling_free_at(self._attempts, rules.max_per_hour, _HOUR, now)
        if free_at is not None:
            return QuotaRefused(f"At most {rules.max_per_hour} exports can be created per hour", free_at)
        return None

    def _add(
        self, order: OrderT, at: datetime, faults: tuple[InjectedFault, ...], *, foreign: bool
    ) -> SandboxJob[OrderT]:
        number = len(self._jobs) + 1
        job = SandboxJob(self._new_id(number), number, order, foreign, at, at, at, None, NEVER, at)
        self._schedule(job, faults)
        self._jobs[job.id] = job
        return job

    def _schedule(self, job: SandboxJob[OrderT], faults: tuple[InjectedFault, ...]) -> None:
        rules = self._rules
        pace = rules.pace * (1 + rules.spread * (2 * (job.number * _GOLDEN % 1) - 1))
        job.started_at = job.asked_at + rules.pending_for * pace
        job.ready_at = job.started_at + rules.processing_for * pace
        job.spoilt = only(faults, FILES)
        _bend(job, faults)
        job.expires_at = self._expires_at(job)
        job.gone_at = self._gone_at(job, faults)

    def _expires_at(self, job: SandboxJob[OrderT]) -> datetime:
        begins = job.asked_at if self._rules.life_from_creation else job.ready_at
        return NEVER if begins is None else begins + self._rules.life

    def _gone_at(self, job: SandboxJob[OrderT], faults: tuple[InjectedFault, ...]) -> datetime | None:
        rules, ends = self._rules, []
        if rules.forgotten_after is not None and job.expires_at != NEVER:
            ends.append(job.expires_at + rules.forgotten_after)
        if rules.listed_for is not None:
            ends.append(job.created_at + rules.listed_for)
        if vanishes := first(faults, FaultKind.JOB_VANISHES):
            return job.asked_at + timedelta(seconds=vanishes.seconds)
        return min(ends, default=None)


def list_key(job: SandboxJob[OrderT]) -> tuple[datetime, int]:
    """Return what orders the list: the time of creation, then the order of arrival."""
    return job.created_at, job.number


def shuffled(jobs: list[SandboxJob[OrderT]], faults: tuple[InjectedFault, ...], turn: int) -> list[SandboxJob[OrderT]]:
    """Return the list as it is, or in an order of this turn's own where a fault says so."""
    fault = first(faults, FaultKind.LIST_SHUFFLED)
    if fault is None:
        return jobs
    return random.Random(f"{fault.seed}/{turn}").sample(jobs, len(jobs))  # noqa: S311  (repeatable on purpose)


def _bend(job: SandboxJob[OrderT], faults: tuple[InjectedFault, ...]) -> None:
    if fails := first(faults, FaultKind.JOB_FAILS):
        job.failure = fails.message
    if (slow := first(faults, FaultKind.JOB_SLOW)) and job.ready_at is not None:
        job.ready_at += timedelta(seconds=slow.seconds)
    if first(faults, FaultKind.JOB_STUCK):
        job.ready_at = None
    if late := first(faults, FaultKind.JOB_LISTED_LATE):
        job.listed_from = job.asked_at + timedelta(seconds=late.seconds)
    if wrong := first(faults, FaultKind.WRONG_SIZE):
        job.size_error = wrong.by
    if wrong := first(faults, FaultKind.WRONG_COUNT):
        job.count_error = wrong.by
