"""The adapters by name. A source's `provider` in the configuration is one of these words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from strongroom.model.errors import UsageError
from strongroom.providers.port import Provider
from strongroom.providers.settings import LimitOverrides, ProviderSettings
from strongroom.providers.zavu import build_zavu

__all__ = ["PROVIDERS", "LimitOverrides", "ProviderSettings", "build"]

PROVIDERS: Mapping[str, Callable[[ProviderSettings], Provider]] = MappingProxyType({"zavu": build_zavu})


def build(provider: str, settings: ProviderSettings) -> Provider:
    """Return an adapter for one source. Raises UsageError for a name or settings that cannot be used."""
    make = PROVIDERS.get(provider)
    if make is None:
        raise UsageError(f"there is no provider named {provider!r}", hint=f"known are: {', '.join(sorted(PROVIDERS))}")
    return make(settings)
