"""What a person reads of streams and sources that were given another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.cli.terminal import clean, tell
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.names import fold_name

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.queries.lists import Vault


def tell_pending_renames(config: Config, vault: Vault) -> None:
    """Say which names of the configuration take effect with the next run, or why it will refuse them."""
    from strongroom.engine.core.sources import streams_of
    from strongroom.engine.ingest.renames import accounts_of, pending_renames

    try:
        found = pending_renames(vault.catalogue, accounts_of(config.sources), streams_of(config))
    except UsageError as error:
        tell(f"The next run will refuse this configuration: {clean(error.message)}.")
        return
    for each in found:
        tell(
            f"{each.noun.value.capitalize()} {clean(each.old)} was renamed to {clean(each.new)}."
            f" Until the next run, it is listed under {clean(each.old)}."
        )


def tell_new_names(config: Config) -> None:
    """Say which streams and sources the run that begins now gives a new name."""
    from strongroom.engine.core.sources import open_reading, streams_of
    from strongroom.engine.ingest.renames import accounts_of, pending_renames

    try:
        with open_reading(config) as vault:
            found = pending_renames(vault.catalogue, accounts_of(config.sources), streams_of(config))
    except StrongroomError:
        return  # whatever is wrong, the run says it itself
    for each in found:
        tell(f"{each.noun.value.capitalize()} {clean(each.old)} was renamed to {clean(each.new)}.")


def asked_stream(config: Config, vault: Vault, name: str) -> str:
    """Return the present name of a stream that a person named, empty for none, and say where it was renamed.

    Raises UsageError for a name that is not known.
    """
    from strongroom.engine.queries.lists import known_stream

    found = known_stream(config, vault, name)
    if found and fold_name(found) != fold_name(name):
        tell(f"Stream {clean(name)} was renamed to {clean(found)}.")
    return found
