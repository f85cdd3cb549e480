"""Strongroom's side of each pair: a vault whose export has been requested and is ready, and the measured commands."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exports import DATASETS, WINDOW
from measure import Command, Sample, measure
from msgspec.structs import replace
from serving import API_KEY

from strongroom.config.load import load_config
from strongroom.config.template import FreshSource
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading, stream_for
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.queries import lists as readings
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.model.archive import Archive

_PROGRAM = str(Path(sys.executable).with_name("strongroom"))
_SOURCE = "bench"
_ENV = {"STRONGROOM_BENCH_KEY": API_KEY}


@dataclass(frozen=True, slots=True)
class Ours:
    """A vault under `folder`."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def request(self, api_url: str) -> None:
        """Make the vault and ask for the export, a minute ago: its first look is due, so that no wait is measured."""
        os.environ.update(_ENV)
        source = FreshSource(
            _SOURCE, "zavu", "env:STRONGROOM_BENCH_KEY", DATASETS, base_url=api_url, allow_private_addresses=True
        )
        wanted = NewVault(self.folder / "vault", self.config, self.folder / "identity.age", None, source)
        initialize(wanted, make_identity(os.urandom), Dependencies())
        with self.config.open("a") as file:
            # Both belong to the stream: `run` is to finish this one export, plan no others and make no search segment,
            # which would follow after the archive is verified.
            file.write("paused = true\nindex = false\n")
        config = load_config(self.config)
        dependencies = Dependencies(clock=lambda: datetime.now(UTC) - timedelta(minutes=1))
        with open_engine(config, "benchmark", dependencies) as engine:
            stream, retention = stream_for(config, _SOURCE, DATASETS)
            enter_window(engine, stream, WINDOW, retention)
            Runner(engine, lambda _seconds: None).run(engine.clock() + timedelta(seconds=2))

    def ingest(self) -> Sample:
        """Download, seal, flush, read back, inspect, publish; measured."""
        sample = measure(self._command("run", "--once"))
        archive = self._archive()
        if not archive.inspection.sound or archive.inspection.findings:
            raise SystemExit(f"the archive is not as it should be: {archive.inspection.findings}")
        return replace(sample, durable=archive.durable_at.timestamp() - sample.began)

    def verify(self) -> Sample:
        """Decrypt, compare the digest, parse and count every record; measured."""
        return measure(self._command("verify", "--content"))

    def restore(self) -> Sample:
        """Write the delivered file, digest checked and flushed; measured."""
        target = self.folder / "restored.zip"
        target.unlink(missing_ok=True)
        return measure(self._command("restore", self._archive().id, "--to", str(target)))

    def _archive(self) -> Archive:
        with open_reading(load_config(self.config)) as vault:
            (archive,) = readings.list_archives(vault)
        return archive

    def _command(self, *arguments: str) -> Command:
        return Command((_PROGRAM, "--config", str(self.config), *arguments), self.folder, _ENV)
