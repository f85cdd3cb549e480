"""The adapters by name: built-in ones, and those of other distributions. A source's `provider` is one of these names.

A distribution provides an adapter by an entry point in the group `strongroom.providers`: its name, and a callable that
takes `ProviderSettings` and returns a `Provider`. Rules: a built-in adapter cannot be replaced; a name that two
distributions claim is not used; no foreign code is imported before a source that names it is built; and an adapter
that cannot be used stops its own source and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct

from strongroom.model.errors import AuthRefused, StrongroomError, UsageError
from strongroom.model.manifest import Manifest
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import (
    PROVIDER_GROUP,
    Ask,
    Capabilities,
    ExpiryBasis,
    Limits,
    Match,
    Renewal,
)
from strongroom.providers.port import LimitOverrides, Provider, ProviderSettings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Unavailable:
    """Stands in for an installed adapter that cannot be used, and refuses every call. `why` has no full stop.

    The refusal is AuthRefused because that pauses the source until a person acts, and counts no window as failed.
    """

    capabilities = Capabilities((), Match.NONE, Renewal.NEW_EXPORT, ExpiryBasis.UNKNOWN)
    limits = Limits(concurrent=None, per_hour=None)

    def __init__(self, why: str) -> None:
        self._why = why

    def ask(self, spec: ExportSpec) -> Ask:
        """Translate as if anything could be exported: plans are made with it, and nothing is ever sent."""
        return Ask(frozenset(spec.datasets), spec.window.start, spec.window.end)

    def refuse(self, *_arguments: object, **_named: object) -> NoReturn:
        """Raise AuthRefused."""
        raise AuthRefused(self._why, hint="install a version of it that fits this one, then restart")

    expectation = create = sweep = observe = parts = download = renew = delete = probe = refuse


__all__ = ["PROVIDERS", "LimitOverrides", "Offer", "ProviderSettings", "build", "offers"]


def _hookbridge(settings: ProviderSettings) -> Provider:
    from strongroom.providers.hookbridge import build_hookbridge  # here and below: only what is configured is imported

    return build_hookbridge(settings)


def _qlara(settings: ProviderSettings) -> Provider:
    from strongroom.providers.qlara import build_qlara

    return build_qlara(settings)


def _zavu(settings: ProviderSettings) -> Provider:
    from strongroom.providers.zavu import build_zavu

    return build_zavu(settings)


PROVIDERS: Mapping[str, Callable[[ProviderSettings], Provider]] = MappingProxyType(
    {"hookbridge": _hookbridge, "qlara": _qlara, "zavu": _zavu}
)
"""Those that come with the program."""

_METHODS = tuple(sorted(name for name in vars(Provider) if not name.startswith("_")))


COLLECT = "collect"
"""The option of a source that has records collected by paging, where its account's API makes no exports."""


class Offer(Struct, frozen=True):
    """One adapter by its name, and who brings it."""

    name: str
    distribution: str  # its name and version; empty for ours
    refused: str = ""  # why it is never used, or empty


def offers() -> list[Offer]:
    """Return every adapter that is installed, ours first, without importing any."""
    found = [Offer(name, "") for name in PROVIDERS]
    for name, entries in sorted(_foreign().items()):
        whose = _brought_by(entries)
        refused = f"the name {name} belongs to the built-in adapter" if name in PROVIDERS else ""
        refused = refused or (f"the name {name} is claimed more than once" if len(entries) > 1 else "")
        found += [Offer(name, each, refused) for each in whose]
    return found


def build(provider: str, settings: ProviderSettings) -> Provider:
    """Return an adapter for one source.

    An installed adapter that cannot be loaded comes back as one that refuses every call and says why, so that the other
    sources go on. Raises UsageError for a name that is unknown or not unique, and for settings that cannot be used.
    """
    own = PROVIDERS.get(provider)
    if own is not None and COLLECT in settings.options:
        from strongroom.providers.paged_accounts import build_paged

        return build_paged(provider, settings)
    if own is not None:
        return own(settings)
    entries = _foreign().get(provider, [])
    if not entries:
        known = ", ".join(sorted({offer.name for offer in offers()}))
        raise UsageError(f"there is no provider named {provider!r}", hint=f"known are: {known}")
    if len(entries) > 1:
        whose = " and ".join(_brought_by(entries))
        raise UsageError(f"the provider name {provider!r} is claimed by {whose}", hint="uninstall all but one of them")
    return _build_foreign(entries[0], settings)


def build_described(manifest: Manifest, settings: ProviderSettings) -> Provider:
    """Return the adapter of a provider that a manifest describes. Raises UsageError for unusable settings."""
    from strongroom.providers.manifest_provider import build_manifest

    return build_manifest(manifest, settings)


def _build_foreign(entry: EntryPoint, settings: ProviderSettings) -> Provider:
    try:
        adapter = entry.load()(settings)
    except StrongroomError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever foreign code raises ends its own source, and no other
        return Unavailable(f"{_label(entry)} cannot be loaded: {type(error).__name__}")
    lacking = [name for name in _METHODS if not hasattr(adapter, name)]
    if lacking:
        return Unavailable(f"{_label(entry)} does not meet the port: it lacks {', '.join(lacking)}")
    return adapter  # type: ignore[no-any-return]  # that it has the port's methods is all that can be known of it


def _foreign() -> dict[str, list[EntryPoint]]:
    from importlib.metadata import entry_points

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=PROVIDER_GROUP):
        found.setdefault(entry.name, []).append(entry)
    return found


def _brought_by(entries: list[EntryPoint]) -> list[str]:
    return sorted(_distribution(entry) for entry in entries)


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed distribution"


def _label(entry: EntryPoint) -> str:
    return f"the adapter {entry.name} of {_distribution(entry)}"
