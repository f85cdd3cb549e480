"""The names that filters of lists may use: one that names nothing known is refused, since its empty list says nothing.

What is known is what the configuration names and what the vault has ever seen, so that a stream that is no longer
configured can still be listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from strongroom.config.schema import Config
from strongroom.engine.engine import Engine
from strongroom.engine.phrases import KINDS
from strongroom.model.archive import Archive
from strongroom.model.naming import pick_name
from strongroom.vault.holds import holds
from strongroom.vault.names import kinds_of_entries, names_of_streams
from strongroom.vault.renames import present_streams
from strongroom.vault.vault import Vault

_WHERE = "the configuration or the vault"


def known_stream(config: Config, vault: Vault, name: str) -> str:
    """Return the present name of a stream in its own spelling, empty for none.

    Raises UsageError for one that is not known.
    """
    if not name:
        return ""
    configured = [each.name for each in config.streams]
    found = pick_name("stream", name, [*configured, *names_of_streams(vault.catalogue)], _WHERE)
    return found if found in configured else present_streams(vault.catalogue).get(found, found)


def known_datasets(engine: Engine, source: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return names of datasets in the provider's spelling. Raises UsageError for one that it cannot export."""
    provider = engine.sources[source].provider
    return tuple(pick_name("dataset", each, provider.capabilities.datasets, f"what {source} exports") for each in names)


def dataset_among(name: str, archives: Iterable[Archive]) -> str:
    """Return a dataset in its own spelling, empty for none. Raises UsageError for one that none of the archives has."""
    if not name:
        return ""
    known = [shape.name for archive in archives for shape in archive.expectation.datasets]
    return pick_name("dataset", name, known, "these archives")


def known_matter(vault: Vault, name: str) -> str:
    """Return a matter's name in its own spelling, empty for none. Raises UsageError where no hold ever had it."""
    if not name:
        return ""
    return pick_name("matter", name, (each.matter for each in holds(vault.catalogue, active=False)), "the vault")


def known_kind(vault: Vault, name: str) -> str:
    """Return a kind of entry or a group of kinds, empty for none. Raises UsageError for one that is not known."""
    if not name:
        return ""
    kinds = [*KINDS, *kinds_of_entries(vault.catalogue)]
    groups = [group for kind in kinds for group in accumulate(kind.split("."), "{}.{}".format)]
    return pick_name("kind of entry", name, groups, "the log")
