"""What the command line and the screen may read: frozen answers, made from the catalogue alone.

Nothing here needs the lock, a key, the network or a running daemon.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from strongroom.engine.destruction.remains import refuse_destroyed
from strongroom.engine.health.heartbeat import Heartbeat, last_heartbeat
from strongroom.evidence.line import Fact
from strongroom.model.archive import Archive
from strongroom.model.coverage import Interval
from strongroom.model.errors import UsageError
from strongroom.model.instants import parse_instant
from strongroom.model.job import Job
from strongroom.model.listing import Sort
from strongroom.model.waiting import WaitGroup, group_waits
from strongroom.model.window import Window
from strongroom.vault import listing, queries, renames
from strongroom.vault.archives import (
    Totals,
    all_archive_ids,
    archive_totals,
    get_archive,
    matching_archive_ids,
    read_archive,
)
from strongroom.vault.catalogue import to_instant
from strongroom.vault.jobs import (
    get_job,
    jobs_by_state,
    live_jobs,
    matching_job_ids,
    successor_of,
)
from strongroom.vault.ledger import coverage_totals, intervals_of
from strongroom.vault.lock import describe_holder, holder_process, is_held
from strongroom.vault.log import Logged, entries_before, entries_of_archive, entries_of_job, newest_entries
from strongroom.vault.manifest import write_manifest
from strongroom.vault.recipients import sealed_to
from strongroom.vault.requests import Request as Request  # as `Vault` below
from strongroom.vault.requests import Wish as Wish
from strongroom.vault.requests import waiting_requests
from strongroom.vault.rows import leaving_out as leaving_out  # as `Vault` below
from strongroom.vault.rows import readable, reads
from strongroom.vault.sources import SourceState, read_skew
from strongroom.vault.streams import all_streams
from strongroom.vault.vault import Vault as Vault  # the screen and the command line name it from here


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, as the evidence log tells it."""

    seq: int
    at: datetime
    kind: str  # "job.accepted"
    job: str
    archive: str
    facts: dict[str, Fact]
    words: str  # what a provider said, for people


@dataclass(frozen=True, slots=True)
class JobLife:
    """One job and everything that happened to it."""

    job: Job
    moments: tuple[Moment, ...]
    successor: str  # the id of the job that replaced it, or empty


@dataclass(frozen=True, slots=True)
class ArchiveLife:
    """One archive and everything that happened to it."""

    archive: Archive
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class ArchiveFiles:
    """Where an archive lies: all that the stock age tool needs besides an identity."""

    payload: Path
    key: Path
    sealed_to: tuple[str, ...] = ()  # the public keys that open the key file now


@dataclass(frozen=True, slots=True)
class Running:
    """Live progress of one job."""

    job: str
    stage: str  # download or verify
    done: int  # bytes
    total: int | None  # bytes, None where not known
    at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """The vault at a glance."""

    jobs: dict[str, int]  # count by state
    archives: dict[str, Totals]  # by holding
    coverage: dict[str, dict[str, int]]  # stream -> how covered -> count
    sources: tuple[SourceState, ...]
    running: tuple[Running, ...]
    worked_on_by: str  # who holds the vault's lock, or empty
    free_bytes: int
    last_entry: datetime | None  # when something last happened
    heartbeat: Heartbeat | None = None  # of the daemon that works in the vault; None where it has said nothing yet
    waiting: tuple[Request, ...] = ()  # what people asked for and nobody has answered, newest first
    waits: tuple[WaitGroup, ...] = ()  # what unfinished jobs wait for
    paused_streams: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # in the vault: who, when

    def silence(self, now: datetime) -> timedelta | None:
        """Return for how long the daemon at work has not said that it lives; None while it does."""
        return None if self.heartbeat is None or self.heartbeat.fresh(now) else now - self.heartbeat.at


def list_jobs(
    vault: Vault,
    *,
    stream: str = "",
    state: str = "",
    purpose: str = "",
    period: Window | None = None,
    before: Job | None = None,
    most: int = 100,
) -> list[Job]:
    """Return one page of jobs, newest first; `before` is the last job of the page before.

    With a period those whose windows touch it, the latest window first.
    """
    return listing.list_jobs(
        vault.catalogue, stream=stream, state=state, purpose=purpose, period=period, before=before, most=most
    )


def count_jobs(vault: Vault) -> dict[str, int]:
    """Return how many jobs there are in each state."""
    return jobs_by_state(vault.catalogue)


def list_live_jobs(vault: Vault) -> list[Job]:
    """Return every unfinished job, the most urgent first."""
    return live_jobs(vault.catalogue)


def list_archives(
    vault: Vault,
    *,
    stream: str = "",
    holding: str = "",
    sort: Sort = Sort.ARCHIVED,
    period: Window | None = None,
    before: Archive | None = None,
    most: int = 100,
    unread: Callable[[str], None] = lambda _archive_id: None,
) -> list[Archive]:
    """Return one page of archives, the newest or largest first; `before` is the last archive of the page before.

    With a period only those whose windows touch it, which goes by windows. Raises UsageError for another order then.
    `unread` hears the id of each archive whose row cannot be read.
    """
    return listing.list_archives(
        vault.catalogue,
        stream=stream,
        holding=holding,
        sort=sort,
        period=period,
        before=before,
        most=most,
        unread=unread,
    )


def present_streams(vault: Vault) -> dict[str, str]:
    """Return the present name of each renamed stream, by each name under which it may have archives."""
    return renames.present_streams(vault.catalogue)


def all_archives(vault: Vault) -> Iterator[Archive]:
    """Yield every archive, oldest first, one at a time: a vault may hold very many."""
    for archive_id in all_archive_ids(vault.catalogue):
        yield from readable(vault.catalogue.read(queries.ARCHIVE, archive_id), read_archive)


def find_job(vault: Vault, part: str) -> Job:
    """Return the job whose id is, begins or ends with what a person typed. Raises UsageError."""
    job = get_job(vault.catalogue, _clean(part))  # a whole id needs no search
    job = job or get_job(vault.catalogue, _one(matching_job_ids(vault.catalogue, _clean(part)), "job", part))
    if job is None:
        raise UsageError(f"there is no job {part}", hint="see: strongroom jobs")
    return job


def get_exactly(vault: Vault, archive_id: str) -> Archive | None:
    """Return the archive with exactly this id, or None."""
    return get_archive(vault.catalogue, archive_id)


def find_archive(vault: Vault, part: str) -> Archive:
    """Return the archive whose id is, begins or ends with what a person typed. Raises UsageError."""
    archive = get_archive(vault.catalogue, _clean(part))  # a whole id needs no search
    if archive is None:
        ids = matching_archive_ids(vault.catalogue, _clean(part))
        if not ids:
            refuse_destroyed(vault.catalogue, _clean(part))
        archive = get_archive(vault.catalogue, _one(ids, "archive", part))
    if archive is None:
        raise UsageError(f"there is no archive {part}", hint="see: strongroom archives")
    return archive


def job_life(vault: Vault, job: Job) -> JobLife:
    """Return a job with everything that happened to it."""
    moments = tuple(_moment(entry) for entry in entries_of_job(vault.catalogue, job.id))
    return JobLife(job, moments, successor_of(vault.catalogue, job.id))


def archive_life(vault: Vault, archive: Archive) -> ArchiveLife:
    """Return an archive with everything that happened to it."""
    return ArchiveLife(archive, tuple(_moment(entry) for entry in entries_of_archive(vault.catalogue, archive.id)))


def newest_moments(vault: Vault, most: int = 50) -> list[Moment]:
    """Return what happened last, newest first."""
    return [_moment(entry) for entry in newest_entries(vault.catalogue, most)]


def list_moments(
    vault: Vault, *, stream: str = "", family: str = "", before: Moment | None = None, most: int = 100
) -> list[Moment]:
    """Return one page of what happened, newest first; a family, such as `hold`, is what stands before the dot."""
    edge = before.seq if before else (1 << 63) - 1
    return [_moment(each) for each in entries_before(vault.catalogue, edge, most, stream=stream, family=family)]


def running(vault: Vault) -> list[Running]:
    """Return the live progress of every transfer under way."""
    return list(readable(vault.catalogue.read(queries.ALL_PROGRESS), _running))


@reads("progress", "job")
def _running(row: sqlite3.Row) -> Running:
    return Running(row["job"], row["stage"], row["done"], row["total"], to_instant(row["at"]))


def manifest_of(archive: Archive) -> dict[str, Fact]:
    """Return what an archive is, field by field, as its manifest tells it (docs/format.md)."""
    manifest: dict[str, Fact] = json.loads(write_manifest(archive))
    return manifest


def files_of(vault: Vault, archive: Archive) -> ArchiveFiles:
    """Return where an archive lies on the disk."""
    return ArchiveFiles(vault.payload_path(archive), vault.key_path(archive), sealed_to(vault.catalogue, archive))


def coverage_of(vault: Vault, stream: str, period: Window | None = None) -> list[Interval]:
    """Return the coverage ledger of one stream, in order of time."""
    return intervals_of(vault.catalogue, stream, period)


def changes(vault: Vault) -> int:
    """Return a number that changes whenever another process has written to the catalogue."""
    return vault.catalogue.change_count()


def worked_on_by(vault: Vault) -> str:
    """Name the process that works in the vault now, or return an empty string."""
    lock = vault.layout.lock
    return describe_holder(lock) if is_held(lock) else ""


def heartbeat_of_holder(vault: Vault) -> Heartbeat | None:
    """Return the newest heartbeat where it is that of the process that works in the vault now, or None."""
    lock, newest = vault.layout.lock, last_heartbeat(vault)
    return newest if newest is not None and is_held(lock) and holder_process(lock) == newest.pid else None


def waits_of(vault: Vault, now: datetime) -> list[WaitGroup]:
    """Return what unfinished jobs wait for, and until when; those that wait for one thing as one."""
    return group_waits(live_jobs(vault.catalogue), now)


def status_of(vault: Vault, now: datetime | None = None) -> Status:
    """Return the vault at a glance; what jobs wait for with it where the time is told."""
    newest = newest_moments(vault, 1)
    sources = tuple(readable(vault.catalogue.read(queries.SOURCES), _source))
    return Status(
        jobs=jobs_by_state(vault.catalogue),
        archives=archive_totals(vault.catalogue),
        coverage=coverage_totals(vault.catalogue),
        sources=sources,
        paused_streams={each.name: each.paused for each in all_streams(vault.catalogue) if each.paused},
        running=tuple(running(vault)),
        worked_on_by=worked_on_by(vault),
        free_bytes=vault.free_bytes(),
        last_entry=newest[0].at if newest else None,
        heartbeat=heartbeat_of_holder(vault),
        waiting=tuple(reversed(waiting_requests(vault.catalogue))),
        waits=tuple(waits_of(vault, now)) if now else (),
    )


@reads("sources", "name")
def _source(row: sqlite3.Row) -> SourceState:
    return SourceState(row["name"], row["paused"], clock_skew=read_skew(row["clock_skew"]))


def _moment(entry: Logged) -> Moment:
    body = entry.body
    facts = body.get("facts")
    return Moment(
        seq=entry.seq,
        at=parse_instant(str(body["at"])),
        kind=str(body["kind"]),
        job=str(body.get("job", "")),
        archive=str(body.get("archive", "")),
        facts=facts if isinstance(facts, dict) else {},
        words=entry.words,
    )


def _clean(part: str) -> str:
    return "".join(letter for letter in part.lower() if letter.isalnum())


def _one(ids: list[str], noun: str, part: str) -> str:
    if not ids or not _clean(part):
        raise UsageError(f"there is no {noun} {part!r}", hint=f"see: strongroom {noun}s")
    if len(ids) > 1:
        raise UsageError(f"{part!r} fits several {noun}s: {', '.join(ids)}", hint="type more of the id")
    return ids[0]
