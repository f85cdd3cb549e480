"""Putting the engine together from a configuration: the one place where all rooms meet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from strongroom.config.schema import Config, SourceSettings
from strongroom.config.secrets import SecretRef, resolve
from strongroom.engine.airlock.anteroom import Anteroom
from strongroom.engine.coverage.renames import accounts_of, adopt_renames
from strongroom.engine.destruction.approvalrules import note_rules
from strongroom.engine.destruction.desk import Rules
from strongroom.engine.engine import Engine, Happening, Source
from strongroom.engine.health.addresses import address_of, note_addresses
from strongroom.engine.keys.recipients import note_recipients, require_sealable
from strongroom.engine.retention.retain import Policy, adopt_policy
from strongroom.engine.retention.zones import adopt_zones
from strongroom.model.errors import UsageError
from strongroom.model.instants import Chance, Clock
from strongroom.model.job import Job, State
from strongroom.model.patience import Patience
from strongroom.model.plan import Plan
from strongroom.model.stream import Stream
from strongroom.vault.jobs import live_jobs
from strongroom.vault.lock import hold
from strongroom.vault.vault import Vault, open_vault


def system_clock() -> datetime:
    """Return the present instant: the one place that asks the system."""
    return datetime.now(UTC)


def reveal(ref: SecretRef) -> str:
    """Fetch a secret now. Raises UsageError or WorldError where it is not to be had."""
    return resolve(ref).reveal()


@dataclass(frozen=True, slots=True)
class Doors:
    """Where time, chance, secrets, the wish to stop and a sealer started early come in."""

    clock: Clock = system_clock
    monotonic: Callable[[], float] = time.monotonic
    chance: Chance = os.urandom
    stop: Callable[[], bool] = lambda: False
    secret: Callable[[SecretRef], str] = reveal
    witness: Callable[[str], None] = lambda _where: None
    listen: Callable[[Job, Job, Happening], None] = lambda _before, _after, _happening: None
    anteroom: Callable[[], Anteroom] = Anteroom  # what it returns is closed with the engine


@contextmanager
def open_reading(config: Config) -> Iterator[Vault]:
    """Open the vault for reading what the catalogue tells; needs no lock."""
    vault = open_vault(config.vault.path)
    vault.refuse_if_older()
    try:
        yield vault
    finally:
        vault.close()


@contextmanager
def open_engine(
    config: Config, holder: str, doors: Doors | None = None, patience: Patience | None = None
) -> Iterator[Engine]:
    """Open the vault for work: take its lock for as long as the block lasts, and build every source.

    `holder` is how the lock names us to others, such as "strongroom run --once".
    """
    doors = doors or Doors()
    vault = open_vault(config.vault.path)
    vault.refuse_if_older()
    try:
        with hold(vault.layout.lock, holder), closing(doors.anteroom()) as anteroom:
            vault.make_folders()
            if any(_is_transfer_near(job, doors.clock()) for job in live_jobs(vault.catalogue)):
                anteroom.prepare()  # it starts while the HTTP library is imported
            yield take_over(config, vault, doors, anteroom, patience)
    finally:
        vault.close()


@contextmanager
def open_looking(config: Config, doors: Doors | None = None) -> Iterator[Engine]:
    """Open the engine to look only: no lock is taken, and nothing may be performed or recorded with it."""
    with open_reading(config) as vault:
        yield engine_to_look(config, vault, doors)


def engine_to_look(config: Config, vault: Vault, doors: Doors | None = None) -> Engine:
    """Return an engine over an open vault, to look only: nothing may be performed or recorded with it."""
    return _engine(config, vault, doors or Doors(), Anteroom(), None)


def take_over(
    config: Config, vault: Vault, doors: Doors, anteroom: Anteroom, patience: Patience | None = None
) -> Engine:
    """Return the engine that works by a configuration; at a start and at a reload alike, so that neither forgets a key.

    Raises StrongroomError where it cannot: an adapter is missing, or a locked vault refuses. Nothing works by it then.
    """
    note_recipients(vault, config.vault.recipients, doors.clock())  # before anything that can refuse
    note_rules(vault, rules_of(config), doors.clock())
    require_sealable(config.vault.recipients, doors.chance)
    engine = _engine(config, vault, doors, anteroom, patience)
    note_addresses(vault, engine.sources, doors.clock())
    adopt_policy(vault, policy_of(config), doors.clock())
    adopt_renames(vault, accounts_of(config.sources), streams_of(config), doors.clock(), doors.chance)
    adopt_zones(vault, zones_of(config), doors.clock())  # after renames: archives are found by their present names
    return engine


def _is_transfer_near(job: Job, now: datetime) -> bool:
    """Say whether a file may be downloaded for this job as soon as it is looked at."""
    return job.state in (State.WAITING, State.READY) and job.next_at <= now


def _engine(config: Config, vault: Vault, doors: Doors, anteroom: Anteroom, patience: Patience | None) -> Engine:
    return Engine(
        vault=vault,
        sources=build_sources(config, doors),
        recipients=config.vault.recipients,
        clock=doors.clock,
        chance=doors.chance,
        patience=patience or Patience(),
        min_free=config.vault.min_free,
        anteroom=anteroom,
        stop=doors.stop,
        witness=doors.witness,
        listen=doors.listen,
        settles={plan.stream.name: plan.settle for plan in plans_of(config)},
        clock_tolerance=config.vault.clock_tolerance,
        zones=zones_of(config),
    )


def build_sources(config: Config, doors: Doors | None = None) -> Mapping[str, Source]:
    """Build an adapter for every configured source. Secrets are resolved when they are first needed."""
    return {settings.name: build_source(settings, config, doors or Doors()) for settings in config.sources}


def build_source(settings: SourceSettings, config: Config, doors: Doors) -> Source:
    """Build the adapter of one source."""
    # The HTTP library is slow to import: only those who talk to a provider pay for it.
    from strongroom.providers.bounds import Bounds, Paths
    from strongroom.providers.registry import build
    from strongroom.providers.settings import LimitOverrides, ProviderSettings
    from strongroom.providers.watch import Pace

    network, limits = config.network, settings.limits
    provider = build(
        settings.provider,
        ProviderSettings(
            api_key=lambda: doors.secret(settings.api_key),
            clock=doors.clock,
            base_url=settings.base_url or "",
            bounds=Bounds(
                connect=network.connect_timeout.total_seconds(),
                read=network.read_timeout.total_seconds(),
                export=network.max_export_size,
                pace=Pace(rate=network.min_rate),
            ),
            paths=Paths(
                allow_private=settings.allow_private_addresses,
                download_hosts=settings.download_hosts,
                proxy=network.proxy,
                ca_file=str(network.ca_file) if network.ca_file else None,
            ),
            limits=LimitOverrides(
                concurrent=limits.concurrent,
                per_hour=limits.per_hour,
                retention=timedelta(days=settings.retention_days) if settings.retention_days else None,
            ),
            options={name: str(value) for name, value in settings.options.items()},
            monotonic=doors.monotonic,
            stop=doors.stop,
        ),
    )
    if settings.delete_after_archive and not provider.capabilities.deletes:
        raise UsageError(
            f"source {settings.name} is to delete exports once they are archived, which {settings.provider} cannot do",
            hint="take delete_after_archive out of its section: the provider removes exports by itself",
        )
    deletes, address = settings.delete_after_archive, address_of(settings, network)
    return Source(settings.name, settings.provider, provider, deletes, address, settings.second_look)


def policy_of(config: Config) -> Policy:
    """Return what the configuration says of retention."""
    return Policy(config.retention, tuple((each.name, each.retention) for each in config.streams), config.vault.lock)


def rules_of(config: Config) -> Rules:
    """Return what the configuration says that a destruction takes."""
    told = config.destruction
    return Rules(told.people, told.cooling_off, told.approvers)


def streams_of(config: Config) -> list[Stream]:
    """Return every configured stream."""
    return [plan.stream for plan in plans_of(config)]


def zones_of(config: Config) -> dict[str, str]:
    """Return the time zone (IANA name) of every configured stream, by its name."""
    return {plan.stream.name: plan.zone for plan in plans_of(config)}


def plans_of(config: Config) -> list[Plan]:
    """Return the plan of every configured stream."""
    return [stream.plan() for stream in config.streams]


def stream_for(config: Config, source: str, datasets: tuple[str, ...]) -> tuple[Stream, str]:
    """Return the configured stream that is exactly these datasets, or one made for them, with its retention class.

    Without a dataset it is the source's only stream. Raises UsageError when it has none or several.
    """
    settings = config.source(source)
    own = [each for each in config.streams if each.source == source]
    for each in own:
        if (set(each.datasets) == set(datasets) and not each.filters) or (not datasets and len(own) == 1):
            return each.plan().stream, each.retention
    if not datasets:
        raise UsageError("no dataset was named", hint="add --dataset NAME, once for each")
    name = f"{settings.name}:{'+'.join(sorted(datasets))}"
    return Stream(name, source, tuple(sorted(datasets))), "standard"
