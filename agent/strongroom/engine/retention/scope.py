"""Names that a hold or an erasure request may use: those of the configuration and of the vault.

A misspelled name would match nothing, and nobody would notice. So each name must be known, and names that are used
together must belong together. They are compared without case, and with accents in any Unicode form.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from strongroom.config.schema import Config
from strongroom.model.errors import UsageError
from strongroom.model.hold import HoldRule
from strongroom.model.names import fold_name, pick_name
from strongroom.vault.retention_records import known_streams
from strongroom.vault.vault import Vault


class Named(Struct, frozen=True):
    """One stream, as configured or as an archive names it."""

    source: str
    stream: str
    datasets: tuple[str, ...]
    configured: bool = False


def known_names(config: Config, vault: Vault) -> list[Named]:
    """Return every stream of the configuration and of the archives, and every source without a stream."""
    configured = [Named(each.source, each.name, each.datasets, configured=True) for each in config.streams]
    bare = [Named(each.name, "", (), configured=True) for each in config.sources]
    return [*configured, *bare, *(Named(*each) for each in known_streams(vault.catalogue))]


def resolve_scope(known: Iterable[Named], rule: HoldRule) -> HoldRule:
    """Return the rule with each name as it is spelled where it is known.

    Raises UsageError for an unknown name, with the nearest known one, and for names that do not belong together.
    """
    known = list(known)
    source = _resolve("source", rule.source, (each.source for each in known))
    stream = _resolve("stream", rule.stream, (each.stream for each in known))
    dataset = _resolve("dataset", rule.dataset, (name for each in known for name in each.datasets))
    if not any(_fits(each, source, stream, dataset) for each in known):
        given = {"source": source, "stream": stream, "dataset": dataset}
        words = ", ".join(f"{noun} {name}" for noun, name in given.items() if name)
        raise UsageError(
            f"{words} do not belong together: this would match no archive, now or later",
            hint="to see which stream belongs to which source, run: strongroom config show",
        )
    return replace(rule, source=source, stream=stream, dataset=dataset)


def unconfigured(config: Config, rule: HoldRule) -> str:
    """Return a name of a hold that is no longer in the configuration; empty where all of them are."""
    known = [Named(each.source, each.name, each.datasets) for each in config.streams]
    for noun, name, names in (
        ("source", rule.source, [each.name for each in config.sources]),
        ("stream", rule.stream, [each.stream for each in known]),
        ("dataset", rule.dataset, [name for each in known for name in each.datasets]),
    ):
        if name and fold_name(name) not in map(fold_name, names):
            return f"{noun} {name}"
    return ""


def _fits(each: Named, source: str, stream: str, dataset: str) -> bool:
    wrong = (source and each.source != source) or (stream and each.stream != stream)
    return not wrong and (not dataset or dataset in each.datasets)


def _resolve(noun: str, name: str, names: Iterable[str]) -> str:
    return pick_name(noun, name, names, "the configuration or the vault") if name else ""
