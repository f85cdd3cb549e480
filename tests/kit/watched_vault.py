"""A vault whose ledger a test writes by hand, and a clock that it moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, SourceAccount
from strongroom.evidence.line import Entry
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.coverage import Cover, Interval
from strongroom.model.inspection import Expectation, Inspection, MemberReport
from strongroom.model.job import Job, State
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec, Plan, Stream
from strongroom.model.provider import Limits
from strongroom.model.window import Window
from strongroom.vault.archives import put_archive
from strongroom.vault.coverage import put_interval
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault, create_vault

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BEGIN = NOW.replace(hour=0) - 60 * DAY
KEEPS = {"zavu": timedelta(days=90)}
SETTLED = timedelta(hours=6)


def plan(name: str = "chats", since: datetime | None = BEGIN, **changes: Any) -> Plan:
    return Plan(Stream(name, "zavu", ("messages",)), since, settle=SETTLED, **changes)


def days(first: float, last: float) -> Window:
    """Return the window from midnight `first` days ago to midnight `last` days ago."""
    midnight = NOW.replace(hour=0)
    return Window(midnight - first * DAY, midnight - last * DAY)


@dataclass
class House:
    """A vault and the hand that writes in it."""

    vault: Vault
    now: datetime = NOW
    count: int = 0

    def clock(self) -> datetime:
        return self.now

    def cover(self, window: Window, cover: Cover = Cover.PROVEN, stream: str = "chats", cause: str = "") -> None:
        with self.vault.catalogue.transaction():
            put_interval(self.vault.catalogue, Interval(stream, window, cover, cause=cause))

    def cover_all(self, stream: str = "chats", first: int = 60) -> None:
        """Hold every whole day."""
        for day in range(first, 0, -1):
            self.cover(days(day, day - 1), stream=stream)
        self.cover(Window(self.now.replace(hour=0), self.now), stream=stream)

    def log(self, kind: str = "vault.created") -> None:
        with self.vault.catalogue.transaction():
            add_entry(self.vault.catalogue, Entry(kind, self.now))
        self.vault.write_log()

    def archive(self, window: Window, records: int, stream: str = "chats", **changes: Any) -> Archive:
        self.count += 1
        number = self.count
        name = make_id(NOW, lambda size: number.to_bytes(size, "big"))
        spec = ExportSpec(("messages",), window)
        job = Job(name, stream, "zavu", spec, State.ARCHIVED, self.now, self.now, self.now)
        report = MemberReport("messages.json", "messages", 10, records, records, 0, window.start, window.end)
        archive = Archive(
            id=name,
            holding=Holding.HELD,
            stream=stream,
            source="zavu",
            provider="zavu",
            spec=spec,
            job=name,
            ref="",
            seal=Seal(1000, 1000, "ab" * 32, "cd" * 32, "export.zip"),
            expectation=Expectation(window, (DatasetShape("messages", "messages.json", "id", "createdAt"),)),
            inspection=Inspection((report,), ()),
            recipients=(),
            retention="standard",
            container="zip-of-json",
            durable_at=self.now,
            verified_at=self.now,
        )
        archive = replace(archive, **changes)
        with self.vault.catalogue.transaction():
            put_job(self.vault.catalogue, job)
            put_archive(self.vault.catalogue, archive, "ef" * 32)
        return archive

    def engine(self, keeps: timedelta | None = KEEPS["zavu"], min_free: int = 0) -> Engine:
        """Return an engine of which only vault, limits and reserve are ever used, and what tells a snapshot."""
        window = SimpleNamespace(lower=NOW, upper=NOW)
        provider = cast(
            "Any",
            SimpleNamespace(
                limits=Limits(concurrent=3, per_hour=10, retention=keeps),
                capabilities=SimpleNamespace(snapshots=frozenset({"contacts"})),
                ask=lambda _spec: window,
            ),
        )
        source = SourceAccount("zavu", "zavu", provider)
        return Engine(self.vault, {"zavu": source}, (), self.clock, lambda count: bytes(count), min_free=min_free)


@contextmanager
def open_house(base: Path) -> Iterator[House]:
    vault = create_vault(base / "vault", "how to open it\n")
    house = House(vault)
    house.log()
    try:
        yield house
    finally:
        vault.close()
