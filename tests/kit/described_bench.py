"""A whole house over a provider that is described by a manifest, against the sandbox that is made from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from kit.engine_bench import DAY, Bench
from strongroom.config.load import load_config
from strongroom.config.manifest import load_manifest
from strongroom.config.schema import Config
from strongroom.config.template import FreshSource
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.described import DescribedSandbox

MORNING = DAY.end + timedelta(hours=6)  # a snapshot is taken for the newest window alone
VARIABLE = "STRONGROOM_TEST_DESCRIBED_KEY"
KEY = "canary-described-key"


@contextmanager
def open_described_bench(base: Path, file: Path) -> Iterator[Bench]:
    """Start a sandbox from a manifest, and make a fresh vault that archives its first dataset."""
    manifest, clock = load_manifest(file).manifest, SandboxClock.stopped_at(MORNING)
    os.environ[VARIABLE] = f"client:{KEY}" if manifest.auth.token_path else KEY
    with DescribedSandbox(manifest, clock, KEY, DAY, takes=timedelta(0)) as sandbox:
        yield Bench(base, sandbox, clock, make_house(base, file, sandbox.url, clock))  # type: ignore[arg-type]


def make_house(base: Path, file: Path, url: str, clock: SandboxClock) -> Config:
    """Make a vault whose only source is the manifest's provider at an address; return its configuration."""
    dataset = next(iter(load_manifest(file).manifest.datasets))
    source = FreshSource(
        "described",
        "qlara",
        f"env:{VARIABLE}",
        ("message-history",),
        since=f"{DAY.start:%Y-%m-%d}",
        base_url=url,
        allow_private_addresses=True,
    )
    wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.age", None, source)
    initialize(wanted, make_identity(os.urandom), Dependencies(clock=clock))
    text = wanted.config.read_text().replace('provider = "qlara"', f'provider = "{file.stem}"')
    text = text.replace('"message-history"', f'"{dataset}"')
    wanted.config.write_text(text + f'\n[provider]\ndirectories = ["{file.parent}"]\n')
    return load_config(wanted.config)
