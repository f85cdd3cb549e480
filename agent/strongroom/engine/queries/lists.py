"""What the command line and the screen may read: frozen answers, made from the catalogue alone.

Nothing here needs the lock, a key, the network or a running daemon.

The names that filters of lists may use: one that names nothing known is refused, since its empty list says nothing.

What is known is what the configuration names and what the vault has ever seen, so that a stream that is no longer
configured can still be listed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.config.schema import Config
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.heartbeat import Heartbeat, last_heartbeat
from strongroom.engine.core.moments import Moment, moment_of, newest_moments
from strongroom.evidence.line import Fact
from strongroom.model.archive import Archive, Sort
from strongroom.model.coverage import Interval
from strongroom.model.job import Job, State
from strongroom.model.names import pick_name
from strongroom.model.waiting import WaitGroup, group_waits
from strongroom.model.window import Window
from strongroom.vault import listing
from strongroom.vault.archives import (
    ARCHIVE,
    Totals,
    all_archive_ids,
    archive_totals,
    get_archive,
    kinds_of_entries,
    names_of_streams,
    read_archive,
)
from strongroom.vault.coverage import coverage_totals, intervals_of
from strongroom.vault.holds import holds
from strongroom.vault.jobs import jobs_by_state, live_jobs, successor_of
from strongroom.vault.lock import describe_holder, holder_process, is_held
from strongroom.vault.log import entries_of_archive, entries_of_job
from strongroom.vault.manifest import write_manifest
from strongroom.vault.recipients import sealed_to
from strongroom.vault.requests import Request as Request  # as `Vault` below
from strongroom.vault.requests import RequestKind as RequestKind
from strongroom.vault.requests import waiting_requests
from strongroom.vault.rows import Rows, readable
from strongroom.vault.rows import leaving_out as leaving_out  # as `Vault` below
from strongroom.vault.sources import SourceState, listed_sources
from strongroom.vault.streams import all_streams, present_streams
from strongroom.vault.vault import Vault as Vault  # the screen and the command line name it from here


class JobLife(Struct, frozen=True):
    """One job and everything that happened to it."""

    job: Job
    moments: tuple[Moment, ...]
    successor: str  # the id of the job that replaced it, or empty


class ArchiveLife(Struct, frozen=True):
    """One archive and everything that happened to it."""

    archive: Archive
    moments: tuple[Moment, ...]


class ArchiveFiles(Struct, frozen=True):
    """Where an archive lies: all that the stock age tool needs besides an identity."""

    payload: Path
    key: Path
    sealed_to: tuple[str, ...] = ()  # the public keys that open the key file now


class Running(Struct, frozen=True):
    """Live progress of one job."""

    job: str
    stage: str  # download or verify
    done: int  # bytes
    total: int | None  # bytes, None where not known
    at: datetime


class Status(Struct, frozen=True):
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
    waiting: tuple[Request, ...] = ()  # requests of people without an answer yet, newest first
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


def count_listed_jobs(
    vault: Vault, *, stream: str = "", state: str = "", purpose: str = "", period: Window | None = None
) -> int:
    """Return how many jobs all pages of such a list have."""
    return listing.count_listed_jobs(vault.catalogue, stream=stream, state=state, purpose=purpose, period=period)


def with_real_archives(vault: Vault, jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs, without the ID that was chosen for an archive where that was never made."""
    return [
        job if job.state is State.ARCHIVED or get_archive(vault.catalogue, job.archive) else replace(job, archive="")
        for job in jobs
    ]


def count_jobs(vault: Vault) -> dict[str, int]:
    """Return how many jobs there are in each state."""
    return jobs_by_state(vault.catalogue)


def list_live_jobs(vault: Vault) -> list[Job]:
    """Return every unfinished job, the most urgent first."""
    return live_jobs(vault.catalogue)


def count_listed_archives(vault: Vault, *, stream: str = "", holding: str = "", period: Window | None = None) -> int:
    """Return how many archives all pages of such a list have."""
    return listing.count_listed_archives(vault.catalogue, stream=stream, holding=holding, period=period)


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
    `unread` is called with the id of each archive whose row cannot be read.
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


def present_names(vault: Vault) -> dict[str, str]:
    """Return the present name of each renamed stream, by each name under which it may have archives."""
    return present_streams(vault.catalogue)


def all_archives(vault: Vault) -> Iterator[Archive]:
    """Yield every archive, oldest first, one at a time: a vault may hold very many."""
    for archive_id in all_archive_ids(vault.catalogue):
        yield from readable(vault.catalogue.read(ARCHIVE, archive_id), read_archive)


def job_life(vault: Vault, job: Job) -> JobLife:
    """Return a job with everything that happened to it."""
    moments = tuple(moment_of(entry) for entry in entries_of_job(vault.catalogue, job.id))
    return JobLife(job, moments, successor_of(vault.catalogue, job.id))


def archive_life(vault: Vault, archive: Archive) -> ArchiveLife:
    """Return an archive with everything that happened to it."""
    return ArchiveLife(archive, tuple(moment_of(entry) for entry in entries_of_archive(vault.catalogue, archive.id)))


_RUNNING = Rows(Running, "progress", "job")
ALL_PROGRESS = _RUNNING.select


def running(vault: Vault) -> list[Running]:
    """Return the live progress of every transfer under way."""
    return _RUNNING.read_all(vault.catalogue.read(ALL_PROGRESS))


def manifest_of(archive: Archive) -> dict[str, Fact]:
    """Return an archive field by field, as in its manifest (docs/format.md)."""
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
    """Return a summary of the vault; with what jobs wait for where a time is given."""
    newest = newest_moments(vault, 1)
    sources = tuple(listed_sources(vault.catalogue))
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


_WHERE = "the configuration or the vault"


def known_stream(config: Config, vault: Vault, name: str) -> str:
    """Return the present name of a stream in its own spelling, empty for none.

    Raises UsageError for one that is not known.
    """
    if not name:
        return ""
    configured = [each.name for each in config.streams]
    found = pick_name("stream", name, [*configured, *names_of_streams(vault.catalogue)], _WHERE)
    return found if found in configured else present_streams(vault.catalogue).get(found, found)


def known_datasets(engine: Engine, source: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return names of datasets in the provider's spelling. Raises UsageError for one that it cannot export."""
    provider = engine.sources[source].provider
    return tuple(pick_name("dataset", each, provider.capabilities.datasets, f"what {source} exports") for each in names)


def dataset_among(name: str, archives: Iterable[Archive]) -> str:
    """Return a dataset in its own spelling, empty for none. Raises UsageError for one that none of the archives has."""
    if not name:
        return ""
    known = [shape.name for archive in archives for shape in archive.expectation.datasets]
    return pick_name("dataset", name, known, "these archives")


def known_matter(vault: Vault, name: str) -> str:
    """Return a matter's name in its own spelling, empty for none. Raises UsageError where no hold ever had it."""
    if not name:
        return ""
    return pick_name("matter", name, (each.matter for each in holds(vault.catalogue, active=False)), "the vault")


def known_kind(vault: Vault, name: str, kinds: Iterable[str]) -> str:
    """Return a kind of entry or a group of kinds, empty for none. Raises UsageError for one that is neither in the log
    nor among `kinds`, which are all that a log can have.
    """
    if not name:
        return ""
    known = [*kinds, *kinds_of_entries(vault.catalogue)]
    groups = [group for kind in known for group in accumulate(kind.split("."), "{}.{}".format)]
    return pick_name("kind of entry", name, groups, "the log")
