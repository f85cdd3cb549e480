"""A whole house for tests: sandbox, vault, engine, on one clock that the test moves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from strongroom.age.keys import X25519Identity
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.config.template import FreshSource
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.identities import load_identities, make_identity
from strongroom.engine.core.sources import Dependencies, plans_of
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.repair.restart import recover
from strongroom.model.job import Job
from strongroom.model.plan import Stream
from strongroom.model.window import Window
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.options import ZavuOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.zavu_records import DataOptions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC))
STREAM = Stream("zavu-records", "zavu", ("conversations", "messages"))
KEY_VARIABLE = "STRONGROOM_TEST_ZAVU_KEY"


@dataclass
class Bench:
    """One house on one clock."""

    base: Path
    sandbox: Sandbox
    clock: SandboxClock
    config: Config
    marks: list[str] = field(default_factory=list)

    @contextmanager
    def engine(self, **changes: object) -> Iterator[Engine]:
        """Open the engine, after recovery, with some of its fields changed."""
        dependencies = Dependencies(clock=self.clock, crash_point=self.marks.append)
        with open_engine(self.config, "tests", dependencies) as engine:
            engine = replace(engine, min_free=0, **changes)  # type: ignore[arg-type]
            recover(engine)
            yield engine

    def pause(self, seconds: float) -> None:
        """Let time pass by moving the clock."""
        self.clock.advance(timedelta(seconds=seconds))

    def run(self, engine: Engine, *, hours: float = 48, workers: int = 1) -> list[Job]:
        """Work until nothing can move within some hours of the moved clock; return what is unfinished."""
        return Runner(engine, self.pause, workers).run(self.clock() + timedelta(hours=hours))

    def export(self, *, window: Window = DAY, stream: Stream = STREAM, again: bool = False, **changes: object) -> Job:
        """Export one window to its end; return the job as it was entered."""
        with self.engine(**changes) as engine:
            job = enter_window(engine, stream, window, "standard", again=again)
            self.run(engine)
        return job

    def identities(self) -> list[X25519Identity]:
        """Return the working identity."""
        return load_identities(self.base / "identity.age", lambda: "")

    def plans(self) -> list[object]:
        """Return the configured plans."""
        return list(plans_of(self.config))


@contextmanager
def open_bench(
    base: Path, *, zavu: ZavuOptions | None = None, data: DataOptions | None = None, real: bool = False, **settings: str
) -> Iterator[Bench]:
    """Start a sandbox and make a fresh vault that archives from it."""
    clock = SandboxClock() if real else SandboxClock.stopped_at(NOON)
    wanted = SandboxSettings(zavu=zavu or ZavuOptions(), data=data or DataOptions(), **settings)  # type: ignore[arg-type]
    with Sandbox(wanted, clock=clock) as sandbox:
        os.environ[KEY_VARIABLE] = sandbox.api_key
        source = FreshSource(
            "zavu",
            "zavu",
            f"env:{KEY_VARIABLE}",
            STREAM.datasets,
            since=f"{clock() - timedelta(days=4 if real else 2):%Y-%m-%d}",  # four: two have surely settled
            base_url=sandbox.api_url,
            allow_private_addresses=True,
        )
        wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.age", None, source)
        initialize(wanted, make_identity(os.urandom), Dependencies(clock=clock))
        yield Bench(base, sandbox, clock, load_config(base / "strongroom.toml"))


OpenBench = Callable[..., Bench]
