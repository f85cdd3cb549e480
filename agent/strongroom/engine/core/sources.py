"""What the engine is built from, and the adapter and the address of each configured source.

Addresses are logged, because anyone who changes one can put a server of their own behind it. The catalogue remembers
the last one, so that a start need not read the log. It decides nothing: only an address in the log may confirm a time.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from strongroom.config.manifest import ManifestFile
from strongroom.config.schema import Config, NetworkSettings
from strongroom.config.secrets import SecretRef, resolve
from strongroom.config.sources import SourceSettings
from strongroom.engine.core.engine import Engine, SourceAccount, StepResult, new_launcher
from strongroom.evidence.line import Entry
from strongroom.model.decision import RetryPolicy
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.job import Job
from strongroom.model.plan import Plan, Stream
from strongroom.model.time_log import BUILT_IN
from strongroom.model.times import Chance, Clock
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault, open_vault

if TYPE_CHECKING:
    from strongroom.engine.worker.launcher import Launcher

_DIGITS = 16  # hex digits of a digest that replaces a longer value


def system_clock() -> datetime:
    """Return the present instant: the only place that asks the system."""
    return datetime.now(UTC)


def reveal(ref: SecretRef) -> str:
    """Return a secret, read now. Raises UsageError or WorldError where it is not available."""
    return resolve(ref).reveal()


class Dependencies(Struct, frozen=True):
    """Time, randomness, secrets, requests to stop, and what else comes from outside; tests replace them."""

    clock: Clock = system_clock
    monotonic: Callable[[], float] = time.monotonic
    random_bytes: Chance = os.urandom
    stop: Callable[[], bool] = lambda: False
    secret: Callable[[SecretRef], str] = reveal
    crash_point: Callable[[str], None] = lambda _where: None
    listen: Callable[[Job, Job, StepResult], None] = lambda _before, _after, _result: None
    launcher: Callable[[], Launcher] = new_launcher  # what it returns is closed with the engine


@contextmanager
def open_reading(config: Config) -> Iterator[Vault]:
    """Open the vault for reading; needs no lock."""
    vault = open_vault(config.vault.path)
    vault.refuse_if_older()
    try:
        yield vault
    finally:
        vault.close()


def engine_to_look(config: Config, vault: Vault, dependencies: Dependencies | None = None) -> Engine:
    """Return an engine for reading only: nothing may be performed or recorded with it."""
    return new_engine(config, vault, dependencies or Dependencies(), new_launcher(), None)


def new_engine(
    config: Config, vault: Vault, dependencies: Dependencies, launcher: Launcher, retry_policy: RetryPolicy | None
) -> Engine:
    """Return an engine as the configuration sets it; nothing is checked or written yet."""
    return Engine(
        vault=vault,
        sources=build_sources(config, dependencies),
        recipients=config.vault.recipients,
        clock=dependencies.clock,
        random_bytes=dependencies.random_bytes,
        retry_policy=retry_policy or RetryPolicy(),
        min_free=config.vault.min_free,
        launcher=launcher,
        stop=dependencies.stop,
        crash_point=dependencies.crash_point,
        listen=dependencies.listen,
        settles={plan.stream.name: plan.settle for plan in plans_of(config)},
        clock_tolerance=config.vault.clock_tolerance,
        zones=zones_of(config),
        unindexed=frozenset(stream.name for stream in config.streams if not stream.index),
    )


def build_sources(config: Config, dependencies: Dependencies | None = None) -> Mapping[str, SourceAccount]:
    """Build an adapter for every configured source. Secrets are resolved when they are first needed."""
    dependencies = dependencies or Dependencies()
    return {settings.name: build_source(settings, config, dependencies) for settings in config.sources}


def build_source(settings: SourceSettings, config: Config, dependencies: Dependencies) -> SourceAccount:
    """Build the adapter of one source."""
    # The HTTP library is slow to import: only commands that talk to a provider pay for it.
    from strongroom.providers.limits import Bounds, Pace, Paths
    from strongroom.providers.port import LimitOverrides, ProviderSettings
    from strongroom.providers.registry import build, build_described

    network, limits = config.network, settings.limits
    described = config.manifests.get(settings.provider)
    make = partial(build, settings.provider) if described is None else partial(build_described, described.manifest)
    provider = make(
        ProviderSettings(
            api_key=lambda: dependencies.secret(settings.api_key),
            clock=dependencies.clock,
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
            monotonic=dependencies.monotonic,
            stop=dependencies.stop,
        ),
    )
    if settings.delete_after_archive and not provider.capabilities.deletes:
        raise UsageError(
            f"source {settings.name} has delete_after_archive = true, but {settings.provider} cannot delete exports",
            hint="remove delete_after_archive from its section: the provider removes exports automatically",
        )
    deletes, address = settings.delete_after_archive, address_of(settings, network, described)
    return SourceAccount(settings.name, settings.provider, provider, deletes, address, settings.second_look)


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
    """Return the configured stream with exactly these datasets, or one made for them, with its retention class.

    Without a dataset, return the source's only stream. Raises UsageError when it has none or several.
    """
    settings = config.source(source)
    own = [each for each in config.streams if each.source == source]
    for each in own:
        if (set(each.datasets) == set(datasets) and not each.filters) or (not datasets and len(own) == 1):
            return each.plan().stream, each.retention
    if not datasets:
        raise UsageError(f"no dataset of source {source} was named", hint="add --dataset NAME, once for each")
    name = f"{settings.name}:{'+'.join(sorted(datasets))}"
    return Stream(name, source, tuple(sorted(datasets))), "standard"


def address_of(settings: SourceSettings, network: NetworkSettings, described: ManifestFile | None = None) -> str:
    """Return the address of a source: its origin, and digests of its proxy and of its own certificate authorities.

    With a manifest, which can name any address, it is never empty and has the digest of the file. It is empty for the
    adapter's own address, used directly and under the built-in root certificates.
    """
    base = settings.base_url or (described.manifest.provider.base_url if described else "")
    parts = [_origin(base)] if base else []
    parts += [f"manifest:{described.digest[:_DIGITS]}"] if described else []
    parts += [f"proxy:{_digest(network.proxy.encode())}"] if network.proxy else []
    parts += [f"authorities:{_digest(_content(network.ca_file))}"] if network.ca_file else []
    return " ".join(parts)


def note_addresses(vault: Vault, sources: Mapping[str, SourceAccount], now: datetime) -> None:
    """Log each source's address that differs from the last one; a built-in one only after another."""
    if not _changed(vault.catalogue, sources):
        return
    with vault.catalogue.transaction():
        for source in _changed(vault.catalogue, sources):
            vault.catalogue.write(PUT_FACT, _fact(source.name), source.address)
            facts = {"source": source.name, "address": source.address}
            add_entry(vault.catalogue, Entry(EntryKind.SOURCE_ADDRESS, now, facts=facts))
    vault.write_log()


def _changed(catalogue: Catalogue, sources: Mapping[str, SourceAccount]) -> list[SourceAccount]:
    return [each for each in sources.values() if each.address != _last_address(catalogue, each.name)]


def _last_address(catalogue: Catalogue, source: str) -> str:
    row = catalogue.read_one(FACT, _fact(source))
    return str(row["value"]) if row else BUILT_IN


def _fact(source: str) -> str:
    return f"address of {source}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or {'http': 80}.get(parts.scheme, 443)}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # the connection reports what is wrong with it


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
