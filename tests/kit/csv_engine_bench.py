"""A whole house over one of the providers that deliver CSV, on the same clock and with the same means as the other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from kit.engine_bench import NOON, Bench
from kit.manifests import GALLERY
from strongroom.config.load import load_config
from strongroom.config.template import FreshSource
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import job_life, list_archives, list_jobs
from strongroom.model.archive import Archive
from strongroom.model.job import Job
from strongroom.model.plan import Stream
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings

FEW = RowOptions(per_day={"outbound": 40, "inbound": 30, "api": 40, "campaign": 20, "console": 4, "contacts": 2})
HISTORY = Stream("history", "qlara", ("message-history",))
REPORTS = Stream("reports", "qlara", ("delivery-reports",))
HOOKS = Stream("hooks", "hookbridge", ("outbound",))


@contextmanager
def open_csv_bench(base: Path, options: HookBridgeOptions | QlaraOptions, source_lines: str = "") -> Iterator[Bench]:
    """Start a sandbox of the provider whose options these are, and make a fresh vault that archives from it."""
    clock = SandboxClock.stopped_at(NOON)
    hook = isinstance(options, HookBridgeOptions)
    settings = SandboxSettings(
        hookbridge=options if isinstance(options, HookBridgeOptions) else None,
        qlara=options if isinstance(options, QlaraOptions) else None,
        rows=FEW,
    )
    with Sandbox(settings, clock=clock) as sandbox:
        stream = HOOKS if hook else HISTORY
        variable = f"STRONGROOM_TEST_{stream.source.upper()}_KEY"
        os.environ[variable] = settings.hookbridge_key if hook else settings.qlara_key
        source = FreshSource(
            stream.source,
            stream.source,
            f"env:{variable}",
            stream.datasets,
            since=f"{clock() - timedelta(days=2):%Y-%m-%d}",
            base_url=sandbox.hookbridge_url if hook else sandbox.qlara_url,
            allow_private_addresses=True,
        )
        wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.age", None, source)
        initialize(wanted, make_identity(os.urandom), Dependencies(clock=clock))
        text = wanted.config.read_text()
        text = re.sub("settle = .*\n", "", text)  # the windows of tests are of the day before yesterday
        wanted.config.write_text(text.replace("allow_private", f"{source_lines}\nallow_private", 1))
        yield Bench(base, sandbox, clock, load_config(base / "strongroom.toml"))
        for header in ("authorization", "x-api-key"):
            assert sandbox.requests.headers_at_storage(header) == ()


def describe(bench: Bench, name: str, directory: Path = GALLERY) -> None:
    """Let the manifest of the gallery take the place of the built-in adapter."""
    file = bench.base / "strongroom.toml"
    text = file.read_text().replace(f'provider = "{name}"', f'provider = "{name}-manifest"')
    file.write_text(text + f'\n[provider]\ndirectories = ["{directory}"]\n')
    bench.config = load_config(file)


def newest(bench: Bench) -> Job:
    """Return the job that was made last."""
    with open_reading(bench.config) as vault:
        return list_jobs(vault)[0]


def archives(bench: Bench) -> list[Archive]:
    """Return what is held, the newest first."""
    with open_reading(bench.config) as vault:
        return list_archives(vault, holding="held")


def kinds(bench: Bench, job_id: str) -> list[str]:
    """Return the kinds of everything that happened to a job."""
    with open_reading(bench.config) as vault:
        return [each.kind.removeprefix("job.") for each in job_life(vault, find_job(vault, job_id)).moments]
