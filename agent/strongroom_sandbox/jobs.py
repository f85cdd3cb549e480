"""The exports of a simulated project: how they age, who may create one, what the list shows.

An export's phase is never stored: it follows from its times and the clock, so moving the clock is enough to finish,
expire or lose it. Each provider decides what it calls the phases and which of them it shows.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from strongroom.model.times import Clock, require_utc
from strongroom_sandbox.faults import FILES, FaultKind, InjectedFault, first, only
from strongroom_sandbox.options import ExpiredLook, JobOptions
from strongroom_sandbox.transfer import StoredFile

OrderT = TypeVar("OrderT")
"""What a creation asks for."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""When an export expires that is never ready."""

_HOUR = timedelta(hours=1)
_GOLDEN = 0.618033988749895


class Phase(StrEnum):
    """The phases of an export."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


class SandboxJob(Struct, Generic[OrderT]):
    """One export. All times in UTC."""

    id: str
    number: int  # from 1, in order of creation here
    order: OrderT
    foreign: bool  # created by another client
    created_at: datetime
    asked_at: datetime  # of the present generation
    started_at: datetime
    ready_at: datetime | None  # None: never
    expires_at: datetime
    listed_from: datetime
    gone_at: datetime | None = None  # from when the API no longer knows it
    deleted: bool = False  # its file is gone as well
    generation: int = 1  # one more each time it was regenerated in place
    failure: str | None = None
    size_error: int = 0  # bytes added to the announced size
    count_error: int = 0  # rows added to the announced number
    file_faults: tuple[InjectedFault, ...] = ()
    file: StoredFile | None = None
    link: str = ""
    link_until: datetime | None = None

    def phase(self, now: datetime) -> Phase:
        """Return the export's phase, also for a `now` before its present generation was requested."""
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
        """Say whether it counts against the limit of concurrent exports."""
        return not self.is_gone(now) and self.phase(now) in (Phase.PENDING, Phase.PROCESSING)

    def is_gone(self, now: datetime) -> bool:
        """Say whether the API no longer knows it."""
        return self.gone_at is not None and now >= self.gone_at


class JobView(Struct, Generic[OrderT], frozen=True):
    """A copy of one export for a test to look at."""

    id: str
    status: Phase  # as the provider shows it
    order: OrderT
    created_at: datetime
    expires_at: datetime
    generation: int
    foreign: bool
    gone: bool


class QuotaRefused(Exception):
    """Too many exports; `free_at` is when another may be created, None if that is unknown."""

    def __init__(self, message: str, free_at: datetime | None) -> None:
        super().__init__(message)
        self.free_at = free_at


class JobBook(Generic[OrderT]):
    """All exports of the project. `new_id` names an export by its number. Safe to use from any thread."""

    def __init__(self, options: JobOptions, clock: Clock, new_id: Callable[[int], str]) -> None:
        self._options = options
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
            if refusal is None or self._options.refusals_count:
                self._attempts.append(now)
            if refusal is not None:
                raise refusal
            return self._add(order, now, faults, foreign=False)

    def create_foreign(
        self, order: OrderT, created_at: datetime | None = None, faults: Iterable[InjectedFault] = ()
    ) -> SandboxJob[OrderT]:
        """Add an export that another client created; it uses up the quotas and is never refused."""
        at = self._clock() if created_at is None else require_utc(created_at)
        with self._lock:
            self._attempts.append(at)
            return self._add(order, at, tuple(faults), foreign=True)

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
        return sorted(known, key=list_key, reverse=self._options.newest_first)

    def views(self, shown: Callable[[Phase], Phase]) -> tuple[JobView[OrderT], ...]:
        """Return copies of all exports ever created, oldest first; `shown` says what the provider calls a phase."""
        now = self._clock()
        with self._lock:
            jobs = sorted(self._jobs.values(), key=list_key)
        return tuple(
            JobView(
                each.id,
                shown(each.phase(now)),
                each.order,
                each.created_at,
                each.expires_at,
                each.generation,
                each.foreign,
                each.is_gone(now),
            )
            for each in jobs
        )

    def _refusal(self, now: datetime) -> QuotaRefused | None:
        options = self._options
        active = [job for job in self._jobs.values() if job.is_active(now)]
        if options.max_concurrent is not None and len(active) >= options.max_concurrent:
            ends = [job.ready_at for job in active if job.ready_at is not None]
            return QuotaRefused(f"At most {options.max_concurrent} exports can run at a time", min(ends, default=None))
        if options.max_per_hour is None:
            return None
        free_at = rolling_free_at(self._attempts, options.max_per_hour, _HOUR, now)
        if free_at is not None:
            return QuotaRefused(f"At most {options.max_per_hour} exports can be created per hour", free_at)
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
        options = self._options
        pace = options.pace * (1 + options.spread * (2 * (job.number * _GOLDEN % 1) - 1))
        job.started_at = job.asked_at + options.pending_for * pace
        job.ready_at = job.started_at + options.processing_for * pace
        job.file_faults = only(faults, FILES)
        _apply_faults(job, faults)
        begins = options.life_begins(job.asked_at, job.ready_at)
        job.expires_at = NEVER if begins is None else begins + options.life
        job.gone_at = self._gone_at(job, faults)

    def _gone_at(self, job: SandboxJob[OrderT], faults: tuple[InjectedFault, ...]) -> datetime | None:
        if vanishes := first(faults, FaultKind.JOB_VANISHES):
            return job.asked_at + timedelta(seconds=vanishes.seconds)
        ends = [] if self._options.listed_for is None else [job.created_at + self._options.listed_for]
        if self._options.expired is ExpiredLook.GONE and job.expires_at != NEVER:
            ends.append(job.expires_at)
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


def _apply_faults(job: SandboxJob[OrderT], faults: tuple[InjectedFault, ...]) -> None:
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


class QuotaReading(Struct, frozen=True):
    """What a request window says after counting one request."""

    limit: int
    remaining: int  # requests left in this window, never below zero
    reset_at: datetime  # when the next window begins, UTC
    allowed: bool

    def wait(self, now: datetime) -> int:
        """Return the whole seconds until the window resets, at least one."""
        return seconds_until(self.reset_at, now)


class FixedWindow:
    """At most `limit` requests in each window of `length`; windows are aligned to the epoch."""

    def __init__(self, limit: int, length: timedelta) -> None:
        self.limit = limit
        self._length = length.total_seconds()
        self._window = -1
        self._used = 0

    def count(self, now: datetime) -> QuotaReading:
        """Count one request at `now` and say whether it fits."""
        window = int(now.timestamp() // self._length)
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        reset_at = datetime.fromtimestamp((window + 1) * self._length, UTC)
        return QuotaReading(self.limit, max(0, self.limit - self._used), reset_at, self._used <= self.limit)


def rolling_free_at(past: Iterable[datetime], limit: int, length: timedelta, now: datetime) -> datetime | None:
    """Return when a rolling window is free again, or None when it is free at `now`."""
    recent = sorted(instant for instant in past if instant > now - length)
    if len(recent) < limit:
        return None
    return recent[len(recent) - limit] + length


def seconds_until(instant: datetime, now: datetime) -> int:
    """Return the whole seconds from `now` to `instant`, rounded up, at least one."""
    return max(1, -int((now - instant).total_seconds() // 1))
