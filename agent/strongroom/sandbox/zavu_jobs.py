"""The exports of a simulated Zavu project: how they age, who may create one, what the list shows.

An export's status is never stored: it follows from its times and the clock, so moving the clock is enough to finish,
expire or lose it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from strongroom.model.instants import Chance, Clock, require_utc
from strongroom.sandbox.faults import FILES, Fault, FaultKind, first, only
from strongroom.sandbox.quota import rolling_free_at
from strongroom.sandbox.transfer import StoredFile
from strongroom.sandbox.zavu_options import ExpiredLook, ZavuOptions

_HOUR = timedelta(hours=1)
_GOLDEN = 0.618033988749895


class Status(StrEnum):
    """The four documented statuses."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What a creation asks for; None for a bound that was left out."""

    data_types: tuple[str, ...]
    date_from: datetime | None  # included
    date_to: datetime | None  # included


@dataclass(slots=True)
class Job:
    """One export. All times in UTC."""

    id: str
    number: int  # from 1, in order of creation here
    order: Order
    foreign: bool  # created by somebody else
    created_at: datetime
    started_at: datetime
    ready_at: datetime | None  # None: never
    expires_at: datetime
    gone_at: datetime | None  # from when the API no longer knows it
    failure: str | None = None
    size_error: int = 0  # bytes added to the announced size
    spoilt: tuple[Fault, ...] = ()
    file: StoredFile | None = None
    link: str = ""
    link_until: datetime | None = None

    def status(self, now: datetime) -> Status:
        """Return where the export stands."""
        if now < self.started_at:
            return Status.PENDING
        if self.ready_at is None or now < self.ready_at:
            return Status.PROCESSING
        return Status.FAILED if self.failure is not None else Status.COMPLETED

    def is_active(self, now: datetime) -> bool:
        """Say whether it takes up one of the concurrent places."""
        return not self.is_gone(now) and self.status(now) in (Status.PENDING, Status.PROCESSING)

    def is_gone(self, now: datetime) -> bool:
        """Say whether the API no longer knows it."""
        return self.gone_at is not None and now >= self.gone_at


@dataclass(frozen=True, slots=True)
class JobView:
    """A copy of one export for a test to look at."""

    id: str
    status: Status
    data_types: tuple[str, ...]
    date_from: datetime | None
    date_to: datetime | None
    created_at: datetime
    expires_at: datetime
    foreign: bool
    gone: bool


class QuotaRefused(Exception):
    """Too many exports; `free_at` is when another may be created, None where nobody can say."""

    def __init__(self, message: str, free_at: datetime | None) -> None:
        super().__init__(message)
        self.free_at = free_at


class JobBook:
    """All exports of the project. Safe to use from any thread."""

    def __init__(self, options: ZavuOptions, clock: Clock, chance: Chance) -> None:
        self._options = options
        self._clock = clock
        self._chance = chance
        self._jobs: dict[str, Job] = {}
        self._attempts: list[datetime] = []
        self._lock = threading.Lock()

    def create(self, order: Order, faults: tuple[Fault, ...]) -> Job:
        """Add an export for the client. Raises QuotaRefused."""
        now = self._clock()
        with self._lock:
            refusal = self._refusal(now)
            if refusal is None or self._options.refusals_count:
                self._attempts.append(now)
            if refusal is not None:
                raise refusal
            return self._add(order, now, faults, foreign=False)

    def create_foreign(self, order: Order, created_at: datetime | None, faults: tuple[Fault, ...]) -> Job:
        """Add an export that somebody else created; it uses up the quotas and is never refused."""
        at = self._clock() if created_at is None else require_utc(created_at)
        with self._lock:
            self._attempts.append(at)
            return self._add(order, at, faults, foreign=True)

    def find(self, job_id: str) -> Job | None:
        """Return the export, or None when the API does not know it (any more)."""
        with self._lock:
            job = self._jobs.get(job_id)
        return None if job is None or job.is_gone(self._clock()) else job

    def listed(self) -> list[Job]:
        """Return the exports that the API knows, in the order of its list."""
        now = self._clock()
        with self._lock:
            known = [job for job in self._jobs.values() if not job.is_gone(now)]
        return sorted(known, key=list_key, reverse=self._options.newest_first)

    def views(self) -> tuple[JobView, ...]:
        """Return a copy of every export ever created, oldest first."""
        now = self._clock()
        with self._lock:
            jobs = sorted(self._jobs.values(), key=list_key)
        return tuple(_view(job, now) for job in jobs)

    def _refusal(self, now: datetime) -> QuotaRefused | None:
        options = self._options
        active = [job for job in self._jobs.values() if job.is_active(now)]
        if len(active) >= options.max_concurrent:
            ends = [job.ready_at for job in active if job.ready_at is not None]
            return QuotaRefused(f"At most {options.max_concurrent} exports can run at a time", min(ends, default=None))
        free_at = rolling_free_at(self._attempts, options.max_per_hour, _HOUR, now)
        if free_at is not None:
            return QuotaRefused(f"At most {options.max_per_hour} exports can be created per hour", free_at)
        return None

    def _add(self, order: Order, at: datetime, faults: tuple[Fault, ...], *, foreign: bool) -> Job:
        options = self._options
        number = len(self._jobs) + 1
        pace = options.pace * (1 + options.spread * (2 * (number * _GOLDEN % 1) - 1))
        started_at = at + options.pending_for * pace
        job = Job(
            id=f"exp_{self._chance(6).hex()}",
            number=number,
            order=order,
            foreign=foreign,
            created_at=at,
            started_at=started_at,
            ready_at=started_at + options.processing_for * pace,
            expires_at=at + options.life,
            gone_at=self._gone_at(at),
            spoilt=only(faults, FILES),
        )
        _bend(job, faults)
        self._jobs[job.id] = job
        return job

    def _gone_at(self, at: datetime) -> datetime | None:
        ends = []
        if self._options.expired_look is ExpiredLook.GONE:
            ends.append(at + self._options.life)
        if self._options.listed_for is not None:
            ends.append(at + self._options.listed_for)
        return min(ends, default=None)


def list_key(job: Job) -> tuple[datetime, int]:
    """Return what orders the list: the time of creation, then the order of arrival."""
    return job.created_at, job.number


def _bend(job: Job, faults: Iterable[Fault]) -> None:
    faults = tuple(faults)
    if fails := first(faults, FaultKind.JOB_FAILS):
        job.failure = fails.message
    if (slow := first(faults, FaultKind.JOB_SLOW)) and job.ready_at is not None:
        job.ready_at += timedelta(seconds=slow.seconds)
    if first(faults, FaultKind.JOB_STUCK):
        job.ready_at = None
    if vanishes := first(faults, FaultKind.JOB_VANISHES):
        job.gone_at = job.created_at + timedelta(seconds=vanishes.seconds)
    if wrong := first(faults, FaultKind.WRONG_SIZE):
        job.size_error = wrong.by


def _view(job: Job, now: datetime) -> JobView:
    order = job.order
    return JobView(
        id=job.id,
        status=job.status(now),
        data_types=order.data_types,
        date_from=order.date_from,
        date_to=order.date_to,
        created_at=job.created_at,
        expires_at=job.expires_at,
        foreign=job.foreign,
        gone=job.is_gone(now),
    )
