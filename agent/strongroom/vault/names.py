"""The names that the vault has seen: what a filter of a list may ask for."""

from __future__ import annotations

from strongroom.vault.catalogue import Catalogue

_STREAMS = """
SELECT stream AS name FROM archives UNION SELECT stream FROM jobs UNION SELECT stream FROM tombstones
UNION SELECT name FROM streams ORDER BY name
"""
_KINDS = "SELECT DISTINCT kind AS name FROM entries ORDER BY name"


def names_of_streams(catalogue: Catalogue) -> list[str]:
    """Return the name of every stream that has, or had, anything in the vault."""
    return [str(row["name"]) for row in catalogue.read(_STREAMS)]


def kinds_of_entries(catalogue: Catalogue) -> list[str]:
    """Return every kind of entry in the log."""
    return [str(row["name"]) for row in catalogue.read(_KINDS)]
