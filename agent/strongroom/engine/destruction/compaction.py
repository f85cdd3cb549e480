"""Deleting is not enough: after it the catalogue is written anew once, so that no page of it keeps what was there.

That it is owed is written in the transaction that deletes, so that a crash or a reader in the way only delays it.
"""

from __future__ import annotations

from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue

_OWED = "compaction-owed"


def owe(catalogue: Catalogue) -> None:
    """Write down that the catalogue must be written anew; inside the transaction that deletes."""
    catalogue.write(queries.PUT_FACT, _OWED, "yes")


def is_owed(catalogue: Catalogue) -> bool:
    """Say whether something deleted may still be found in the catalogue's file."""
    row = catalogue.read_one(queries.FACT, _OWED)
    return row is not None and row["value"] == "yes"


def settle(catalogue: Catalogue) -> bool:
    """Write the catalogue anew where it is owed; return whether nothing is owed any more."""
    if not is_owed(catalogue):
        return True
    if not catalogue.compact():
        return False
    with catalogue.transaction():
        catalogue.write(queries.PUT_FACT, _OWED, "no")
    return True
