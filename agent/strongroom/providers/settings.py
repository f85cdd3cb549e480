"""What an adapter is built from: one frozen noun for each source, so that no adapter reads a configuration itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from strongroom.model.instants import Clock
from strongroom.model.provider import Limits
from strongroom.providers.addresses import Resolver, resolve_by_system
from strongroom.providers.bounds import Bounds, Paths
from strongroom.providers.watch import Monotonic


@dataclass(frozen=True, slots=True)
class LimitOverrides:
    """Limits that a person set for this source; None leaves the provider's own."""

    concurrent: int | None = None
    per_hour: int | None = None
    poll_first: timedelta | None = None
    poll_longest: timedelta | None = None
    retention: timedelta | None = None

    def apply(self, limits: Limits) -> Limits:
        """Return the limits with what is set here in place."""
        own = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        return replace(limits, **own)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One source. `api_key` is called for each request and may ask a keyring; nothing keeps what it returns."""

    api_key: Callable[[], str] = field(repr=False)
    clock: Clock
    base_url: str = ""  # empty: the provider's public API
    bounds: Bounds = field(default_factory=Bounds)
    paths: Paths = field(default_factory=Paths)
    limits: LimitOverrides = field(default_factory=LimitOverrides)
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # of one provider only
    monotonic: Monotonic = time.monotonic
    resolve: Resolver = resolve_by_system
    stop: Callable[[], bool] = lambda: False  # says whether a person wants us to stop
