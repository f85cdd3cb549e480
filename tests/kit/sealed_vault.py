"""Seal bytes through a real sealer into a fresh vault, without any provider."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from strongroom.age.identity_file import ArchiveKey, write_archive_key
from strongroom.age.keys import X25519Identity, X25519Recipient
from strongroom.age.reader import SealedReader
from strongroom.age.writer import SealedWriter, seal_bytes
from strongroom.config.load import load_config
from strongroom.engine.core.identities import load_identities, make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.compression import coding_for, make_encoder, open_clear
from strongroom.engine.worker.launcher import Launcher
from strongroom.engine.worker.protocol import SealRequest
from strongroom.evidence.line import Entry, Fact
from strongroom.formats.inspect import inspect_container
from strongroom.formats.sink import InlineSink
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.inspection import Bundled, Caps, Expectation, Inspection
from strongroom.model.job import Job, State
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import Container
from strongroom.model.window import Window
from strongroom.vault.archives import put_archive
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import Vault, open_vault

DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
AT = datetime(2026, 3, 3, tzinfo=UTC)
CSV_SHAPE = DatasetShape("messages", "", "id", "at")
JSON_SHAPE = DatasetShape("messages", "messages.json", "id", "at")
Record = dict[str, Any]


@dataclass
class House:
    """A vault and its identity."""

    base: Path
    vault: Vault = field(init=False)
    _later: Iterator[timedelta] = field(init=False)  # ids sort as they were made, also of archives of one time

    def __post_init__(self) -> None:
        wanted = NewVault(self.base / "vault", self.base / "strongroom.toml", self.base / "identity.age", None)
        initialize(wanted, make_identity(os.urandom), Dependencies(clock=lambda: AT))
        self.vault = open_vault(wanted.vault)
        self._later = (timedelta(milliseconds=number) for number in count())

    @property
    def identities(self) -> list[X25519Identity]:
        return load_identities(self.base / "identity.age", lambda: "")

    def seal(
        self,
        data: bytes,
        shapes: Iterable[DatasetShape] = (CSV_SHAPE,),
        container: Container = Container.CSV,
        window: Window = DAY,
        overlap: timedelta = timedelta(0),
        size: int | None = None,
        files: tuple[Bundled, ...] = (),
        *,
        stream: str = "messages",
        alone: bool = True,
        at: datetime = AT,
        source: str = "test",
        provider: str = "test",
    ) -> Archive:
        """Seal, read back and publish one file; return its archive. Not `alone`: in this process, 30 times as fast."""
        expectation = Expectation(window, tuple(shapes), container=container, overlap=overlap, size=size, files=files)
        order = SealRequest(
            archive=make_id(at + next(self._later), os.urandom),
            key_path="",
            payload_path="",
            recipients=load_config(self.base / "strongroom.toml").vault.recipients,
            delivered_name="export.csv" if container is Container.CSV else "export.zip",
            expectation=expectation,
            caps=Caps(),
        )
        paths = [str(self.vault.layout.temporary(order.archive, suffix)) for suffix in (".key.age", ".age")]
        order = replace(order, key_path=paths[0], payload_path=paths[1])
        seal, inspection = (_seal_alone if alone else _seal_here)(order, data)
        spec = ExportSpec(("messages",), window)
        job = Job(make_id(AT, os.urandom), stream, source, spec, State.ARCHIVED, AT, AT, AT)
        archive = Archive(
            id=order.archive,
            holding=Holding.HELD if inspection.sound else Holding.QUARANTINED,
            stream=stream,
            source=source,
            provider=provider,
            spec=spec,
            job=job.id,
            ref="",
            seal=seal,
            expectation=expectation,
            inspection=inspection,
            recipients=order.recipients,
            retention="standard",
            container=container.value,
            durable_at=at,
            verified_at=at,
        )
        self.vault.publish_archive(archive)
        with self.vault.catalogue.transaction():
            put_job(self.vault.catalogue, job)
            put_archive(self.vault.catalogue, archive, self.vault.key_sha256(archive))
            manifest = hashlib.sha256(write_manifest(archive)).hexdigest()
            facts: dict[str, Fact] = {
                "manifest_sha256": manifest,
                "key_sha256": self.vault.key_sha256(archive),
                "sealed_sha256": seal.sealed_sha256,
            }
            add_entry(self.vault.catalogue, Entry("job.proven", AT, job.id, archive.id, job.stream, facts))
        return archive

    def seal_records(self, records: list[Record], container: Container) -> Archive:
        """Seal records as a CSV or as a ZIP of JSON."""
        if container is Container.CSV:
            return self.seal(as_csv(records))
        return self.seal(as_zip(messages=records), (JSON_SHAPE,), container)


def _seal_alone(order: SealRequest, data: bytes) -> tuple[Seal, Inspection]:
    """Seal as the program does, in a process of its own."""
    with closing(Launcher()) as launcher, WorkerClient(launcher) as worker:
        worker.begin(order)
        for at in range(0, len(data), 100_000):
            worker.feed(data[at : at + 100_000])
        worker.finish()
        verified = worker.verdict(lambda _progress: None)
        return verified.seal, verified.inspection


def _seal_here(order: SealRequest, data: bytes) -> tuple[Seal, Inspection]:
    """Seal in this process, with the same parts."""
    key = ArchiveKey(order.archive, os.urandom(32), X25519Identity.generate(os.urandom))
    recipients = [X25519Recipient.parse(text) for text in order.recipients]
    Path(order.key_path).write_bytes(seal_bytes(write_archive_key(key), recipients, os.urandom))
    coding = coding_for(order.expectation.container, data[:4096])
    encoder, sink = make_encoder(coding), io.BytesIO()
    writer = SealedWriter(sink, [key.identity.recipient], os.urandom)
    writer.write(encoder.compress(data))
    writer.write(encoder.flush())
    writer.finish()
    sealed = sink.getvalue()
    Path(order.payload_path).write_bytes(sealed)
    digest = hmac.new(key.salt, hashlib.sha256(data).digest(), hashlib.sha256).hexdigest()
    seal = Seal(len(data), len(sealed), hashlib.sha256(sealed).hexdigest(), digest, order.delivered_name, coding)
    reader = open_clear(SealedReader(io.BytesIO(sealed), [key.identity]), seal)
    sink_of_records = InlineSink(order.expectation, order.caps)
    return seal, inspect_container(reader, order.expectation, order.caps, sink_of_records)


def as_csv(records: list[Record]) -> bytes:
    """Write records of one shape, unquoted: the tests put nothing in them that would need it."""
    lines = [",".join(records[0] if records else ("id", "at", "text"))]
    lines += [",".join(str(value) for value in record.values()) for record in records]
    return ("\n".join(lines) + "\n").encode()


def as_zip(**members: list[Record]) -> bytes:
    """Write records as JSON arrays in a ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, records in members.items():
            archive.writestr(f"{name}.json", json.dumps(records))
    return buffer.getvalue()


def message(number: int, **more: Any) -> Record:
    """Return one record inside the window."""
    return {"id": f"m{number}", "at": "2026-03-01T10:00:00Z", "text": f"hello {number}", **more}
