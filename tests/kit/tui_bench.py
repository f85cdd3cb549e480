"""A vault with jobs and archives to look at, made straight in the catalogue, and a config that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace
from textual.pilot import Pilot

from kit.tui_calm import Frames
from strongroom.config.schema import Config, VaultSettings
from strongroom.engine.ingest.transfer import PUT_PROGRESS
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.coverage import Cover, Interval
from strongroom.model.inspection import Expectation, Finding, Inspection, MemberReport, Severity
from strongroom.model.job import Cause, Job, State
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.window import Window
from strongroom.vault.archives import put_archive
from strongroom.vault.coverage import put_interval
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.rows import to_text
from strongroom.vault.sources import SourceState, put_source
from strongroom.vault.vault import Vault, create_vault
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens.steps import STEPS
from strongroom_tui.widgets.footer import KeyEntry, KeyFooter

NOW = datetime(2026, 11, 20, 13, 3, 7, tzinfo=UTC)
DAY = timedelta(days=1)
SIZES = ((40, 12), (60, 20), (80, 24), (200, 60))
STREAMS = ("zavu:messages", "zavu:contacts", "zavu:calls")


def window(days_ago: int, length: timedelta = DAY) -> Window:
    start = datetime(2026, 11, 20, tzinfo=UTC) - days_ago * DAY
    return Window(start, start + length)


def job_id(number: int) -> str:
    return f"01kah{number:021d}"


def make_job(number: int, state: State = State.PLANNED, **changes: object) -> Job:
    at = NOW - timedelta(minutes=10_000 - number)
    job = Job(
        id=job_id(number),
        stream=STREAMS[number % 3],
        source="zavu",
        spec=ExportSpec(("messages",), window(number % 400 + 1)),
        state=state,
        created_at=at,
        changed_at=NOW - timedelta(seconds=40),
        next_at=NOW + timedelta(seconds=25),
        ref=f"exp_{number}" if state is not State.PLANNED else "",
    )
    return replace(job, **changes)  # type: ignore[arg-type]


def make_archive(number: int, job: Job, **changes: object) -> Archive:
    shape = DatasetShape("messages", "messages.json", "id", "createdAt")
    period = job.spec.window
    report = MemberReport(
        "messages.json",
        "messages",
        5_000_000,
        12_000 + number,
        12_000 + number,
        0,
        period.start,
        period.start + DAY / 2,
    )
    durable = NOW - timedelta(hours=number % 300)
    archive = Archive(
        id=f"01kaj{number:021d}",
        holding=Holding.HELD,
        stream=job.stream,
        source=job.source,
        provider="zavu",
        spec=job.spec,
        job=job.id,
        ref=job.ref,
        seal=Seal(1_234_567 + number, 1_240_000 + number, "ab" * 32, "cd" * 32, "export.zip"),
        expectation=Expectation(period, (shape,)),
        inspection=Inspection((report,)),
        recipients=("age1exampleexampleexample",),
        retention="standard",
        container="zip-of-json",
        durable_at=durable,
        verified_at=durable + timedelta(seconds=4),
    )
    return replace(archive, **changes)  # type: ignore[arg-type]


class Bench:
    """An empty vault, and what tests do to it from their own connection."""

    def __init__(self, root: Path) -> None:
        self.config = Config(file=root / "strongroom.toml", vault=VaultSettings(root / "vault", ("age1example",)))
        self.vault: Vault = create_vault(self.config.vault.path, "a vault for tests\n")

    def write(self, *nouns: Job | Archive | Interval | Entry | SourceState) -> None:
        putters: dict[type, Callable[..., None]] = {
            Job: put_job,
            Archive: lambda catalogue, archive: put_archive(catalogue, archive, "0" * 64),
            Interval: put_interval,
            Entry: add_entry,
            SourceState: put_source,
        }
        with self.vault.catalogue.transaction():
            for noun in nouns:
                putters[type(noun)](self.vault.catalogue, noun)

    def progress(self, job: Job, done: int, total: int | None, stage: str = "download", at: datetime = NOW) -> None:
        with self.vault.catalogue.transaction():
            self.vault.catalogue.write(PUT_PROGRESS, job.id, stage, done, total, to_text(at))

    def close(self) -> None:
        self.vault.close()


def furnish(bench: Bench) -> None:
    """Put in one job of every state, archives of every verification, and two transfers under way."""
    jobs = _jobs()
    bench.write(*jobs)
    bench.progress(jobs[0], 1_234_000_000, 2_600_000_000)
    bench.progress(jobs[1], 700_000_000, None, stage="verify")
    done = [make_job(1000 + n, State.ARCHIVED, size=1_234_567 + n) for n in range(30)]
    bench.write(*done, *(make_archive(n, job) for n, job in enumerate(done)))
    bench.write(*_odd_archives(), *(Interval(name, window(500), Cover.PROVEN) for name in STREAMS))
    bench.write(*_log(jobs[0]))


def _jobs() -> list[Job]:
    trouble = MappingProxyType({"quota": 2, "transfer-broken": 1})
    return [
        make_job(9000, State.FETCHING, size=2_600_000_000, attempts=trouble),
        make_job(9001, State.SEALED, size=900_000_000),
        make_job(9002, State.WAITING, polls=4),
        make_job(9003, State.UNCERTAIN, cause=Cause.UNANSWERED, detail="no answer within 60 s"),
        make_job(9004, State.READY, cause=Cause.LINK, detail="the link answered 403"),
        make_job(9005, State.DEAD, cause=Cause.EXPIRED, detail="the export expired"),
        make_job(9006, cause=Cause.QUOTA, detail="the provider's export quota is used up", next_at=NOW + DAY / 48),
        make_job(9007),
        make_job(9008, State.FAILED, cause=Cause.NOT_OFFERED, detail="this account's API does not offer exports"),
        make_job(9009, State.REPLACED),
        make_job(9010, State.CANCELLED, cause=Cause.PERSON),
    ]


def _odd_archives() -> list[Job | Archive]:
    jobs = [make_job(2000 + n, State.ARCHIVED) for n in range(3)]
    fault = Finding(Severity.FAULT, "zip-bad-crc", "the checksum of the member does not fit", "messages.json")
    warning = Finding(Severity.WARNING, "field-unknown", "2 fields are not documented", "messages.json")
    return [
        *jobs,
        make_archive(
            2000, jobs[0], holding=Holding.QUARANTINED, inspection=Inspection((), (fault,)), verified_at=NOW - DAY / 100
        ),
        make_archive(2001, jobs[1], inspection=Inspection((), (warning,)), verified_at=NOW - DAY / 200),
        make_archive(2002, jobs[2], inspection=Inspection(()), verified_at=NOW - DAY / 300),
    ]


def _log(job: Job) -> list[Entry]:
    facts: tuple[dict[str, Fact], ...] = (
        {},
        {"from": "planned", "to": "uncertain"},
        {"from": "uncertain", "to": "planned", "cause": "quota"},
    )
    kinds = ("job.planned", "job.intended", "job.postponed")
    return [
        Entry(
            kind,
            NOW - timedelta(minutes=9 - n),
            job=job.id,
            stream=job.stream,
            facts=fact,
            words="try later" * (n == 2),
        )
        for n, (kind, fact) in enumerate(zip(kinds, facts, strict=True))
    ]


def tell(bench: Bench, archives: Iterable[Archive]) -> None:
    """Enter in the log what it tells of each archive: what is to be destroyed is held against it."""
    with bench.vault.catalogue.transaction():
        for each in archives:
            facts: dict[str, Fact] = {"manifest_sha256": hashlib.sha256(write_manifest(each)).hexdigest()}
            add_entry(bench.vault.catalogue, Entry("job.proven", NOW - DAY, archive=each.id, facts=facts))


class Seat:
    """Somebody sitting before the screen."""

    def __init__(self, app: StrongroomApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        for key in keys:  # a person sees what a key did before the next one
            with Frames.skipped(self.app):
                await self.pilot.press(key)
                await self.settle()

    async def type(self, *keys: str) -> None:
        """Press keys of which only the last one shows something that matters: they wait for no reading in between."""
        with Frames.skipped(self.app):
            await self.pilot.press(*keys)
            await self.settle()

    async def settle(self) -> None:
        """Wait until every reading is done and what followed from it is drawn.

        A reading that ends may change which keys work, which a screen notices only once it is idle, and the last line
        is drawn after that: on a busy machine, later than the pause that follows the reading.
        """
        with Frames.skipped(self.app):
            await self.pilot.pause()
            while busy := [each for each in self.app.workers if not each.is_finished and each.group != STEPS]:
                await self.app.workers.wait_for_complete(busy)
                await self.pilot.pause()
            drawn, still = Frames.drawn, 0
            for _pause in range(20):  # ends with the second pause in a row in which nothing is drawn
                await self.pilot.pause()
                self._draw_keys()
                still = still + 1 if drawn == Frames.drawn else 0
                drawn = Frames.drawn
                if still == 2:  # one message may lead to another, and only the last one to a new picture
                    break

    def _draw_keys(self) -> None:
        for line in self.app.screen.query(KeyFooter):
            before = line.placed
            line.render()
            if line.placed != before:
                line.refresh()
                self.app.screen._on_timer_update()

    async def resize(self, width: int, height: int) -> None:
        with Frames.skipped(self.app):
            await self.pilot.resize_terminal(width, height)
            await self.settle()

    @property
    def keys(self) -> dict[str, KeyEntry]:
        """What stands in the last line, by name."""
        self.app.screen.query_one(KeyFooter).render()  # as it will be drawn
        return self.app.screen.query_one(KeyFooter).placed

    async def click_key(self, name: str) -> None:
        line = self.app.screen.query_one(KeyFooter)
        assert await self.pilot.click(line, offset=(self.keys[name].start, 0)), name
        await self.settle()

    @property
    def text(self) -> str:
        """What stands on the screen, line by line."""
        width, _ = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(line.text.ljust(width) for line in lines)


Sit = Callable[..., AbstractAsyncContextManager[Seat]]
"""Sits somebody down before the screen of a bench, on a terminal of a size, in a tab: `jobs` unless told."""


def make_app(bench: Bench) -> tuple[StrongroomApp, VaultReader]:
    reader = VaultReader(bench.config, lambda: NOW)
    return StrongroomApp(reader, lambda: NOW), reader
