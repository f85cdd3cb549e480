"""Builds the engine from a configuration, at a start and at a reload."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

from strongroom.config.schema import Config
from strongroom.engine.access.recipients import note_recipients, require_sealable
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.sources import (
    Dependencies,
    engine_to_look,
    new_engine,
    note_addresses,
    open_reading,
    streams_of,
    zones_of,
)
from strongroom.engine.destruction.context import note_rules, rules_of
from strongroom.engine.ingest.renames import accounts_of, adopt_renames
from strongroom.engine.retention.rules import Policy, adopt_policy, adopt_zones
from strongroom.engine.worker.launcher import Launcher
from strongroom.model.decision import RetryPolicy
from strongroom.model.job import Job, State
from strongroom.vault.jobs import live_jobs
from strongroom.vault.lock import hold
from strongroom.vault.vault import Vault, open_vault


@contextmanager
def open_engine(
    config: Config, holder: str, dependencies: Dependencies | None = None, retry_policy: RetryPolicy | None = None
) -> Iterator[Engine]:
    """Open the vault for work: hold its lock for the block, and build every source.

    `holder` is the name that others read in the lock, such as "strongroom run --once".
    """
    dependencies = dependencies or Dependencies()
    vault = open_vault(config.vault.path)
    vault.refuse_if_older()
    try:
        with hold(vault.layout.lock, holder), closing(dependencies.launcher()) as launcher:
            vault.make_folders()
            if any(_is_transfer_near(job, dependencies.clock()) for job in live_jobs(vault.catalogue)):
                launcher.prepare()  # the template starts while the HTTP library is imported
            yield take_over(config, vault, dependencies, launcher, retry_policy)
    finally:
        vault.close()


@contextmanager
def open_looking(config: Config, dependencies: Dependencies | None = None) -> Iterator[Engine]:
    """Open the engine for reading: no lock is taken, and nothing may be performed or recorded with it."""
    with open_reading(config) as vault:
        yield engine_to_look(config, vault, dependencies)


def take_over(
    config: Config,
    vault: Vault,
    dependencies: Dependencies,
    launcher: Launcher,
    retry_policy: RetryPolicy | None = None,
) -> Engine:
    """Adopt a configuration and return its engine.

    Raises StrongroomError where that is impossible: an adapter is missing, or a locked vault refuses a shorter period.
    """
    note_recipients(vault, config.vault.recipients, dependencies.clock())  # before anything that can raise
    note_rules(vault, rules_of(config), dependencies.clock())
    require_sealable(config.vault.recipients, dependencies.random_bytes)
    engine = new_engine(config, vault, dependencies, launcher, retry_policy)
    note_addresses(vault, engine.sources, dependencies.clock())
    adopt_policy(vault, policy_of(config), dependencies.clock())
    adopt_renames(
        vault, accounts_of(config.sources), streams_of(config), dependencies.clock(), dependencies.random_bytes
    )
    # After the renames: archives are found by their present names.
    adopt_zones(vault, zones_of(config), dependencies.clock())
    return engine


def _is_transfer_near(job: Job, now: datetime) -> bool:
    """Return whether this job's next step may be a download."""
    return job.state in (State.WAITING, State.READY) and job.next_at <= now


def policy_of(config: Config) -> Policy:
    """Return what the configuration says about retention."""
    return Policy(config.retention, tuple((each.name, each.retention) for each in config.streams), config.vault.lock)
