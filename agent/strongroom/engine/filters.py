"""The names that filters of lists may use: one that names nothing known is refused, since its empty list says nothing.

What is known is what the configuration names and what the vault has ever seen, so that a stream that is no longer
configured can still be listed.
"""

from __future__ import annotations

from itertools import accumulate

from strongroom.config.schema import Config
from strongroom.engine.phrases import KINDS
from strongroom.model.naming import pick_name
from strongroom.vault.holds import holds
from strongroom.vault.names import kinds_of_entries, names_of_streams
from strongroom.vault.vault import Vault

_WHERE = "the configuration or the vault"


def known_stream(config: Config, vault: Vault, name: str) -> str:
    """Return a stream's name in its own spelling, empty for none. Raises UsageError for one that is not known."""
    if not name:
        return ""
    configured = [each.name for each in config.streams]
    return pick_name("stream", name, [*configured, *names_of_streams(vault.catalogue)], _WHERE)


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
